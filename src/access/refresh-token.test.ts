import { expect, it } from 'vitest';
import { RefreshTokens } from './refresh-token.ts';

const ID = '11111111-2222-4333-8444-555555555555';
const tokens = new RefreshTokens('a-secret-for-tests');

it('is another each time, and says whose it is', async () => {
  const [one, two] = [await tokens.first(ID), await tokens.first(ID)];
  expect(one.text).not.toBe(two.text);
  expect(await tokens.parse(one.text)).toEqual(one);
  expect(one.hash).not.toContain(one.text);
});

it('has one successor, which can’t be made without the secret', async () => {
  const first = await tokens.first(ID);
  const next = await tokens.successorOf(first);
  expect(next).toEqual(await new RefreshTokens('a-secret-for-tests').successorOf(first));
  expect(next.text).not.toBe(first.text);
  expect(next).not.toEqual(await new RefreshTokens('another-secret-of-it').successorOf(first));
  expect(await tokens.parse(next.text)).toEqual(next);
});

it('is taken only as it was made', async () => {
  const { text } = await tokens.first(ID);
  const [id, random, mark] = text.split('.');
  for (const other of [
    '',
    'x',
    `${text}x`,
    ` ${text}`,
    text.slice(0, -1),
    `${ID.replace('1', '2')}.${random}.${mark}`,
    `${id}.${'A'.repeat(43)}.${mark}`,
    `${id}.${random}.${random}`,
    `${id}.${random}`,
  ]) {
    expect(await tokens.parse(other)).toBeNull();
  }
  expect(await new RefreshTokens('another-secret-of-it').parse(text)).toBeNull();
});
