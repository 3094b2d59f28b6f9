import { serialize } from 'node:v8';
import { expect, it } from 'vitest';
import {
  MAX_AI_REQUESTS_PER_MINUTE,
  MAX_AVATAR_URL_CHARS,
  MAX_CHAT_PER_MINUTE,
  MAX_DISPLAY_NAME_CHARS,
  MAX_STRUDEL_SWITCHES_PER_MINUTE,
} from '../../protocol/index.ts';
import type { ConnectionState } from './connection-state.ts';

/** What the platform lets a socket keep over hibernation. */
const MAX_ATTACHMENT_BYTES = 2_048;
const NOW_MS = 1_800_000_000_000;

it('fits a socket’s attachment, however much is in it', () => {
  const id = '00000000-0000-4000-8000-000000000000';
  const times = (count: number) => Array.from({ length: count }, (_, at) => NOW_MS + at);
  const state: ConnectionState = {
    participantId: id,
    userId: id,
    // Two bytes each.
    displayName: 'ж'.repeat(MAX_DISPLAY_NAME_CHARS),
    avatarUrl: 'x'.repeat(MAX_AVATAR_URL_CHARS),
    role: 'co-author',
    joinMethod: 'discovery',
    inviteId: id,
    address: '2001:0db8:0000:0000:0000:0000:0000:0001',
    color: 11,
    isListed: true,
    edits: 'changes',
    sync: 1_000_000,
    sameText: { from: 2 ** 52, to: 2 ** 52 },
    seenMs: NOW_MS,
    isHidden: true,
    isAsked: true,
    chatTimes: times(MAX_CHAT_PER_MINUTE),
    switchTimes: times(MAX_STRUDEL_SWITCHES_PER_MINUTE),
    agentTimes: times(MAX_AI_REQUESTS_PER_MINUTE),
  };
  // As PartyServer keeps it, with what it keeps itself.
  const connectionId = `${'x'.repeat(64)}~${id}`;
  const own = { id: connectionId, tags: [], uri: `https://object.internal/?_pk=${connectionId}` };
  expect(serialize({ __pk: own, __user: state }).length).toBeLessThanOrEqual(MAX_ATTACHMENT_BYTES);
});
