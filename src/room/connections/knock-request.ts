/** What the Worker asks a room about knocks. Only the Worker's own code can make such a request. */
import { z } from 'zod';
import { roleSchema } from '../../protocol/index.ts';

export const knockRequestSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('knock'),
    user_id: z.uuid().nullable(),
    /** Their membership, or the id of the one that they get when they are let in. */
    participant_id: z.uuid(),
    display_name: z.string(),
    /** Whom to take for one knocker; null: the platform doesn't say. */
    origin: z.string().nullable(),
    was_removed: z.boolean(),
  }),
  z.object({ kind: z.literal('await'), knock_id: z.uuid(), wait_ms: z.number() }),
  z.object({ kind: z.literal('withdraw'), knock_id: z.uuid() }),
]);
export type KnockRequest = z.infer<typeof knockRequestSchema>;

/** The answer to `knock`. */
export const knockedSchema = z.object({ knock_id: z.string(), expires_at_ms: z.number() });

/** The answer to `await`. */
export const knockStateSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('admitted'),
    participant_id: z.string(),
    user_id: z.string().nullable(),
    display_name: z.string(),
    role: roleSchema,
  }),
  z.object({ status: z.enum(['waiting', 'refused', 'host_away', 'ended', 'expired']) }),
]);
export type KnockState = z.infer<typeof knockStateSchema>;
