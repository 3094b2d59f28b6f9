/** What sounds, by its places in the code: said when it changes, and only then. */
import { State, TimeSpan } from '@strudel/core';
import { expect, it } from 'vitest';
import { Evaluator } from './evaluation.ts';
import { Sounding } from './sounding.ts';
import { TimeLimit } from './time-limit.ts';

it('is said at each change, from an event’s begin to its end', async () => {
  const code = 's("bd [~ sd]")';
  const { pattern } = await new Evaluator(new TimeLimit(), () => 0).evaluate(code, () => 0);
  const sounding = new Sounding();
  for (const hap of pattern.query(new State(new TimeSpan(0, 1)))) sounding.add(hap);
  const said = [0, 0.2, 0.4, 0.5, 0.6, 0.75, 0.9, 1].map((cycle) => {
    const places = sounding.changeAt(cycle);
    return places?.map(({ start, end }) => code.slice(start, end)).join() ?? null;
  });
  expect(said).toEqual(['bd', null, null, '', null, 'sd', null, '']);
  expect(sounding.clear()).toBe(false);
});

it('is cleared, and says whether anything was sounding', async () => {
  const { pattern } = await new Evaluator(new TimeLimit(), () => 0).evaluate('s("bd")', () => 0);
  const sounding = new Sounding();
  for (const hap of pattern.query(new State(new TimeSpan(0, 1)))) sounding.add(hap);
  sounding.changeAt(0.5);
  expect(sounding.clear()).toBe(true);
  expect(sounding.changeAt(0.6)).toBeNull();
});
