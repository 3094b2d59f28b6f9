import { expect, it, vi } from 'vitest';
import * as z from 'zod';
import { randomId } from './random-id.ts';

it('is a UUID of version 4, another one each time, also where browsers have no `randomUUID`', () => {
  const { randomUUID } = crypto;
  vi.spyOn(crypto, 'randomUUID').mockImplementation(() => {
    throw new TypeError('crypto.randomUUID is not a function');
  });
  const ids = Array.from({ length: 200 }, randomId);
  vi.restoreAllMocks();
  for (const id of [...ids, randomUUID.call(crypto)]) expect(z.uuidv4().parse(id)).toBe(id);
  expect(new Set(ids).size).toBe(ids.length);
});
