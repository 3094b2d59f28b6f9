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
  MAX_DISPLAY_NAME_CHARS,
  MAX_FRAME_BYTES,
  MAX_PROVIDER_KEY_CHARS,
  MAX_REQUEST_ID_CHARS,
  MIN_CPS,
} from './limits.ts';
import { quickEdit } from './quick-edit.ts';
import { fitsBytes, isStorable, withLineFeeds } from './text.ts';

export const roleSchema = z.enum(['host', 'co-author', 'viewer']);
export type Role = z.infer<typeof roleSchema>;

/** Any text that storage keeps unchanged. */
export const storableText = z.string().refine(isStorable, 'contains U+0000 or a lone surrogate');

/** Code; its lines end with `\n`, whatever ended them where it came from. */
export const codeSchema = storableText
  .overwrite(withLineFeeds)
  .refine((code) => fitsBytes(code, MAX_CODE_BYTES), `is larger than ${MAX_CODE_BYTES} bytes of UTF-8`);

export const displayNameSchema = storableText
  .max(MAX_DISPLAY_NAME_CHARS)
  .refine((name) => name.trim() !== '', 'is blank');

const requestIdSchema = storableText.min(1).max(MAX_REQUEST_ID_CHARS);

/** Column of a cursor, from 0; line, from 1. */
const column = z.number().int().min(0).max(1_000_000);
const line = z.number().int().min(1).max(1_000_000);

const aboutEdit = {
  cursor_line: z.number().int().min(0).max(1_000_000).optional(),
  cursor_col: column.optional(),
  source: z.enum(['typed', 'loaded_strudel', 'forked', 'paste']).optional(),
  request_id: requestIdSchema.optional(),
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
  base_rev: revision.optional(),
  /** This client's count of edits, from 1: one that is not greater than an accepted one's has no effect. */
  client_seq: clientSeq.optional(),
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

export const chatPayload = z.object({
  message: storableText.max(MAX_CHAT_CHARS).refine((text) => text.trim() !== '', 'is blank'),
  /** Made by the client, so that sending it again is harmless. */
  id: z.uuid().toLowerCase().optional(),
  request_id: requestIdSchema.optional(),
});

export const AI_PROVIDERS = ['anthropic', 'openai'] as const;
export type AiProvider = (typeof AI_PROVIDERS)[number];

/** Clients that were built for other servers send an empty string for what isn't set. */
const optionalText = <T extends z.ZodType>(schema: T) =>
  z.union([schema, z.literal('').transform(() => undefined)]).optional();

export const agentRequestPayload = z
  .object({
    user_query: storableText.max(MAX_AGENT_QUERY_CHARS).refine((text) => text.trim() !== '', 'is blank'),
    request_id: requestIdSchema,
    /** What the client shows as the code; absent, the room's. */
    editor_state: codeSchema.optional(),
    /** The conversation so far; absent, the session's. */
    conversation_history: z
      .array(z.object({ role: z.enum(['user', 'assistant']), content: storableText }))
      .max(MAX_AGENT_HISTORY_ENTRIES)
      .optional(),
    provider: optionalText(z.enum(AI_PROVIDERS)),
    /** The caller's own key, for this one request. */
    provider_api_key: optionalText(
      z
        .string()
        .max(MAX_PROVIDER_KEY_CHARS)
        .regex(/^[\x21-\x7e]+$/, 'is not a key'),
    ),
  })
  // Guessing would show the key to a stranger.
  .refine(({ provider, provider_api_key: key }) => key === undefined || provider !== undefined, {
    path: ['provider'],
    message: 'is needed with provider_api_key',
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

const resyncPayload = z.object({ request_id: requestIdSchema.optional() }).nullish();

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
  code: codeSchema.optional(),
  /** The conversation that goes with the scratch code. */
  conversation_history: z.array(conversationEntrySchema).max(MAX_CONVERSATION_ENTRIES).optional(),
  request_id: requestIdSchema.optional(),
});

const nothing = z.object({ request_id: requestIdSchema.optional() }).nullish();

const playPayload = z
  .object({
    /** What the client has evaluated; absent, the session's code as it is. */
    code: codeSchema.optional(),
    /** The tempo that it set, in cycles a second. */
    cps: z.number().min(MIN_CPS).max(MAX_CPS).optional(),
    /** When it started there, in milliseconds by the room's clock; taken where that was a moment ago. */
    since: z.number().optional(),
    request_id: requestIdSchema.optional(),
  })
  .nullish();

/**
 * The `mark` of the last `pong`, as it came: a client that knows it has read all that the room sent before.
 */
const markSchema = storableText.min(1).max(MAX_REQUEST_ID_CHARS);
const pingPayload = z
  .object({ request_id: requestIdSchema.optional(), mark: markSchema.optional() })
  .nullish();

const envelope = {
  session_id: z.string().optional(),
  user_id: z.string().nullish(),
  timestamp: z.string().optional(),
  seq: z.number().optional(),
  request_id: requestIdSchema.optional(),
};

/** What a client may send. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.object({ ...envelope, type: z.literal('code_update'), payload: codeUpdatePayload }),
  z.object({ ...envelope, type: z.literal('chat_message'), payload: chatPayload }),
  z.object({ ...envelope, type: z.literal('agent_request'), payload: agentRequestPayload }),
  z.object({ ...envelope, type: z.literal('cursor_position'), payload: cursorPayload }),
  z.object({ ...envelope, type: z.literal('switch_strudel'), payload: switchStrudelPayload }),
  z.object({ ...envelope, type: z.literal('play'), payload: playPayload }),
  z.object({ ...envelope, type: z.literal('stop'), payload: nothing }),
  z.object({ ...envelope, type: z.literal('ping'), payload: pingPayload }),
  z.object({ ...envelope, type: z.literal('resync'), payload: resyncPayload }),
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
export type WireParticipant = z.infer<typeof participantSchema>;

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
    participants: z.array(participantSchema),
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
    /** The session's new code; of an answer that isn't code, its text. */
    code: z.string().optional(),
    /** What the answer says about its code. */
    explanation: z.string().optional(),
    is_code_response: z.boolean(),
    /** False when the AI can't say more before it has answers to `clarifying_questions`. */
    is_actionable: z.boolean(),
    clarifying_questions: z.array(z.string()).optional(),
    /** The session's revision when it was asked: whatever came after it, code of this answer has replaced. */
    base_rev: z.number(),
    model: z.string(),
    docs_retrieved: z.number(),
    examples_retrieved: z.number(),
    /** What the asking person has left: of the day, or with their own key, of the minute. */
    rate_limit: z.object({
      requests_remaining: z.number(),
      requests_limit: z.number(),
      reset_seconds: z.number(),
    }),
    /** Of the answer in the session's history. */
    message_id: z.string().optional(),
  }),
  user_joined: participantSchema,
  user_left: participantSchema,
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
  session_ended: z.object({ reason: z.string() }),
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
  request_id: requestIdSchema.optional().catch(undefined),
  payload: z
    .object({ request_id: requestIdSchema.optional().catch(undefined) })
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
