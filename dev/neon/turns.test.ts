import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('turns are had one at a time, in the order of asking', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const first = await turns.take();
  const others = ['b', 'c', 'd'].map(async (name) => {
    const end = await turns.take();
    log.push(`${name} starts`);
    await Promise.resolve();
    log.push(`${name} ends`);
    end();
  });
  expect(turns.waiting).toBe(3);
  expect(log).toEqual([]);
  first();
  await Promise.all(others);
  expect(log).toEqual(['b starts', 'b ends', 'c starts', 'c ends', 'd starts', 'd ends']);
  expect(turns.waiting).toBe(0);
});

test('ending a turn twice does not give two others theirs', async () => {
  const turns = new Turns();
  const end = await turns.take();
  const started: number[] = [];
  const ends = [1, 2].map((n) =>
    turns.take().then((endOfTurn) => {
      started.push(n);
      return endOfTurn;
    }),
  );
  end();
  end();
  (await ends[0])?.();
  expect(started).toEqual([1]);
  (await ends[1])?.();
  expect(started).toEqual([1, 2]);
});
