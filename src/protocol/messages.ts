/**
 * The wire protocol between a room and its clients: JSON text frames, snake_case, one schema a message.
 * Both ends import this file; it imports nothing of theirs.
 */
import * as z from 'zod';
import {
  MAX_AGENT_HISTORY_ENTRIES,
  MAX_AGENT_QUERY_CHARS,
  MAX_CHANGE_PARTS,
  MAX_CHAT_CHARS,
  MAX_CODE_BYTES,
  MAX_CONVERSATION_ENTRIES,
  MAX_CPS,
  MAX_FRAME_BYTES,
  MAX_PROVIDER_KEY_CHARS,
  MAX_REQUEST_ID_CHARS,
  MIN_CPS,
} from './limits.ts';
import { quickEdit } from './quick-edit.ts';
import { fitsBytes } from './text.ts';
import { codeSchema, roleSchema, storableText } from './values.ts';

const requestIdSchema = storableText.min(1).max(MAX_REQUEST_ID_CHARS);

const nothingGiven = () => undefined;
/** It may be absent; clients that were built for other servers send null for what they don't have. */
function orNull<T extends z.ZodType>(schema: T) {
  return z.union([schema, z.null().transform(nothingGiven)]).optional();
}
/** The same of what can't be an empty string: they send that, too. */
function orNothing<T extends z.ZodType>(schema: T) {
  return z
    .union([schema, z.null().transform(nothingGiven), z.literal('').transform(nothingGiven)])
    .optional();
}

/** Column of a cursor, from 0; line, from 1. */
const column = z.number().int().min(0).max(1_000_000);
const line = z.number().int().min(1).max(1_000_000);

const aboutEdit = {
  cursor_line: orNull(z.number().int().min(0).max(1_000_000)),
  cursor_col: orNull(column),
  source: orNothing(z.enum(['typed', 'loaded_strudel', 'forked', 'paste'])),
  request_id: orNothing(requestIdSchema),
};
const revision = z.number().int().min(0);
const clientSeq = z.number().int().min(1);
/** Length of a part of a text, in UTF-16 code units. */
const length = z.number().int().min(0).max(MAX_CODE_BYTES);

/** A CodeMirror change set as JSON: see `WireChanges` in `src/merging`. */
export const changesSchema = z
  .array(
    z.union([length, z.tuple([length], storableText.regex(/^[^\r\n]*$/, 'is a line with a line end in it'))]),
  )
  .max(MAX_CHANGE_PARTS);

/** The whole text. */
export const wholeEditPayload = z.object({
  code: codeSchema,
  /** The newest revision that the client had heard of when it made the edit. */
  base_rev: orNull(revision),
  /** This client's count of edits, from 1: one that is not greater than an accepted one's has no effect. */
  client_seq: orNull(clientSeq),
  ...aboutEdit,
});

/** Changes of the text at `base_rev` with this client's own edits since. */
export const changesEditPayload = z.object({
  changes: changesSchema,
  base_rev: revision,
  client_seq: clientSeq,
  /** Of the `session_state` that the client started from. */
  sync: z.number().int().min(0),
  ...aboutEdit,
});

export const codeUpdatePayload = z.union([changesEditPayload, wholeEditPayload]);

/** Which change of the room is taken back, and how often that was done or undone with this time. */
const takesBackSchema = z.object({
  /** The revision that the change made. */
  rev: revision,
  /** Odd: the change is taken back. Even: it is made again. */
  turn: clientSeq,
});
export type TakesBack = z.infer<typeof takesBackSchema>;

/** Asks the room to take back what it changed at `rev`, or to make it again. */
export const takeBackPayload = takesBackSchema.extend({
  /** What does so in the text at `base_rev` with all of this client's own edits. */
  changes: changesSchema,
  base_rev: revision,
  sync: z.number().int().min(0),
  request_id: requestIdSchema,
});

export const chatPayload = z.object({
  message: storableText.max(MAX_CHAT_CHARS).refine((text) => text.trim() !== '', 'is blank'),
  /** Made by the client, so that sending it again is harmless. */
  id: orNothing(z.uuid().toLowerCase()),
  request_id: orNothing(requestIdSchema),
});

