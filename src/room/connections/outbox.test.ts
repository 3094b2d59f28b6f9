import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FakeStorage, makeMember } from '../../../test/support/room.ts';
import type { JoinedConnection } from './connection.ts';
import { Outbox } from './outbox.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('numbers broadcasts, and goes on where the last instance stopped', async () => {
  const [ada, ben] = [makeMember('c1'), makeMember('c2')];
  const storage = new FakeStorage();
  const open = async () => {
    const outbox = new Outbox({
      sessionId: 'session',
      storage,
      participants: {
        connections: () => [ada, ben],
        withConnectionId: (wanted) => [ada, ben].filter(({ id }) => id === wanted),
      },
      slowConsumers: { countSent: () => {} },
    });
    await outbox.load();
    return outbox;
  };
  const outbox = await open();
  outbox.broadcast('play', { display_name: 'Ada' }, ada);
  outbox.reply(ada, 'pong', {});
  outbox.broadcast('stop', { display_name: 'Ben' }, ({ id }: JoinedConnection) => id === 'c2');
  const messages = ({ received }: typeof ada) => received.map((m) => [m.type, m.seq, m.session_id]);
  expect(messages(ada)).toEqual([
    ['pong', undefined, 'session'],
    ['stop', 2, 'session'],
  ]);
  expect(messages(ben)).toEqual([['play', 1, 'session']]);
  await vi.advanceTimersByTimeAsync(5_000);
  (await open()).broadcast('play', { display_name: 'Ada' });
  expect(messages(ada).at(-1)).toEqual(['play', 3, 'session']);
});
