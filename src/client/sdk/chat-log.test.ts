import { expect, it } from 'vitest';
import { ChatLog } from './chat-log.ts';

const message = (position: number) => ({
  id: `m${position}`,
  displayName: 'Ada',
  userId: null,
  avatarUrl: null,
  text: `${position}`,
  atMs: position,
  position,
});
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => message(from + i));

it('keeps older messages that were asked for in their place, however many come later', () => {
  const log = new ChatLog([]);
  log.history(range(100, 150));
  log.older(range(50, 100));
  // Asked for twice, they are there once.
  log.older(range(50, 100));
  for (const later of range(150, 300)) log.received(later);
  const positions = log.entries.map(({ position }) => position);
  expect(positions).toEqual(range(50, 300).map(({ position }) => position));
  for (const later of range(300, 400)) log.received(later);
  expect([log.entries[0]?.position, log.entries.length]).toEqual([100, 300]);
});

it('without them keeps the newest two hundred', () => {
  const log = new ChatLog([]);
  for (const later of range(0, 250)) log.received(later);
  expect([log.entries[0]?.position, log.entries.length]).toEqual([50, 200]);
});