export const AI_PROVIDERS = ['anthropic', 'openai'] as const;
export type AiProvider = (typeof AI_PROVIDERS)[number];

/** What the AI is asked, in a room or over HTTP. */
const question = {
  user_query: storableText.max(MAX_AGENT_QUERY_CHARS).refine((text) => text.trim() !== '', 'is blank'),
  /** What the client shows as the code; absent, the room's. */
  editor_state: orNull(codeSchema),
  /** The conversation so far; absent, the session's. */
  conversation_history: orNull(
    z
      .array(z.object({ role: z.enum(['user', 'assistant']), content: storableText }))
      .max(MAX_AGENT_HISTORY_ENTRIES),
  ),
  provider: orNothing(z.enum(AI_PROVIDERS)),
  /** The caller's own key, for this one request. */
  provider_api_key: orNothing(
    z
      .string()
      .max(MAX_PROVIDER_KEY_CHARS)
      .regex(/^[\x21-\x7e]+$/, 'is not a key'),
  ),
};

/** Guessing its provider would show a key to a stranger. */
function namesProvider(asked: { provider?: string | undefined; provider_api_key?: string | undefined }) {
  return asked.provider_api_key === undefined || asked.provider !== undefined;
}
const PROVIDER_MISSING = { path: ['provider'], message: 'is needed with provider_api_key' };

export const agentRequestPayload = z
  .object({ ...question, request_id: requestIdSchema })
  .refine(namesProvider, PROVIDER_MISSING);

/** An id that may be of something this server doesn't know, and then means nothing. */
const foreignId = orNothing(storableText.max(MAX_REQUEST_ID_CHARS)).transform((id) => {
  const uuid = z.uuid().toLowerCase().safeParse(id);
  return uuid.success ? uuid.data : undefined;
});

/** The same over HTTP, where there is no room to fill in what isn't there. */
export const generateBody = z
  .object({
    ...question,
    /** What the code is, or was made from: their authors say whether the AI may be given it. */
    strudel_id: foreignId,
    forked_from_id: foreignId,
    /** The session that the code and the conversation are of. */
    session_id: foreignId,
  })
  .refine(namesProvider, PROVIDER_MISSING);
export type GenerateRequest = z.output<typeof generateBody>;

/** What its asker has left: of the day, or with their own key, of the minute. */
export const rateLimitSchema = z.object({
  requests_remaining: z.number(),
  requests_limit: z.number(),
  reset_seconds: z.number(),
});

export type AgentRequest = z.infer<typeof agentRequestPayload>;

/** Of a selection, in UTF-16 code units. */
const offset = z.number().int().min(0).max(MAX_CODE_BYTES);

export const cursorPayload = z.object({
  line,
  col: column,
  /** The selection in the text at `rev` with this client's own edits since; `head` is where the cursor is. */
  anchor: offset.optional(),
  head: offset.optional(),
  rev: revision.optional(),
});

const resyncPayload = z.object({ request_id: orNothing(requestIdSchema) }).nullish();

/** One turn of a conversation with the AI, as a client keeps it. */
export const conversationEntrySchema = z.object({
  role: z.enum(['user', 'assistant']),
  content: codeSchema,
});
export type ConversationEntry = z.infer<typeof conversationEntrySchema>;

export const switchStrudelPayload = z.object({
  /** A saved strudel, or null for scratch code. */
  strudel_id: z.uuid().toLowerCase().nullable(),
  /** The scratch code; without it the session's code stays. A saved strudel brings its own. */
  code: orNull(codeSchema),
  /** The conversation that goes with the scratch code. */
  conversation_history: orNull(z.array(conversationEntrySchema).max(MAX_CONVERSATION_ENTRIES)),
  request_id: orNothing(requestIdSchema),
});

const nothing = z.object({ request_id: orNothing(requestIdSchema) }).nullish();

const answered = { knock_id: z.uuid().toLowerCase(), request_id: orNothing(requestIdSchema) };

