import { expect, it } from 'vitest';
import { LETTER_ORDERS, ordered, sizeOf } from './letter-order.ts';
import type { Letter } from './use-letters.ts';

const letter = (id: string, at: string, code: string, data: string): Letter => ({
  id,
  session_id: 's',
  kind: 'code',
  reason: { code, message: '' },
  at: `2026-01-0${at}T00:00:00.000Z`,
  data,
});
const LETTERS = [
  letter('a', '2', '23514', 'xx'),
  letter('b', '1', 'malformed', 'xxx'),
  letter('c', '3', '22021', 'ä'),
  letter('d', '1', '23514', ''),
];

it('orders a page by age, size or reason, and leaves it as it was', () => {
  const found = Object.fromEntries(
    LETTER_ORDERS.map((order) => [
      order,
      ordered(LETTERS, order)
        .map(({ id }) => id)
        .join(''),
    ]),
  );
  expect(found).toEqual({ age: 'bdac', size: 'bacd', reason: 'cdab' });
  expect(LETTERS.map(({ id }) => id).join('')).toBe('abcd');
});

it('measures bytes, not characters', () => {
  expect(sizeOf({ data: 'ä🎵' })).toBe(6);
});
