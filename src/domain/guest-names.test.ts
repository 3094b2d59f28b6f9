import { expect, it } from 'vitest';
import { freeGuestName, guestName, isGuestName } from './guest-names.ts';

it('nameless participants are called by their role, and told apart by the lowest free number', () => {
  const taken = new Set<string>();
  const names = ['co-author', 'co-author', 'viewer', 'co-author'] as const;
  const given = names.map((role) => {
    const name = freeGuestName(role, guestName(role), taken);
    taken.add(name);
    return name;
  });
  expect(given).toEqual([
    'Anonymous co-author',
    'Anonymous co-author 2',
    'Anonymous viewer',
    'Anonymous co-author 3',
  ]);
  taken.delete('Anonymous co-author');
  expect(freeGuestName('co-author', 'Anonymous', taken)).toBe('Anonymous co-author');
});

it('who comes back keeps the number, unless another has it or their role is another', () => {
  expect(freeGuestName('viewer', 'Anonymous viewer 7', new Set())).toBe('Anonymous viewer 7');
  expect(freeGuestName('viewer', 'Anonymous viewer 7', new Set(['Anonymous viewer 7']))).toBe(
    'Anonymous viewer',
  );
  expect(freeGuestName('co-author', 'Anonymous viewer 7', new Set())).toBe('Anonymous co-author');
});

it('names that people chose are left alone', () => {
  for (const name of ['Anonymous', 'Anonymous host', 'Anonymous viewer 12'])
    expect(isGuestName(name)).toBe(true);
  for (const name of ['Ada', 'Anonymous Ada', 'anonymous', 'Anonymous viewer x', 'Anonymous 2']) {
    expect(isGuestName(name)).toBe(false);
  }
});
