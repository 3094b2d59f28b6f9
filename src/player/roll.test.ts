/** What the piano roll has: the events around now, asked once, bounded, with pitch and sound. */
import { type Hap, State, TimeSpan } from '@strudel/core';
import { describe, expect, it } from 'vitest';
import { Evaluator } from './evaluation.ts';
import { CYCLES_AHEAD, CYCLES_BEHIND, type Look, Roll } from './roll.ts';
import { TimeLimit } from './time-limit.ts';

/** Asks a pattern, and keeps what was asked. */
async function lookAt(code: string): Promise<{ look: Look; asked: [number, number][] }> {
  const { pattern } = await new Evaluator(new TimeLimit(), () => 0).evaluate(code, () => 0);
  const asked: [number, number][] = [];
  const look = (begin: number, end: number): Hap[] => {
    asked.push([begin, end]);
    return pattern.query(new State(new TimeSpan(begin, end))).filter((hap) => hap.hasOnset());
  };
  return { look, asked };
}

/** As many pictures as it takes to be complete. */
function advance(roll: Roll, cycle: number, look: Look): void {
  for (let picture = 0; picture < 10; picture++) roll.advance(cycle, look);
}

it('has the pitch and the sound of each event', async () => {
  const { look } = await lookAt(
    'stack(s("bd hh"), note("c3 60").s("sine"), freq(440), note("e4").color("red"))',
  );
  const roll = new Roll(0);
  roll.advance(0, look);
  expect(roll.notes.map(({ pitch, voice, color }) => [pitch, voice, color])).toEqual([
    [null, 0, null],
    [null, 1, null],
    [48, 2, null],
    [60, 2, null],
    [69, 3, null],
    [64, 3, 'red'],
  ]);
  expect(roll.notes[1]).toMatchObject({ begin: 0.5, end: 1 });
});

describe('the events around now', () => {
  it('are asked for once, a cycle at a time, and forgotten when they are past', async () => {
    const { look, asked } = await lookAt('s("bd")');
    const roll = new Roll(10);
    advance(roll, 10, look);
    expect(asked[0]).toEqual([10 - CYCLES_BEHIND, 9]);
    expect(asked.at(-1)?.[1]).toBeGreaterThanOrEqual(10 + CYCLES_AHEAD);
    const before = asked.length;
    advance(roll, 10.2, look);
    expect(asked.length).toBe(before);
    advance(roll, 20, look);
    const begins = roll.notes.map(({ begin }) => begin);
    expect(Math.min(...begins)).toBeGreaterThanOrEqual(20 - CYCLES_BEHIND - 1);
    expect(new Set(begins).size).toBe(begins.length);
  });

  it('of another pattern take the place of what was to come, and leave what has sounded', async () => {
    const first = await lookAt('s("bd*4")');
    const second = await lookAt('s("hh")');
    const roll = new Roll(0);
    advance(roll, 0.6, first.look);
    roll.change(0.6);
    advance(roll, 0.6, second.look);
    expect(roll.notes.filter(({ voice }) => voice === 0).map(({ begin, end }) => [begin, end])).toEqual([
      [0, 0.25],
      [0.25, 0.5],
      [0.5, 0.6],
    ]);
    expect(roll.notes.filter(({ voice }) => voice === 1).map(({ begin }) => begin)).toEqual([1, 2, 3]);
  });

  it('of a pattern whose cycles are tied to another time stand alone', async () => {
    const first = await lookAt('s("bd*4")');
    const roll = new Roll(40);
    advance(roll, 40, first.look);
    roll.change(2);
    expect(roll.notes).toEqual([]);
    advance(roll, 2, first.look);
    expect(roll.notes[0]?.begin).toBe(2);
  });

  it('are bounded', async () => {
    const { look } = await lookAt('s("hh*600")');
    const roll = new Roll(0);
    advance(roll, 0, look);
    expect(roll.notes.length).toBe(1_000);
  });

  it('aren’t asked for any more where that takes too long', () => {
    const roll = new Roll(0);
    let asked = 0;
    for (let cycle = 0; cycle < 20; cycle++) {
      roll.advance(cycle, () => {
        asked += 1;
        return null;
      });
    }
    expect(asked).toBe(3);
  });
});
