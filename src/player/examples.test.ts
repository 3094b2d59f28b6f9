/** The page's examples, evaluated as the player does: they play, from the first cycle, without a network. */
import { type Hap, State, TimeSpan } from '@strudel/core';
import { describe, expect, it } from 'vitest';
import { EXAMPLES } from '../client/examples/index.ts';
import { Evaluator } from './evaluation.ts';
import { KIT_NAMES } from './kit.ts';
import { limitQueries } from './query-limits.ts';
import { TimeLimit } from './time-limit.ts';

const SYNTHS = ['sine', 'sawtooth', 'square', 'triangle', 'supersaw', 'white', 'pink', 'brown'];
const CYCLES = 8;
/** More at once would be a wall of sound, and costs the listeners' computers. */
const MAX_ONSETS_A_CYCLE = 120;

const limit = new TimeLimit();
limitQueries(limit);
const evaluator = new Evaluator(limit, () => 0);

const fieldsOf = ({ value }: Hap): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : { value };

describe.each(EXAMPLES.map((example) => [example.id, example] as const))('%s', (_, { code, says, title }) => {
  const onsets = async () => {
    const { pattern } = await evaluator.evaluate(code, () => 0);
    return Array.from({ length: CYCLES }, (_, cycle) =>
      pattern.query(new State(new TimeSpan(cycle, cycle + 1))).filter((hap) => hap.hasOnset()),
    );
  };

  it('has events in each of its first cycles, and not too many', async () => {
    const counts = (await onsets()).map((haps) => haps.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThan(MAX_ONSETS_A_CYCLE);
  });

  it('plays only sounds that need no network, at levels that are sane', async () => {
    for (const hap of (await onsets()).flat()) {
      const { s, note, gain, bank, delayfeedback, value } = fieldsOf(hap);
      expect(value).toBeUndefined();
      expect(bank).toBeUndefined();
      if (s === undefined) expect(note).toBeDefined();
      else expect([...KIT_NAMES, ...SYNTHS]).toContain(s);
      expect(Number(gain ?? 1)).toBeLessThanOrEqual(1.3);
      expect(Number(delayfeedback ?? 0)).toBeLessThan(0.8);
    }
  });

  it('is explained: a title, a sentence, comments, in lines that fit a page', () => {
    expect(title).toMatch(/^[A-Z]/);
    expect(says).toMatch(/^[A-Z].*\.$/);
    expect(code).toMatch(/^\/\/ /m);
    expect(Math.max(...code.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(code.endsWith('\n')).toBe(true);
  });
});

it('there are a dozen or more, from easy to hard, each under an id of its own', () => {
  expect(EXAMPLES.length).toBeGreaterThanOrEqual(12);
  expect(new Set(EXAMPLES.map(({ id }) => id)).size).toBe(EXAMPLES.length);
  const levels = EXAMPLES.map(({ level }) => level);
  expect(levels).toEqual([...levels].sort());
  expect(new Set(levels)).toEqual(new Set([1, 2, 3, 4]));
});
