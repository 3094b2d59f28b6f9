/**
 * What the Worker tells a room, by a request that only the Worker's own code can make.
 * Postgres has it already when the room is told (but for code, which only the room may revise); telling it twice is
 * telling it once.
 */
import { z } from 'zod';
import { codeSchema, roleSchema } from '../../protocol/messages.ts';

export const roomRequestSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('participant_changed'), participant_id: z.uuid(), role: roleSchema }),
  z.object({ kind: z.literal('participant_removed'), participant_id: z.uuid() }),
  z.object({ kind: z.literal('invite_revoked'), invite_id: z.uuid() }),
  /** The session is no longer discoverable: who came in because it was has to leave. */
  z.object({ kind: z.literal('discovery_ended') }),
  /** Everybody but hosts has to leave. */
  z.object({ kind: z.literal('live_ended') }),
  /** The session has ended: everybody has to leave, and nobody comes back. */
  z.object({ kind: z.literal('ended'), reason: z.string().max(200) }),
  /** New code, as the session's next revision; answered once it is committed. */
  z.object({
    kind: z.literal('set_code'),
    code: codeSchema,
    user_id: z.uuid().nullable(),
    display_name: z.string(),
    role: roleSchema,
  }),
]);
export type RoomRequest = z.infer<typeof roomRequestSchema>;

/** The answer to `set_code`. */
export const setCodeReplySchema = z.object({
  rev: z.number().int(),
  durable: z.enum(['buffer', 'postgres']),
});

/** The answer to everything else: connections that were told. */
export const toldReplySchema = z.object({ delivered: z.number().int() });
