/**
 * What the edge gives a connection that it has let in, for the room: who it is, and by what right. It travels in a header
 * that the edge sets on every request it passes on, so nobody outside can.
 */
import { z } from 'zod';
import { connectionStateSchema } from './connection.ts';

const HEADER = 'x-backbeat-pass';

export const passSchema = connectionStateSchema
  .omit({ chatTimes: true, switchTimes: true, agentTimes: true })
  .extend({
    /** Names the seat that the room keeps for it. */
    ticket: z.string(),
    connectionId: z.string(),
    /**
     * The participant's standing was read at this time or later, in milliseconds by the edge's clock. What the room
     * was told since is newer. 0 when Postgres couldn't be asked: all that the room was ever told is.
     */
    knownAtMs: z.number(),
    /** A session token to come back with, for whoever came without one. */
    token: z.string().nullable(),
  });
export type Pass = z.infer<typeof passSchema>;

export function withPass(headers: Headers, pass: Pass): Headers {
  // Names aren't ASCII, and headers are.
  headers.set(HEADER, encodeURIComponent(JSON.stringify(pass)));
  return headers;
}

/** The pass of a request; null for one that didn't come through the edge. */
export function passOf(request: { headers: { get(name: string): string | null } }): Pass | null {
  const header = request.headers.get(HEADER);
  if (header === null) return null;
  const pass = passSchema.safeParse(JSON.parse(decodeURIComponent(header)));
  return pass.success ? pass.data : null;
}
