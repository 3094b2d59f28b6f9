/**
 * The transport: what a session plays, for all who are in it. It belongs to the code's row in both stores, and
 * is written with it by the same guarded statement.
 */
import { z } from 'zod';

/** Strudel's own tempo, in cycles a second. */
export const DEFAULT_CPS = 0.5;

export interface Transport {
  /** What plays; the text may have changed since. */
  code: string;
  /** The newest revision when it was started. */
  rev: number;
  /** Name of the participant who started it. */
  by: string;
  /** When it was started, in milliseconds since the epoch by the room's clock, and in which cycle. */
  sinceMs: number;
  cycle: number;
  /** Tempo, in cycles a second. */
  cps: number;
}

/** What a participant has evaluated, and starts for all. */
export type Start = Pick<Transport, 'code' | 'rev' | 'by' | 'cps'>;

/** What plays from now on: in the cycle that what plays now has come to, else from the first. */
export function started(now: Transport | null, start: Start, nowMs: number): Transport {
  return { ...start, sinceMs: nowMs, cycle: now ? cycleAt(now, nowMs) : 0 };
}

/** The cycle that it has come to, with its fraction. @param nowMs by the room's clock. */
export function cycleAt({ cycle, cps, sinceMs }: Transport, nowMs: number): number {
  return cycle + (Math.max(0, nowMs - sinceMs) / 1000) * cps;
}

const storedSchema = z.object({
  rev: z.number().int(),
  by: z.string(),
  sinceMs: z.number(),
  cycle: z.number(),
  cps: z.number(),
});

/**
 * As both stores keep it: the code by itself, as a JSON text within JSON would take twice as many bytes, and
 * the rest as JSON; both empty when nothing plays.
 */
export interface StoredTransport {
  transport: string;
  played: string;
}

export function encodeTransport(transport: Transport | null): StoredTransport {
  if (!transport) return { transport: '', played: '' };
  const { code, ...rest } = transport;
  return { transport: JSON.stringify(rest), played: code };
}

/** @returns null when nothing plays; also when what is stored is damaged, which must not keep a room shut. */
export function decodeTransport({ transport, played }: StoredTransport): Transport | null {
  if (transport === '') return null;
  try {
    const parsed = storedSchema.safeParse(JSON.parse(transport));
    return parsed.success ? { code: played, ...parsed.data } : null;
  } catch {
    return null;
  }
}