/** A host's answer to a knock: a role, or a refusal, and never both. */
export const answerKnockPayload = z.union([
  z.object({ ...answered, refused: z.literal(true), role: z.undefined().optional() }),
  z.object({
    ...answered,
    role: roleSchema.exclude(['host']),
    /** The host knows that they removed this participant, and lets them in all the same. */
    readmit: z.boolean().optional(),
    refused: z.literal(false).optional(),
  }),
]);

const playPayload = z
  .object({
    /** What the client has evaluated; absent, the session's code as it is. */
    code: orNull(codeSchema),
    /** The tempo that it set, in cycles a second. */
    cps: z.number().min(MIN_CPS).max(MAX_CPS).optional(),
    /** When it started there, in milliseconds by the room's clock; taken where that was a moment ago. */
    since: z.number().optional(),
    request_id: orNothing(requestIdSchema),
  })
  .nullish();

/**
 * The `mark` of the last `pong`, as it came: a client that knows it has read all that the room sent before.
 */
const markSchema = storableText.min(1).max(MAX_REQUEST_ID_CHARS);
const pingPayload = z
  .object({
    request_id: orNothing(requestIdSchema),
    mark: markSchema.optional(),
    /** The page is in the background: it may be silent for longer. */
    hidden: orNull(z.boolean()),
  })
  .nullish();

/** What a client doesn't know yet it may leave out, or send as null or an empty string. */
const envelope = {
  session_id: z.string().nullish(),
  user_id: z.string().nullish(),
  timestamp: z.string().nullish(),
  seq: z.number().nullish(),
  request_id: orNothing(requestIdSchema),
};

/** What a client may send. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.object({ ...envelope, type: z.literal('code_update'), payload: codeUpdatePayload }),
  z.object({ ...envelope, type: z.literal('take_back'), payload: takeBackPayload }),
  z.object({ ...envelope, type: z.literal('chat_message'), payload: chatPayload }),
  z.object({ ...envelope, type: z.literal('agent_request'), payload: agentRequestPayload }),
  z.object({ ...envelope, type: z.literal('cursor_position'), payload: cursorPayload }),
  z.object({ ...envelope, type: z.literal('switch_strudel'), payload: switchStrudelPayload }),
  z.object({ ...envelope, type: z.literal('play'), payload: playPayload }),
  z.object({ ...envelope, type: z.literal('stop'), payload: nothing }),
  z.object({ ...envelope, type: z.literal('ping'), payload: pingPayload }),
  z.object({ ...envelope, type: z.literal('pong'), payload: nothing }),
  z.object({ ...envelope, type: z.literal('resync'), payload: resyncPayload }),
  z.object({ ...envelope, type: z.literal('answer_knock'), payload: answerKnockPayload }),
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;
export type ClientMessageType = ClientMessage['type'];
/** A client's message of one type. */
export type ClientMessageOf<T extends ClientMessageType> = Extract<ClientMessage, { type: T }>;

export const errorCodeSchema = z.enum([
  'too_many_requests',
  'forbidden',
  'unauthorized',
  'not_found',
  'validation_error',
  'bad_request',
  'server_error',
  'ai_unavailable',
  'conflict',
  'host_away',
  'no_ai',
]);
export type ErrorCode = z.infer<typeof errorCodeSchema>;

export const participantSchema = z.object({
  user_id: z.string().nullable(),
  display_name: z.string(),
  role: roleSchema,
  /** What the HTTP API knows the person by. */
  participant_id: z.string().optional(),
  /** Which of the twelve colours the room has given them, from 0. */
  color: z.number().optional(),
});
const presentSchema = participantSchema.extend({
  /** All of their pages are in the background. */
  away: z.boolean().optional(),
});
export type WireParticipant = z.infer<typeof presentSchema>;

const author = {
  display_name: z.string(),
  user_id: z.string().nullable(),
  participant_id: z.string().optional(),
};

/** Where a participant's selection is in the text at `rev`; `head` is where the cursor is. */
const selectionSchema = z.object({
  participant_id: z.string(),
  display_name: z.string(),
  color: z.number(),
  anchor: z.number(),
  head: z.number(),
});
export type WireSelection = z.infer<typeof selectionSchema>;

