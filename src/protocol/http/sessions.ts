/** Routes of sessions: making, finding, reading, changing and ending them. */
import * as z from 'zod';
import { DEFAULT_MESSAGES, MAX_MESSAGES, MAX_TITLE_CHARS } from '../limits.ts';
import { codeSchema, displayNameSchema, roleSchema, storableText } from '../values.ts';
import { participant } from './people.ts';
import { route } from './route.ts';
import { done, instant, ofOne, pageQuery, pagination, uuid } from './shared.ts';

const tag = 'Sessions';
const SESSIONS = '/api/v1/sessions';
const ONE = `${SESSIONS}/{id}` as const;

const title = storableText.max(MAX_TITLE_CHARS);
const isDiscoverable = z
  .boolean()
  .meta({ description: 'everyone may look in, and finds it among the live ones' });
const participantCount = z.number().int().meta({ description: 'participants who are connected now' });

const position = z.coerce.number<number>().int().min(0);

export const newSession = z
  .object({
    id: z.uuid(),
    host_user_id: z.uuid().meta({ description: 'all zeros: an anonymous caller made it' }),
    title: z.string(),
    code: z.string(),
    rev: z.number().int().meta({ description: 'revision: the count of accepted edits' }),
    is_active: z.boolean(),
    is_discoverable: isDiscoverable,
    created_at: instant,
    ended_at: instant.optional(),
    last_activity: instant,
  })
  .meta({ id: 'NewSession' });

export const session = newSession
  .extend({ participants: z.array(participant) })
  .meta({ id: 'Session', description: 'the first participants; the others are in their own list' });
export type Session = z.infer<typeof session>;

export const liveSession = z
  .object({
    id: z.uuid(),
    title: z.string(),
    host_name: z.string().optional(),
    participant_count: participantCount,
    is_member: z.boolean().meta({ description: 'the caller, signed in, owns it or takes part in it' }),
    is_discoverable: isDiscoverable,
    created_at: instant,
    last_activity: instant,
  })
  .meta({ id: 'LiveSession' });
export type LiveSession = z.infer<typeof liveSession>;

export const liveStatus = z
  .object({
    is_live: z.boolean().meta({ description: 'others can come in' }),
    participant_count: participantCount,
    has_active_invite_tokens: z.boolean(),
    is_discoverable: isDiscoverable,
    is_active: z.boolean(),
  })
  .meta({ id: 'LiveStatus' });

