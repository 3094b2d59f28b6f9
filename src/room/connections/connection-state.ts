/**
 * What the room keeps of one connection. It lives in the socket's attachment (2 KB), so it survives
 * hibernation.
 */
import { z } from 'zod';
import { JOIN_METHODS } from '../../domain/types.ts';
import { roleSchema, type WireParticipant } from '../../protocol/index.ts';

export const connectionStateSchema = z.object({
  participantId: z.string(),
  userId: z.string().nullable(),
  displayName: z.string(),
  avatarUrl: z.string().max(500).nullable(),
  role: roleSchema,
  /**
   * What gives this participant access, and by which invite: a revocation closes the connections it concerns.
   */
  joinMethod: z.enum(JOIN_METHODS),
  inviteId: z.string().nullable(),
  /** The client's network address; null when the platform doesn't say. */
  address: z.string().nullable(),
  /** Which of the colours the participant has in this room, from 0. */
  color: z.number().default(0),
  /** Whether the others are shown the participant by name, or only how many there are. */
  isListed: z.boolean().default(true),
  /** How the client sends and gets edits: as changes, or as whole texts. */
  edits: z.enum(['changes', 'whole']).default('whole'),
  /**
   * Number of the whole text that the client was sent last. Its changes have to name this one: those that
   * were made on an earlier one are ignored, as the client makes them again.
   */
  sync: z.number().default(0),
  /** Of a writer: from the one revision to the other, the newest one then, the text is the same. */
  sameText: z.object({ from: z.number(), to: z.number() }).nullable().default(null),
  /** When its client last sent something, to the second, in milliseconds since the epoch. */
  seenMs: z.number(),
  /** Its page is in the background. */
  isHidden: z.boolean().default(false),
  /** The room has asked it for a sign of life since then. */
  isAsked: z.boolean().default(false),
  /**
   * Times (in milliseconds) of what counts against a limit per minute: a minute outlives the instance's
   * memory.
   */
  chatTimes: z.array(z.number()).readonly().default([]),
  switchTimes: z.array(z.number()).readonly().default([]),
  agentTimes: z.array(z.number()).readonly().default([]),
});
export type ConnectionState = z.infer<typeof connectionStateSchema>;

/** The participant as messages of the protocol show them. */
export function participantOf({
  userId,
  displayName,
  role,
  participantId,
  color,
}: ConnectionState): WireParticipant {
  return { user_id: userId, display_name: displayName, role, participant_id: participantId, color };
}