/** What a session plays, for all who are in it. */
const transportSchema = z.object({
  playing: z.boolean(),
  /** What plays, which may be older than the text; empty when nothing does. */
  code: z.string(),
  /** The newest revision when it was started or stopped. */
  rev: z.number(),
  /** Name of the participant who did so. */
  by: z.string(),
  /** When that was, in milliseconds since the epoch by the room's clock: see `pong`. */
  since: z.number(),
  /** The cycle that it was in then. */
  cycle: z.number(),
  /** Tempo, in cycles a second. */
  cps: z.number(),
});
export type WireTransport = z.infer<typeof transportSchema>;

/** A caller who asks the hosts to be let in. */
const knockSchema = z.object({
  knock_id: z.string(),
  display_name: z.string(),
  /** Null: they have no account, or didn't say. */
  user_id: z.string().nullable(),
  /** When they knocked, in milliseconds since the epoch. */
  at: z.number(),
  /** A host removed them from this session earlier. */
  was_removed: z.boolean(),
});
export type WireKnock = z.infer<typeof knockSchema>;
/** What brought a version about. */
export const versionCauseSchema = z.enum(['typed', 'played', 'answered', 'switched', 'restored']);

/** Payloads of what a room sends, by type. */
export const serverPayloads = {
  session_state: z.object({
    code: z.string(),
    rev: z.number(),
    /** Postgres holds everything up to this revision. */
    flushed_rev: z.number(),
    /** How many of this client's edits are in `code`, by its own count; null when nothing is known of it. */
    client_seq: z.number().nullable().optional(),
    /** Number of this whole text: changes that are made on it name it. */
    sync: z.number().optional(),
    /** What plays; null: nothing does. */
    transport: transportSchema.nullable().optional(),
    /** The others' selections in `code`. */
    selections: z.array(selectionSchema).optional(),
    your_role: roleSchema,
    your_display_name: z.string(),
    participants: z.array(presentSchema),
    /** How many watchers there are besides the `participants`. */
    watching: z.number().optional(),
    chat_history: z.array(
      z.object({
        id: z.string(),
        display_name: z.string(),
        avatar_url: z.string().nullable(),
        content: z.string(),
        /** Milliseconds since the epoch. */
        timestamp: z.number(),
        /** The order of messages; times are for showing. */
        position: z.number().optional(),
      }),
    ),
    conversation_history: z.array(
      z.object({
        id: z.string(),
        role: z.string(),
        content: z.string(),
        is_code_response: z.boolean(),
        display_name: z.string().nullable(),
        timestamp: z.number(),
      }),
    ),
    strudel_id: z.string().nullable(),
    /** For hosts: the callers who wait to be let in. */
    knocks: z.array(knockSchema).optional(),
    /**
     * A session token, for a participant who came without one: with it they are the same when they come back.
     */
    token: z.string().optional(),
    request_id: z.string().optional(),
  }),
  code_update: z.object({
    /** The whole text; or, for clients that asked for them, `changes` of the one before. */
    code: z.string().optional(),
    changes: changesSchema.optional(),
    rev: z.number(),
    /** With `changes`: how many of the receiver's own edits precede it; left out while that is unchanged. */
    client_seq: z.number().optional(),
    cursor_line: z.number().optional(),
    cursor_col: z.number().optional(),
    source: z.string().optional(),
    /** With `source: loaded_strudel`, what the session is about from here on. */
    strudel_id: z.string().nullable().optional(),
    /** With `source: taken_back`, the room's change that is taken back by this one, or made again. */
    takes_back: takesBackSchema.optional(),
    /** To its sender: of the `take_back` that this change was asked for by. */
    request_id: z.string().optional(),
    /** In an audience: the selections that have moved since, in the text at `rev`. */
    selections: z.array(selectionSchema).optional(),
    role: roleSchema,
    ...author,
  }),
  ack: z.object({
    rev: z.number().optional(),
    client_seq: z.number().optional(),
    request_id: z.string().optional(),
    message_id: z.string().optional(),
    durable: z.enum(['buffer', 'postgres']),
  }),
  flushed: z.object({ rev: z.number() }),
  chat_message: z.object({
    id: z.string(),
    message: z.string(),
    avatar_url: z.string().nullable().optional(),
    /** Milliseconds since the epoch, as it is stored. */
    timestamp: z.number().optional(),
    position: z.number().optional(),
    ...author,
  }),
  agent_request: z.object({ user_query: z.string(), display_name: z.string() }),
  agent_delta: z.object({
    request_id: z.string(),
    text: z.string(),
    /** From 1; a greater one than before: what came before is void, the answer starts anew. */
    attempt: z.number(),
    /** There will be no `agent_response`. */
    ended: z.enum(['failed', 'cancelled']).optional(),
  }),
  agent_response: z.object({
    request_id: z.string(),
    /** The AI's code for the code that it was given; of an answer that isn't code, its text. */
    code: z.string().optional(),
    /** What the answer says about its code. */
    explanation: z.string().optional(),
    is_code_response: z.boolean(),
    /** False: the code that the AI was given has too little in common with the session's to change that. */
    is_applied: z.literal(false).optional(),
    /** False when the AI can't say more before it has answers to `clarifying_questions`. */
    is_actionable: z.boolean(),
    clarifying_questions: z.array(z.string()).optional(),
    /** The session's revision when it was asked: whatever came after it, code of this answer has replaced. */
    base_rev: z.number(),
    model: z.string(),
    docs_retrieved: z.number(),
    examples_retrieved: z.number(),
    rate_limit: rateLimitSchema,
    /** Of the answer in the session's history. */
    message_id: z.string().optional(),
  }),
  user_joined: participantSchema,
  /** How many watchers there are besides those who were told of by name. */
  audience: z.object({ watching: z.number() }),
  selections: z.object({
    rev: z.number(),
    /** In an audience: those that have moved since the last time, in the text at `rev`. */
    selections: z.array(selectionSchema),
    /** Participants, by their ids, who are here and have no selection any more. */
    gone: z.array(z.string()).optional(),
    /** The room has slept, and knows none: a client that has one sends it. */
    wanted: z.boolean().optional(),
  }),
  user_left: participantSchema,
  /** A participant's pages went to the background, all of them, or one came back. */
  presence: z.object({ ...author, away: z.boolean() }),
  play: z.object({ display_name: z.string() }),
  stop: z.object({ display_name: z.string() }),
  transport: transportSchema,
  cursor_position: z.object({
    line: z.number(),
    col: z.number(),
    anchor: z.number().optional(),
    head: z.number().optional(),
    rev: z.number().optional(),
    /** As in `code_update`. */
    client_seq: z.number().optional(),
    role: roleSchema,
    ...author,
  }),
  /** The room can't follow this client: its changes are ignored until it asks for `resync`. */
  out_of_step: z.object({ reason: z.string() }),
  knock: knockSchema,
  /** A knock is over. */
  knock_answered: z.object({
    knock_id: z.string(),
    /** `withdrawn`: the knocker gave up. */
    outcome: z.enum(['admitted', 'refused', 'withdrawn', 'expired']),
    role: roleSchema.optional(),
    /** Name of the host who answered. */
    by: z.string().optional(),
    request_id: z.string().optional(),
  }),
  /** The code became a version of the session's history, which can be read over HTTP from now on. */
  version: z.object({
    number: z.number(),
    rev: z.number(),
    cause: versionCauseSchema,
    /** Null: the room doesn't know any more. */
    display_name: z.string().nullable(),
    /** When the code became so, in milliseconds since the epoch by the room's clock. */
    at: z.number(),
  }),
  session_ended: z.object({
    reason: z.string(),
    /** It is over for this client only: the session is private again. */
    goes_on: z.boolean().optional(),
  }),
  server_shutdown: z.object({ reason: z.string() }),
  degraded: z.object({
    reason: z.string(),
    /** ISO 8601. */
    since: z.string(),
    recovered: z.boolean().optional(),
  }),
  error: z.object({
    error: errorCodeSchema,
    message: z.string(),
    details: z.string().optional(),
    request_id: z.string().optional(),
  }),
  /** The room asks a client that is silent; the answer is a `ping` or a `pong`. */
  ping: z.object({}),
  pong: z.object({
    request_id: z.string().optional(),
    /** To be sent back with the next ping. */
    mark: z.string().optional(),
    /** Milliseconds since the epoch by the room's clock: by it clients find the common beat. */
    now: z.number().optional(),
  }),
} as const;

