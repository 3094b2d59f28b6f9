/**
 * The transport: what a session plays, for all who are in it. It belongs to the code's row in both stores,
 * and is written with it by the same guarded statement.
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
export interface Start extends Pick<Transport, 'code' | 'rev' | 'by' | 'cps'> {
  /** When it started for them, by the room's clock as they know it. */
  sinceMs?: number | undefined;
}

/**
 * How far the time at which a participant started may be from the room's: a slow connection and a rough
 * clock.
 */
const MAX_APART_MS = 2_000;

/** What plays from now on: in the cycle that what plays now has come to, else from the first. */
export function started(now: Transport | null, { sinceMs, ...start }: Start, nowMs: number): Transport {
  const isNear = sinceMs !== undefined && Math.abs(sinceMs - nowMs) <= MAX_APART_MS;
  // Those who hear it already needn't move to another beat.
  const atMs = isNear ? sinceMs : nowMs;
  return { ...start, sinceMs: atMs, cycle: now ? cycleAt(now, atMs) : 0 };
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
