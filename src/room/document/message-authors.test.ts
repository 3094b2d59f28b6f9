import { expect, it } from 'vitest';
import { FakeStorage } from '../../../test/support/room.ts';
import { MessageAuthors } from './message-authors.ts';

it('an id is its first claimant’s, of two who come at once, too', async () => {
  const authors = new MessageAuthors(new FakeStorage());
  expect(await Promise.all([authors.claim('m', 'ada'), authors.claim('m', 'ben')])).toEqual([true, false]);
  expect(await authors.claim('m', 'ada')).toBe(true);
});

it('an accepted message’s id stays its author’s in the next instance; a claim alone does not', async () => {
  const storage = new FakeStorage();
  const first = new MessageAuthors(storage);
  await first.claim('said', 'ada');
  first.record('said', 'ada');
  await first.claim('refused', 'ada');
  const next = new MessageAuthors(storage);
  expect(await next.claim('said', 'ben')).toBe(false);
  expect(await next.claim('said', 'ada')).toBe(true);
  expect(await next.claim('refused', 'ben')).toBe(true);
});

it('of an id that memory has forgotten the storage knows the author', async () => {
  const authors = new MessageAuthors(new FakeStorage());
  authors.record('old', 'ada');
  for (let i = 0; i < 6_000; i++) authors.record(`m${i}`, 'ada');
  expect(await authors.claim('old', 'ben')).toBe(false);
});
