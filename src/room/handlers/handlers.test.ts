/**
 * Handlers wait for the session to open. Meanwhile the sender may have been kicked, or be back on another
 * connection.
 */
import { expect, it, vi } from 'vitest';
import { setUp } from '../../../test/support/live-session.ts';
import type { ClientMessage } from '../../protocol/index.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { ConnectionState } from '../connections/connection-state.ts';
import type { HandlerParts } from './context.ts';
import { dispatch } from './index.ts';

const messages: ClientMessage[] = [
  { type: 'code_update', payload: { code: 's("bd")' } },
  { type: 'chat_message', payload: { message: 'hello' } },
  { type: 'switch_strudel', payload: { strudel_id: null } },
];

it.each(messages)('a $type has no effect when its sender was kicked meanwhile', async (message) => {
  const { session, clock, commits } = setUp();
  let state: Partial<ConnectionState> | null = { displayName: 'Ada', userId: null, role: 'host' };
  const sender = {
    id: 'ada',
    get state() {
      return state;
    },
  } as unknown as JoinedConnection;
  const broadcast = vi.fn();
  const parts = {
    session: {
      open: async () => {
        state = null;
        return session;
      },
    },
    limits: { takePerMinute: () => true },
    outbox: { broadcast },
  } as unknown as HandlerParts;
  await dispatch(message, { ...parts, sender, requestId: 'r1' });
  await clock.advance(5_000);
  expect(broadcast).not.toHaveBeenCalled();
  expect(commits).toEqual([]);
});