export type ServerMessageType = keyof typeof serverPayloads;
export type ServerPayload<T extends ServerMessageType> = z.infer<(typeof serverPayloads)[T]>;

/** A server message, envelope included; discriminated by `type`. */
export type ServerMessage = {
  [T in ServerMessageType]: {
    type: T;
    session_id: string;
    user_id?: string;
    /** ISO 8601. */
    timestamp: string;
    /** Grows by one with each broadcast of the session; absent from replies to one connection. */
    seq?: number;
    payload: ServerPayload<T>;
  };
}[ServerMessageType];

export type ParsedClientMessage =
  | { ok: true; message: ClientMessage; requestId: string | undefined }
  | { ok: false; error: ErrorCode; message: string; details?: string; requestId: string | undefined };

/**
 * Parses one frame of a client.
 * Never throws: what is wrong comes back as an error that names the fields and nothing internal.
 */
export function parseClientMessage(frame: string): ParsedClientMessage {
  if (!fitsBytes(frame, MAX_FRAME_BYTES)) {
    return {
      ok: false,
      error: 'validation_error',
      message: `a message is at most ${MAX_FRAME_BYTES} bytes`,
      requestId: undefined,
    };
  }
  let raw: unknown;
  try {
    raw = JSON.parse(frame);
  } catch {
    return { ok: false, error: 'bad_request', message: 'a message is one JSON object', requestId: undefined };
  }
  const edit = quickEdit(raw);
  if (edit) return { ok: true, message: edit, requestId: edit.request_id ?? edit.payload.request_id };
  const requestId = requestIdOf(raw);
  const parsed = clientMessageSchema.safeParse(raw);
  if (parsed.success) return { ok: true, message: parsed.data, requestId };
  return {
    ok: false,
    error: 'validation_error',
    message: 'the message does not fit its schema',
    details: issuesText(parsed.error),
    requestId,
  };
}

