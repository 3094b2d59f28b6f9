/** The public list is read in blocks, however it is asked for. */
import { expect, it } from 'vitest';
import type { LiveSessionSummary } from '../domain/directory.ts';
import type { PageRequest } from '../domain/page.ts';
import { liveList } from './live-list.ts';

function listOf(total: number) {
  let nowMs = 0;
  const asked: string[] = [];
  const directory = {
    async live(userId: string | null, { limit, offset }: PageRequest) {
      asked.push(`${userId} ${offset}`);
      const size = Math.max(0, Math.min(limit, total - offset));
      const items = Array.from({ length: size }, (_, i) => ({ id: `s${offset + i}` }) as LiveSessionSummary);
      return { items, total };
    },
  };
  const read = liveList(() => nowMs);
  return {
    asked,
    ids: async (limit: number, offset: number, userId: string | null = null) =>
      (await read(directory, userId, { limit, offset })).items.map(({ id }) => id),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

const named = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `s${from + i}`);

it('gives each page as the list has it', async () => {
  const { ids } = listOf(250);
  expect(await ids(10, 0)).toEqual(named(0, 10));
  expect(await ids(100, 50)).toEqual(named(50, 150));
  expect(await ids(100, 200)).toEqual(named(200, 250));
  expect(await ids(10, 250)).toEqual([]);
  expect(await ids(10, 99_000)).toEqual([]);
});

it('asks for each block once in a moment, whatever pages are polled', async () => {
  const { asked, ids, pass } = listOf(250);
  for (let i = 0; i < 300; i++) await ids(1 + (i % 100), i * 7);
  expect(asked.toSorted()).toEqual(['null 0', 'null 100', 'null 200']);
  pass(3_000);
  await ids(10, 0);
  expect(asked).toHaveLength(4);
  // Which are the caller's own is theirs to see.
  await ids(10, 0, 'ada');
  await ids(10, 0, 'ada');
  expect(asked.slice(4)).toEqual(['ada 0']);
});
