/** Handlers wait for the session to load. Meanwhile their sender may have been sent away, or be back on another connection. */
import { expect, it, vi } from 'vitest';
import { setUp } from '../../../test/support/live-session.ts';
import type { ClientMessage } from '../../protocol/index.ts';
import type { ConnectionState, Member } from '../connections/connection.ts';
import type { HandlerContext } from './context.ts';
import { dispatch } from './index.ts';

const messages: ClientMessage[] = [
  { type: 'code_update', payload: { code: 's("bd")' } },
  { type: 'chat_message', payload: { message: 'hello' } },
  { type: 'switch_strudel', payload: { strudel_id: null } },
];

it.each(messages)('a $type counts no more when its sender was sent away meanwhile', async (message) => {
  const { session, clock, commits } = setUp();
  let state: Partial<ConnectionState> | null = { displayName: 'Ada', userId: null, role: 'host' };
  const sender = {
    id: 'ada',
    get state() {
      return state;
    },
  } as unknown as Member;
  const broadcast = vi.fn();
  const room = {
    session: async () => {
      state = null;
      return session;
    },
    takePerMinute: () => true,
    broadcast,
  } as unknown as HandlerContext['room'];
  await dispatch(message, { sender, requestId: 'r1', room });
  await clock.advance(5_000);
  expect(broadcast).not.toHaveBeenCalled();
  expect(commits).toEqual([]);
});
