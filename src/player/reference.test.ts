/** What the editor says of Strudel's words holds: each is one, and each example plays. */
import { noteToMidi, State, TimeSpan } from '@strudel/core';
import { expect, it } from 'vitest';
import { CHORDS, NOTES, SCALES } from '../client/editor/mini-words.ts';
import { REFERENCE } from '../client/editor/reference/index.ts';
import { type Evaluated, Evaluator } from './evaluation.ts';
import { limitQueries } from './query-limits.ts';
import { TimeLimit } from './time-limit.ts';
import { functionNames } from './vocabulary.ts';

const limit = new TimeLimit();
limitQueries(limit);
const evaluator = new Evaluator(limit, () => 0);
const cycles = ({ pattern }: Evaluated) => pattern.query(new State(new TimeSpan(0, 4)));

it('names each word once', () => {
  const names = REFERENCE.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(REFERENCE.length).toBeGreaterThanOrEqual(120);
});

it.each(REFERENCE.map((entry) => [entry.name, entry] as const))('%s', async (name, entry) => {
  const evaluated = await evaluator.evaluate(entry.example, () => 0);
  expect(entry.example).toMatch(new RegExp(`\\b(${[name, ...entry.aliases].join('|')})\\b`));
  expect(cycles(evaluated).some((hap) => hap.hasOnset())).toBe(true);
  for (const word of [name, ...entry.aliases]) {
    const isWord = functionNames().includes(word) || Reflect.get(globalThis, word) !== undefined;
    expect([word, isWord]).toEqual([word, true]);
  }
  expect(entry.says).toMatch(/^[A-Z].*[a-z\d”)]\.$/);
});

it('offers scales, chords, vowels and notes that Strudel knows', async () => {
  const codes = [
    ...SCALES.map((name) => `n("0 1 2").scale("C:${name}")`),
    ...CHORDS.map(([symbol]) => `chord("Eb${symbol}").voicing()`),
    `note("${NOTES.map(([name]) => name).join(' ')}")`,
  ];
  for (const code of codes) {
    const haps = cycles(await evaluator.evaluate(code, () => 0));
    expect([code, haps.length > 0], code).toEqual([code, true]);
  }
  for (const [name, midi] of NOTES) expect([name, noteToMidi(name)]).toEqual([name, midi]);
});
