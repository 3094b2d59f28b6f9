import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/live-session.ts';
import { PresenceRecorder, summary } from './presence.ts';

function setUp() {
  const clock = new FakeClock();
  const state = { present: [] as string[], isDown: false, note: null as string | null };
  const writes: string[][] = [];
  const logged: string[] = [];
  const recorder = new PresenceRecorder({
    present: () => [...state.present],
    record: async (ids) => {
      writes.push([...ids]);
      if (state.isDown) throw new Error('down');
    },
    note: (recorded) => {
      state.note = recorded;
    },
    log: (event) => logged.push(event),
    clock,
  });
  return { clock, state, writes, logged, recorder };
}

describe('presence', () => {
  it('is written a moment after somebody came or went, once for all who did meanwhile', async () => {
    const { clock, state, writes, recorder } = setUp();
    state.present = ['a'];
    recorder.changed();
    await clock.advance(500);
    state.present = ['a', 'b'];
    recorder.changed();
    expect(writes).toEqual([]);
    await clock.advance(500);
    expect(writes).toEqual([['a', 'b']]);
    await clock.advance(60_000);
    expect(writes).toHaveLength(1);
  });

  it('is written again for who comes during the write', async () => {
    const { clock, state, writes, recorder } = setUp();
    recorder.changed();
    await clock.advance(1_000);
    state.present = ['a'];
    recorder.changed();
    await clock.advance(1_000);
    expect(writes).toEqual([[], ['a']]);
  });

  it('is tried again when it fails, six times in all, and then left to the next change', async () => {
    const { clock, state, writes, logged, recorder } = setUp();
    state.isDown = true;
    recorder.changed();
    await clock.advance(1_000);
    expect(writes).toHaveLength(1);
    await clock.advance(2_000);
    expect(writes).toHaveLength(2);
    await clock.advance(600_000);
    expect(writes).toHaveLength(6);
    expect(logged.at(-1)).toBe('presence_given_up');
    expect(state.note).toBeNull();
    state.isDown = false;
    state.present = ['a'];
    recorder.changed();
    await clock.advance(1_000);
    expect(writes.at(-1)).toEqual(['a']);
    expect(state.note).toBe('a');
  });

  it('is corrected by a new instance that finds others than were written down, and only then', async () => {
    const { clock, state, writes, recorder } = setUp();
    state.present = ['b', 'a'];
    recorder.resume(summary(['a', 'b']));
    recorder.resume(null);
    await clock.advance(10_000);
    expect(writes).toEqual([['b', 'a']]);
    state.present = [];
    recorder.resume(state.note);
    await clock.advance(10_000);
    expect(writes).toEqual([['b', 'a'], []]);
    recorder.resume(state.note);
    recorder.resume(null);
    await clock.advance(10_000);
    expect(writes).toHaveLength(2);
  });

  it('of too many for a note is written once too often rather than never', async () => {
    const crowd = Array.from({ length: 4_000 }, (_, i) => `${i}`.padStart(36, '0'));
    const { clock, state, writes, recorder } = setUp();
    state.present = crowd;
    recorder.resume(summary(crowd));
    await clock.advance(10_000);
    expect(writes).toEqual([crowd]);
    expect(state.note?.length).toBeLessThan(100);
  });
});
