/** What isn't heard is said once, and is gone when it is heard. */
import { expect, it } from 'vitest';
import { MAX_UNHEARD } from '../protocol/player.ts';
import { type SoundUse, UnheardSounds } from './unheard.ts';

const use = (label: string, start = 0, key = label): SoundUse => ({
  key,
  label,
  places: [{ start, end: start + label.length }],
});
const unknown = (label: string) => ({ kind: 'unknown' as const, message: `no ${label}` });
const messages = (list: { message: string }[] | null) => list?.map(({ message }) => message) ?? null;

it('is said when it is known, and not again with each event', () => {
  const unheard = new UnheardSounds();
  unheard.ask(use('foo', 3), 0);
  expect(unheard.changeAt(10)).toBeNull();
  unheard.fail('foo', unknown('foo'));
  expect(unheard.changeAt(20)).toEqual([
    { kind: 'unknown', message: 'no foo', places: [{ start: 3, end: 6 }] },
  ]);
  unheard.ask(use('foo', 3), 30);
  unheard.fail('foo', unknown('foo'));
  expect(unheard.changeAt(40)).toBeNull();
  unheard.hear('foo');
  expect(unheard.changeAt(50)).toEqual([]);
  expect(unheard.changeAt(60)).toBeNull();
});

it('is told to be loading only when that takes longer than a second', () => {
  const unheard = new UnheardSounds();
  unheard.ask(use('quick'), 0);
  unheard.ask(use('slow'), 0);
  unheard.ask(use('slow'), 900);
  expect(unheard.changeAt(999)).toBeNull();
  unheard.hear('quick');
  expect(messages(unheard.changeAt(1_000))).toEqual(['Loading “slow”…']);
  unheard.hear('slow');
  expect(unheard.changeAt(1_100)).toEqual([]);
});

it('is said once for all samples of a sound, with all its places', () => {
  const unheard = new UnheardSounds();
  for (const [key, start] of [
    ['low', 20],
    ['high', 5],
    ['high', 20],
  ] as const) {
    unheard.ask(use('piano', start, key), 0);
    unheard.fail(key, { kind: 'not_loaded', message: 'no piano' });
  }
  const [said, ...others] = unheard.changeAt(0) ?? [];
  expect(others).toEqual([]);
  expect(said?.places.map(({ start }) => start)).toEqual([5, 20]);
  unheard.hear('low');
  // The other one is at the same places.
  expect(unheard.changeAt(0)).toBeNull();
  unheard.hear('high');
  expect(unheard.changeAt(0)).toEqual([]);
});

it('stays, when another event of a sound is written rightly', () => {
  const unheard = new UnheardSounds();
  unheard.ask(use('bd'), 0);
  unheard.fail('bd', { kind: 'failed', message: 'no such vowel' });
  unheard.ask(use('bd'), 0);
  unheard.hear('bd');
  expect(messages(unheard.changeAt(0))).toEqual(['no such vowel']);
});

it('has a bound, which a pattern of ever new names reaches', () => {
  const unheard = new UnheardSounds();
  for (let index = 0; index < MAX_UNHEARD; index++) expect(unheard.ask(use(`x${index}`), 0)).toBe(true);
  expect(unheard.ask(use('one more'), 0)).toBe(false);
  expect(unheard.ask(use('x0'), 0)).toBe(true);
  expect(unheard.changeAt(2_000)).toHaveLength(MAX_UNHEARD);
  unheard.hear('x0');
  expect(unheard.ask(use('one more'), 0)).toBe(true);
});