/** `path: what is wrong` for each issue, without the values. */
export function issuesText(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || '(message)'}: ${issue.message}`)
    .join('; ')
    .slice(0, 500);
}

const withRequestId = z.object({
  request_id: orNothing(requestIdSchema).catch(undefined),
  payload: z
    .object({ request_id: orNothing(requestIdSchema).catch(undefined) })
    .optional()
    .catch(undefined),
});

function requestIdOf(raw: unknown): string | undefined {
  const found = withRequestId.safeParse(raw);
  return found.success ? (found.data.request_id ?? found.data.payload?.request_id) : undefined;
}

const serverEnvelopeSchema = z.object({
  type: z.enum(Object.keys(serverPayloads) as [ServerMessageType, ...ServerMessageType[]]),
  session_id: z.string(),
  user_id: z.string().optional(),
  timestamp: z.string(),
  seq: z.number().optional(),
  payload: z.unknown(),
});

/** Parses one frame of a room; null when it isn't a message this client knows (a newer server's, say). */
export function parseServerMessage(frame: string): ServerMessage | null {
  let raw: unknown;
  try {
    raw = JSON.parse(frame);
  } catch {
    return null;
  }
  const envelope = serverEnvelopeSchema.safeParse(raw);
  if (!envelope.success) return null;
  const payload = serverPayloads[envelope.data.type].safeParse(envelope.data.payload);
  // The table pairs each type with its payload's schema, a tie TypeScript can't follow through an index.
  return payload.success ? ({ ...envelope.data, payload: payload.data } as ServerMessage) : null;
}
