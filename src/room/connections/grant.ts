/**
 * What admits a caller to a room: who they are, and by what right. The Worker makes it, and reserves a place
 * with it.
 */
import { z } from 'zod';
import { connectionStateSchema } from './connection-state.ts';

export const admissionGrantSchema = connectionStateSchema
  .omit({
    color: true,
    isListed: true,
    sync: true,
    seenMs: true,
    isHidden: true,
    isAsked: true,
    chatTimes: true,
    sameText: true,
    switchTimes: true,
    agentTimes: true,
  })
  .extend({
    connectionId: z.string(),
    /**
     * The participant's access was read at this time or later, in milliseconds by the Worker's clock: every
     * revocation that the room recorded since is newer. 0 when Postgres couldn't be asked: all revocations
     * are newer.
     */
    knownAtMs: z.number(),
    /** The session has just been made for this caller. */
    isNewSession: z.boolean().default(false),
    /** A session token to come back with, for a caller who came without one. */
    token: z.string().nullable(),
  });
export type AdmissionGrant = z.infer<typeof admissionGrantSchema>;
/** As the Worker sends it. */
export type SentGrant = z.input<typeof admissionGrantSchema>;

/** What a room counts a caller by, who only asks whether there is a place. */
export const newcomerSchema = admissionGrantSchema.pick({
  connectionId: true,
  participantId: true,
  address: true,
  role: true,
});

/** The room's answer when it reserves a place. The upgrade request names the reservation in this header. */
export const reservedSchema = z.object({ reservation_id: z.string() });
export const RESERVATION_HEADER = 'x-backbeat-reservation';
