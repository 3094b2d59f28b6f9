/** The shapes of HTTP replies: what `wire.ts` makes, and what the API's document says. */
import { z } from 'zod';
import { MESSAGE_ROLES, MESSAGE_TYPES, ROLES } from '../domain/types.ts';

const instant = z.iso.datetime().meta({ description: 'ISO 8601, in UTC' });
const epochMs = z.number().int().meta({ description: 'milliseconds since the epoch' });
const next = z.string().nullable().meta({ description: '`cursor` of the next page; null at the end' });
const role = z.enum(ROLES);

export const sessionSummary = z
  .object({
    id: z.uuid(),
    title: z.string(),
    host_user_id: z.uuid().nullable().meta({ description: 'null: somebody anonymous made it' }),
    is_active: z.boolean(),
    is_discoverable: z.boolean(),
    created_at: instant,
    ended_at: instant.nullable(),
    last_activity: instant,
  })
  .meta({ id: 'SessionSummary' });

export const session = sessionSummary
  .extend({
    code: z.string(),
    rev: z.number().int().meta({ description: 'revision: the count of accepted edits' }),
  })
  .meta({ id: 'Session' });

export const liveSession = sessionSummary
  .extend({
    host_name: z.string().nullable(),
    participant_count: z.number().int().meta({ description: 'people here now' }),
  })
  .meta({ id: 'LiveSession' });

export const liveStatus = z
  .object({
    is_live: z.boolean().meta({ description: 'others can come in' }),
    is_active: z.boolean(),
    is_discoverable: z.boolean(),
    has_invites: z.boolean(),
    participant_count: z.number().int(),
  })
  .meta({ id: 'LiveStatus' });

export const participant = z
  .object({
    id: z.uuid(),
    user_id: z.uuid().nullable().meta({ description: 'null for anonymous people' }),
    display_name: z.string(),
    avatar_url: z.string().nullable(),
    role,
    is_present: z.boolean(),
    joined_at: instant,
    left_at: instant.nullable(),
    removed_at: instant.nullable().meta({ description: 'sent away by the host; only hosts see those' }),
  })
  .meta({ id: 'Participant' });

export const message = z
  .object({
    id: z.uuid(),
    message_type: z.enum(MESSAGE_TYPES),
    role: z.enum(MESSAGE_ROLES),
    user_id: z.uuid().nullable(),
    display_name: z.string(),
    avatar_url: z.string().nullable(),
    content: z.string(),
    is_actionable: z.boolean(),
    is_code_response: z.boolean(),
    strudel_id: z.uuid().nullable(),
    timestamp: epochMs,
  })
  .meta({ id: 'Message' });

export const invite = z
  .object({
    id: z.uuid(),
    session_id: z.uuid(),
    role: z.enum(['co-author', 'viewer']),
    token: z.string().meta({ description: 'the secret of the link' }),
    max_uses: z.number().int().nullable().meta({ description: 'null: any number of times' }),
    uses_count: z.number().int(),
    expires_at: instant.nullable(),
    created_at: instant,
  })
  .meta({ id: 'Invite' });

export const strudel = z
  .object({
    id: z.uuid(),
    user_id: z.uuid(),
    title: z.string(),
    code: z.string(),
    description: z.string().nullable(),
    tags: z.array(z.string()),
    is_public: z.boolean(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Strudel' });

export const strudelMessage = z
  .object({
    role: z.enum(MESSAGE_ROLES),
    content: z.string(),
    is_actionable: z.boolean(),
    is_code_response: z.boolean(),
    timestamp: epochMs,
  })
  .meta({ id: 'StrudelMessage' });

export const flushSummary = z
  .object({
    sessions: z.number().int(),
    messages: z.number().int(),
    dead_letters: z.number().int(),
    busy: z.number().int().meta({ description: 'left dirty, as another transaction holds them' }),
    transactions: z.number().int(),
  })
  .meta({ id: 'FlushSummary' });

export const sessionFlush = flushSummary
  .extend({
    flushed_rev: z.number().int(),
    is_dirty: z.boolean(),
    last_commit: z.number().int().meta({
      description: 'number of the last commit that the buffer has: smaller than before, and it has lost some',
    }),
    is_complete: z.boolean().meta({ description: 'all that was dirty when it began has been dealt with' }),
  })
  .meta({ id: 'SessionFlush' });

const storeHealth = z.object({ ok: z.boolean(), latency_ms: z.number(), error: z.string().optional() });

/** Whole replies, by what they answer. */
export const replies = {
  newSession: z.object({ session, token: z.string(), role, display_name: z.string() }),
  joined: z.object({ session_id: z.uuid(), role, display_name: z.string(), token: z.string() }),
  session: z.object({ session }),
  lastSession: z.object({ session: sessionSummary.nullable() }),
  sessions: z.object({ sessions: z.array(sessionSummary), next }),
  liveSessions: z.object({ sessions: z.array(liveSession), next }),
  messages: z.object({
    messages: z.array(message),
    next: z
      .number()
      .int()
      .nullable()
      .meta({ description: '`before` of the next page; null at the beginning' }),
  }),
  invites: z.object({ invites: z.array(invite), next }),
  revoked: z.object({ revoked: z.literal(true) }),
  left: z.object({ left: z.boolean() }),
  participants: z.object({ participants: z.array(participant), next }),
  participant: z.object({ participant }),
  strudels: z.object({ strudels: z.array(strudel), next }),
  strudel: z.object({ strudel }),
  wholeStrudel: z.object({ strudel: strudel.extend({ conversation: z.array(strudelMessage) }) }),
  deadLetters: z.object({
    letters: z.array(z.looseObject({ id: z.string(), session_id: z.string(), kind: z.string() })),
    next: z.string().nullable(),
  }),
  replayed: z.object({ status: z.literal('replayed') }),
  health: z.object({ status: z.enum(['ok', 'unavailable']), redis: storeHealth, postgres: storeHealth }),
  error: z
    .object({ error: z.string(), message: z.string(), details: z.string().optional() })
    .meta({ id: 'Error' }),
} as const;
