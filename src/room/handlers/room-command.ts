/**
 * The commands that the Worker sends to a room. Only the Worker's own code can make such a request. Postgres
 * has a command's change already when the room gets it (except for code, which only the room may revise), and
 * repeating a command has no second effect.
 */
import { z } from 'zod';
import { codeSchema, roleSchema } from '../../protocol/messages.ts';

export const roomCommandSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('participant_changed'), participant_id: z.uuid(), role: roleSchema }),
  z.object({ kind: z.literal('participant_removed'), participant_id: z.uuid() }),
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
  /** New code, as the session's next revision; answered once it is committed. */
  z.object({
    kind: z.literal('set_code'),
    code: codeSchema,
    user_id: z.uuid().nullable(),
    display_name: z.string(),
    role: roleSchema,
  }),
]);
export type RoomCommand = z.infer<typeof roomCommandSchema>;

/** The answer to `set_code`. */
export const setCodeReplySchema = z.object({
  rev: z.number().int(),
  durable: z.enum(['buffer', 'postgres']),
});

/**
 * The answer to every other command: how many connections it concerned; of `release`, how many reservations.
 */
export const commandReplySchema = z.object({ delivered: z.number().int() });
