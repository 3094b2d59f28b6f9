/**
 * The commands that the Worker sends to a room. Only the Worker's own code can make such a request. Postgres
 * has a command's change already when the room gets it (except where a command says otherwise), and
 * repeating a command has no second effect.
 */
import { z } from 'zod';
import { codeSchema, roleSchema } from '../../protocol/values.ts';

export const roomCommandSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('participant_changed'), participant_id: z.uuid(), role: roleSchema }),
  /** A participant has another name. */
  z.object({
    kind: z.literal('participant_renamed'),
    participant_id: z.uuid(),
    display_name: z.string(),
  }),
  z.object({ kind: z.literal('participant_removed'), participant_id: z.uuid() }),
  /** The session's anonymous host has signed in: the session is this user's, and they stay who they are. */
  z.object({
    kind: z.literal('host_signed_in'),
    participant_id: z.uuid(),
    user_id: z.uuid(),
    avatar_url: z.string().nullable(),
  }),
  /**
   * A user of another's session has deleted their account: they have to leave, and what they said loses
   * their name. Postgres is changed after this, so that the room flushes what names them first.
   */
  z.object({
    kind: z.literal('account_deleted'),
    user_id: z.uuid(),
    participant_ids: z.array(z.uuid()),
    /** The names that they had here. */
    display_names: z.array(z.string()),
  }),
  /** A user has signed out everywhere: what they came in with is worth nothing any more. */
  z.object({ kind: z.literal('user_signed_out'), user_id: z.uuid() }),
  z.object({ kind: z.literal('invite_revoked'), invite_id: z.uuid() }),
  /** The session is no longer discoverable: participants who joined by discovery have to leave. */
  z.object({ kind: z.literal('discovery_ended') }),
  /** All participants but hosts have to leave. */
  z.object({ kind: z.literal('live_ended') }),
  /** The session has ended: all participants have to leave, and none can come back. */
  z.object({ kind: z.literal('ended'), reason: z.string().max(200) }),
  /** The session was deleted some time after its end: the room forgets all that it keeps of it. */
  z.object({ kind: z.literal('deleted') }),
  /** The session has just been made: Postgres has all there is of it. */
  z.object({ kind: z.literal('created') }),
  /** The caller with this reservation won't connect: their place is free again. */
  z.object({ kind: z.literal('release'), reservation_id: z.uuid() }),
  /** Which strudel the code is of, for one who wants to give it to the AI. */
  z.object({ kind: z.literal('ai_subject') }),
  /** New code, as the session's next revision; answered once it is committed. */
  z.object({
    kind: z.literal('set_code'),
    code: codeSchema,
    user_id: z.uuid().nullable(),
    display_name: z.string(),
    role: roleSchema,
    /** It is a version's code, and this participant asked for it. */
    restored_by: z.object({ participant_id: z.string().nullable() }).optional(),
  }),
]);
export type RoomCommand = z.infer<typeof roomCommandSchema>;

/** The answer to `set_code`. */
export const setCodeReplySchema = z.object({
  rev: z.number().int(),
  durable: z.enum(['buffer', 'postgres']),
});

/** The answer to `ai_subject`; see {@link StrudelContext.aiSubject}. */
export const aiSubjectReplySchema = z.object({
  strudelId: z.string().nullable(),
  wasForbidden: z.boolean(),
});

/**
 * The answer to every other command: how many connections it concerned; of `release`, how many reservations.
 */
export const commandReplySchema = z.object({ delivered: z.number().int() });
