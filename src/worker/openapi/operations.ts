/** Every route as the API's document tells of it: what it takes, by the schemas that parse it, and what it answers. */
import { z } from 'zod';
import { pageQuery } from '../paging.ts';
import { flushSummary, invite, liveStatus, replies, sessionFlush } from '../replies.ts';
import { deadQuery } from '../routes/flush.ts';
import { joinBody, newInviteBody } from '../routes/invites.ts';
import { messagesQuery } from '../routes/messages.ts';
import { changedParticipantBody } from '../routes/participants.ts';
import { changedSessionBody, newSessionBody, sessionsQuery } from '../routes/sessions.ts';
import { changedStrudelBody, newStrudelBody, strudelsQuery } from '../routes/strudels.ts';
import { discoverableBody } from '../routes/visibility.ts';

/**
 * Who may call: `user`: a user's JWT; `session`: that, or a session token; `optional`: either, or nobody in particular;
 * `public`: no token at all; `flush`: the flush secret.
 */
export type Access = 'user' | 'session' | 'optional' | 'public' | 'flush';

export interface Operation {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As in OpenAPI: `/sessions/{id}`. */
  path: string;
  tag: string;
  summary: string;
  access: Access;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Status of success, and the reply's shape; null for none. */
  reply: readonly [number, z.ZodType | null];
  /** What it may refuse with, besides what everything of its kind may. */
  errors?: readonly number[];
}

const V1 = '/api/v1';
const SESSIONS = `${V1}/sessions`;
const ONE = `${SESSIONS}/{id}`;
const STRUDELS = `${V1}/strudels`;