/** One entry of the history. The names of its fields are in camelCase: existing clients read them so. */
export const message = z
  .object({
    id: z.uuid(),
    sessionID: z.uuid(),
    userID: z.uuid().optional().meta({ description: 'absent for anonymous participants and the assistant' }),
    role: z.enum(['user', 'assistant']),
    messageType: z.enum(['chat', 'user_prompt', 'ai_response']),
    content: z.string(),
    createdAt: instant,
    displayName: z.string(),
    avatarURL: z.string().optional(),
    isActionable: z.boolean(),
    isCodeResponse: z.boolean(),
    strudelID: z.uuid().optional(),
    position: z.number().int().meta({ description: 'its place in the order of the session’s messages' }),
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof message>;

export const createSession = route({
  method: 'post',
  path: SESSIONS,
  tag,
  summary: 'Make a session; the caller is its host',
  access: 'optional',
  body: z.object({
    title: title.default(''),
    /** Without it, the code of `previous_session_id`, or none. */
    code: codeSchema.optional(),
    is_discoverable: z.boolean().default(false),
    previous_session_id: uuid.optional(),
    display_name: displayNameSchema.optional(),
  }),
  status: 201,
  reply: newSession.extend({
    token: z.string().meta({ description: "the host's session token" }),
    role: roleSchema,
    display_name: z.string(),
  }),
});

export const listSessions = route({
  method: 'get',
  path: SESSIONS,
  tag,
  summary: 'The sessions that the caller owns or takes part in, newest first; code is as last flushed',
  access: 'user',
  query: pageQuery.extend({ active_only: z.enum(['true', 'false']).default('false') }),
  reply: z.object({ sessions: z.array(session), pagination }),
});

export const listLiveSessions = route({
  method: 'get',
  path: `${SESSIONS}/live`,
  tag,
  summary: 'Discoverable sessions that go on now, newest first',
  access: 'optional',
  query: pageQuery,
  reply: z.object({ sessions: z.array(liveSession), pagination }),
});

export const getLastSession = route({
  method: 'get',
  path: `${SESSIONS}/last`,
  tag,
  summary: 'The session that the caller was active in last, of those that go on',
  access: 'user',
  reply: liveSession,
  errors: [404],
});

export const getSession = route({
  method: 'get',
  path: ONE,
  tag,
  summary: 'A session with its newest code, what was acknowledged a moment ago included',
  access: 'session',
  params: ofOne,
  reply: session,
});

export const changeSession = route({
  method: 'put',
  path: ONE,
  tag,
  summary: 'Change the title (hosts) or the code (writers), which becomes the next revision for everyone',
  access: 'session',
  params: ofOne,
  body: z
    .object({ title: title.optional(), code: codeSchema.optional() })
    .refine((change) => change.title !== undefined || change.code !== undefined, 'names nothing to change'),
  reply: z.object({
    message: z.string(),
    title: z.string().optional(),
    code: z.string().optional(),
    rev: z.number().int().optional(),
  }),
  errors: [410],
});

export const endSession = route({
  method: 'delete',
  path: ONE,
  tag,
  summary: 'End a session: everyone is sent away, and it can only be read from then on',
  access: 'session',
  params: ofOne,
  reply: done,
});

export const getLiveStatus = route({
  method: 'get',
  path: `${ONE}/live-status`,
  tag,
  summary: 'How open a session is, and how many are there',
  access: 'session',
  params: ofOne,
  reply: liveStatus,
});

export const setDiscoverable = route({
  method: 'put',
  path: `${ONE}/discoverable`,
  tag,
  summary: 'Open a session to everyone, or no longer',
  access: 'session',
  params: ofOne,
  body: z.object({ is_discoverable: z.boolean() }),
  reply: session,
  errors: [410],
});

export const endLive = route({
  method: 'post',
  path: `${ONE}/end-live`,
  tag,
  summary: 'Make a session private again: others are sent away, invites are revoked, the code stays',
  access: 'session',
  params: ofOne,
  reply: done.extend({ participants_kicked: z.number().int(), invites_revoked: z.number().int() }),
  errors: [410],
});

export const leaveSession = route({
  method: 'post',
  path: `${ONE}/leave`,
  tag,
  summary: 'Leave a session',
  access: 'session',
  params: ofOne,
  reply: done,
  errors: [410],
});

export const listMessages = route({
  method: 'get',
  path: `${ONE}/messages`,
  tag,
  summary:
    'The history, oldest first, page by page from its end or, with `after`, onwards; viewers get the chat only',
  access: 'session',
  params: ofOne,
  query: z
    .object({
      limit: z.coerce.number<number>().int().min(1).max(MAX_MESSAGES).default(DEFAULT_MESSAGES),
      before: position.optional().meta({
        description: 'a message’s position: the last messages before it; `next` of the page after',
      }),
      after: position.optional().meta({
        description: 'a message’s position: the first messages after it; `newer` of the page before',
      }),
      type: z.enum(['chat']).optional().meta({ description: 'only the chat' }),
    })
    .refine(({ before, after }) => before === undefined || after === undefined, {
      path: ['after'],
      message: 'goes only without before',
    }),
  reply: z.object({
    messages: z.array(message),
    next: z
      .number()
      .int()
      .nullable()
      .meta({ description: '`before` of the page of older ones; null at the beginning' }),
    newer: z
      .number()
      .int()
      .nullable()
      .meta({ description: '`after` of the page of newer ones; null at the end' }),
  }),
});
