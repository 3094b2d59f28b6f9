/** Which sound an event asks for, and where in the code. */
import { type Hap, State, TimeSpan } from '@strudel/core';
import { samples } from 'superdough';
import { beforeAll, expect, it } from 'vitest';
import { Evaluator } from './evaluation.ts';
import { useOf } from './sound-use.ts';
import { TimeLimit } from './time-limit.ts';

beforeAll(() =>
  samples({ pad: ['a.wav', 'b.wav'], keys: { c3: ['low.wav'], c5: ['high.wav'] } }, 'https://x.test/'),
);

async function usesOf(code: string) {
  const { pattern } = await new Evaluator(new TimeLimit(), () => 0).evaluate(code, () => 0);
  return pattern.query(new State(new TimeSpan(0, 1))).map((hap: Hap) => {
    const use = useOf(hap.value, hap, code);
    return { ...use, texts: use.places.map(({ start, end }) => code.slice(start, end)) };
  });
}

it('is at the sound’s name, not at a note’s or an effect’s', async () => {
  const [use] = await usesOf('note("c3").s("foo").gain("0.5")');
  expect(use).toMatchObject({ sound: 'foo', bank: null, label: 'foo', texts: ['foo'] });
});

it('is at the sound and at its bank', async () => {
  const [use] = await usesOf('s("bd").bank("nobank")');
  expect(use).toMatchObject({ sound: 'bd', bank: 'nobank', label: 'nobank_bd', texts: ['nobank', 'bd'] });
});

it('knows the variations and notes of a sound apart', async () => {
  const [first, second] = await usesOf('s("pad pad:1")');
  expect([first?.label, second?.label]).toEqual(['pad', 'pad:1']);
  expect(first?.key).not.toBe(second?.key);
  const [low, high] = await usesOf('note("c3 c5").s("keys")');
  expect([low?.label, high?.label]).toEqual(['keys', 'keys']);
  expect(low?.key).not.toBe(high?.key);
});

it('takes whatever a pattern has for values', () => {
  for (const value of [null, undefined, 7, 'bd', [], { s: 7 }, { s: {}, bank: 3, ir: [] }]) {
    expect(useOf(value, null, '')).toMatchObject({ sound: null, bank: null, places: [] });
  }
});