export const OPERATIONS: readonly Operation[] = [
  ...ofTag('Sessions', [
    {
      method: 'post',
      path: SESSIONS,
      summary: 'Make a session; the caller is its host',
      access: 'optional',
      body: newSessionBody,
      reply: [201, replies.newSession],
    },
    {
      method: 'get',
      path: SESSIONS,
      summary: 'The sessions that the caller owns or takes part in, newest first',
      access: 'user',
      query: sessionsQuery,
      reply: [200, replies.sessions],
    },
    {
      method: 'get',
      path: `${SESSIONS}/live`,
      summary: 'Discoverable sessions that go on now, newest first',
      access: 'public',
      query: pageQuery,
      reply: [200, replies.liveSessions],
    },
    {
      method: 'get',
      path: `${SESSIONS}/last`,
      summary: 'The session that the caller was active in last, of those that go on',
      access: 'user',
      reply: [200, replies.lastSession],
    },
    {
      method: 'post',
      path: `${SESSIONS}/join`,
      summary: 'Join a session by an invite',
      access: 'optional',
      body: joinBody,
      reply: [200, replies.joined],
      errors: [403, 410, 429],
    },
    {
      method: 'get',
      path: ONE,
      summary: 'A session with its newest code, what was acknowledged a moment ago included',
      access: 'session',
      reply: [200, replies.session],
    },
    {
      method: 'put',
      path: ONE,
      summary: 'Change a title (hosts) or the code (writers), which becomes the next revision for everybody',
      access: 'session',
      body: changedSessionBody,
      reply: [200, replies.session],
      errors: [410],
    },
    {
      method: 'delete',
      path: ONE,
      summary: 'End a session: everybody is sent away, and it can only be read from then on',
      access: 'session',
      reply: [200, replies.session],
    },
    {
      method: 'get',
      path: `${ONE}/live-status`,
      summary: 'How open a session is, and how many are there',
      access: 'session',
      reply: [200, liveStatus],
    },
    {
      method: 'put',
      path: `${ONE}/discoverable`,
      summary: 'Show a session to everybody, or no longer',
      access: 'session',
      body: discoverableBody,
      reply: [200, liveStatus],
      errors: [410],
    },
    {
      method: 'post',
      path: `${ONE}/end-live`,
      summary: 'Make a session private again: others are sent away, invites are revoked, the code stays',
      access: 'session',
      reply: [200, liveStatus],
      errors: [410],
    },
    {
      method: 'post',
      path: `${ONE}/leave`,
      summary: 'Leave a session',
      access: 'session',
      reply: [200, replies.left],
    },
    {
      method: 'get',
      path: `${ONE}/messages`,
      summary: 'The history, page by page from its end; viewers get the chat only',
      access: 'session',
      query: messagesQuery,
      reply: [200, replies.messages],
    },
  ]),
  ...ofTag('People', [
    {
      method: 'post',
      path: `${ONE}/invite`,
      summary: 'Make an invite',
      access: 'session',
      body: newInviteBody,
      reply: [201, invite],
      errors: [410],
    },
    {
      method: 'get',
      path: `${ONE}/invite`,
      summary: 'The invites that are not revoked, newest first',
      access: 'session',
      query: pageQuery,
      reply: [200, replies.invites],
    },
    {
      method: 'delete',
      path: `${ONE}/invite/{token_id}`,
      summary: 'Revoke an invite: who came in by it is sent away',
      access: 'session',
      reply: [200, replies.revoked],
      errors: [410],
    },
    {
      method: 'get',
      path: `${ONE}/participants`,
      summary: 'Who takes part, in the order they came',
      access: 'session',
      query: pageQuery,
      reply: [200, replies.participants],
    },
    {
      method: 'patch',
      path: `${ONE}/participants/{participant_id}`,
      summary: 'Give somebody another role, or their place back',
      access: 'session',
      body: changedParticipantBody,
      reply: [200, replies.participant],
      errors: [409, 410],
    },
    {
      method: 'delete',
      path: `${ONE}/participants/{participant_id}`,
      summary: 'Send somebody away for good',
      access: 'session',
      reply: [200, replies.participant],
      errors: [409, 410],
    },
  ]),
  ...ofTag('Strudels', [
    {
      method: 'get',
      path: STRUDELS,
      summary: "The caller's saved strudels, or everybody's public ones",
      access: 'optional',
      query: strudelsQuery,
      reply: [200, replies.strudels],
    },
    {
      method: 'post',
      path: STRUDELS,
      summary: 'Save a strudel',
      access: 'user',
      body: newStrudelBody,
      reply: [201, replies.strudel],
    },
    {
      method: 'get',
      path: `${STRUDELS}/{id}`,
      summary: 'A strudel of the caller, or a public one, with its conversation',
      access: 'optional',
      reply: [200, replies.wholeStrudel],
    },
    {
      method: 'put',
      path: `${STRUDELS}/{id}`,
      summary: 'Change a strudel in what the body names',
      access: 'user',
      body: changedStrudelBody,
      reply: [200, replies.strudel],
      errors: [404],
    },
    {
      method: 'delete',
      path: `${STRUDELS}/{id}`,
      summary: 'Delete a strudel',
      access: 'user',
      reply: [204, null],
      errors: [404],
    },
  ]),
  ...ofTag('Operation', [
    {
      method: 'post',
      path: '/flush',
      summary: 'Sweep: write everything dirty to Postgres',
      access: 'flush',
      reply: [200, flushSummary],
    },
    {
      method: 'post',
      path: '/flush/{id}',
      summary: 'Write one session to Postgres',
      access: 'flush',
      reply: [200, sessionFlush],
    },
    {
      method: 'get',
      path: '/flush/dead',
      summary: 'Dead letters: what Postgres refuses, with its reason',
      access: 'flush',
      query: deadQuery,
      reply: [200, replies.deadLetters],
    },
    {
      method: 'post',
      path: '/flush/dead/{letter_id}/replay',
      summary: 'Try a dead letter again',
      access: 'flush',
      reply: [200, replies.replayed],
      errors: [404, 409],
    },
    {
      method: 'get',
      path: '/health',
      summary: 'Whether Redis and Postgres answer; 503 when one does not',
      access: 'public',
      reply: [200, replies.health],
    },
    {
      method: 'get',
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      access: 'public',
      reply: [200, z.string().meta({ description: 'Prometheus text' })],
    },
  ]),
];

function ofTag(tag: string, operations: readonly Omit<Operation, 'tag'>[]): Operation[] {
  return operations.map((operation) => ({ tag, ...operation }));
}
