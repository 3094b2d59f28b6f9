import { randomUUID } from 'node:crypto';
import type { SaidMessage } from '../../src/domain/types.ts';

/** A chat message as a room accepts one. */
export function makeMessage(over: Partial<SaidMessage> = {}): SaidMessage {
  return {
    id: randomUUID(),
    type: 'chat',
    role: 'user',
    userId: null,
    displayName: 'Ada',
    avatarUrl: null,
    content: 'hello',
    isActionable: false,
    isCodeResponse: false,
    strudelId: null,
    createdAtMs: Date.now(),
    position: 1,
    ...over,
  };
}
