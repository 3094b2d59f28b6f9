/** The system's figures over time, and what a plot draws of them. Pure. */

import type { getSystemHistory, getSystemStatus } from '../../protocol/http/operation.ts';
import type { RouteReply } from '../../protocol/http/route.ts';

export type SystemStatus = RouteReply<typeof getSystemStatus>;
export type SystemSample = RouteReply<typeof getSystemHistory>['samples'][number];

/** The system at one moment; null where it wasn't asked for. */
export interface Moment {
  atMs: number;
  lagS: number;
  dirtySessions: number;
  letters: number | null;
  /** Sessions flushed since the buffer was made. */
  flushed: number | null;
}

export interface Point {
  atMs: number;
  value: number;
}

const KEEP_MS = 24 * 3_600_000;
/** A rate is that of the last minute: flushes come in batches. */
const RATE_MS = 60_000;
/** The server's steps are five minutes. Where two of them are missing, nothing is known. */
const GAP_MS = 11 * 60_000;

/** Null while Redis is out of reach. */
export function momentOf({ at, buffer }: SystemStatus): Moment | null {
  if (!buffer) return null;
  return {
    atMs: Date.parse(at),
    lagS: buffer.oldest_dirty_ms / 1_000,
    dirtySessions: buffer.dirty_sessions,
    letters: buffer.dead_letters,
    flushed: buffer.totals.flushed_sessions,
  };
}

export function momentsOf(samples: readonly SystemSample[]): Moment[] {
  return samples.map((sample) => ({
    atMs: Date.parse(sample.at),
    lagS: sample.oldest_dirty_ms / 1_000,
    dirtySessions: sample.dirty_sessions,
    letters: sample.dead_letters,
    flushed: sample.flushed_sessions,
  }));
}

/** Both together in the order of time, each moment once, and none older than a day. */
export function withMoments(before: readonly Moment[], added: readonly Moment[]): Moment[] {
  const byTime = new Map([...before, ...added].map((moment) => [moment.atMs, moment]));
  const moments = [...byTime.values()].sort((a, b) => a.atMs - b.atMs);
  const newestMs = moments.at(-1)?.atMs ?? 0;
  return moments.filter(({ atMs }) => atMs > newestMs - KEEP_MS);
}

/** One figure of them, without the moments at which it isn't known. */
export function pointsOf(moments: readonly Moment[], figure: (moment: Moment) => number | null): Point[] {
  return moments.flatMap((moment) => {
    const value = figure(moment);
    return value === null ? [] : [{ atMs: moment.atMs, value }];
  });
}

/** How fast a counter grows, a minute. A counter that begins anew has no rate there. */
export function ratesOf(counts: readonly Point[]): Point[] {
  let from = 0;
  return counts.flatMap(({ atMs, value }, index) => {
    // At least from the point before, however long ago that was.
    while (from < index - 1 && (counts[from]?.atMs ?? 0) < atMs - RATE_MS) from += 1;
    const start = counts[from];
    if (start === undefined || start.atMs >= atMs) return [];
    if (value < start.value) {
      from = index;
      return [];
    }
    return [{ atMs, value: (value - start.value) / ((atMs - start.atMs) / 60_000) }];
  });
}

/** The greatest of each of so many parts of the time: what stands out must not be left out. */
export function thinned(points: readonly Point[], parts: number): Point[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length <= parts) return [...points];
  const partMs = Math.max(1, (last.atMs - first.atMs) / parts);
  const kept = new Map<number, Point>();
  for (const point of points) {
    const part = Math.min(parts - 1, Math.floor((point.atMs - first.atMs) / partMs));
    const before = kept.get(part);
    if (before === undefined || point.value >= before.value) kept.set(part, point);
  }
  return [...kept.values()];
}

/** The points in runs, cut where nothing was known for long. */
export function runsOf(points: readonly Point[]): Point[][] {
  const runs: Point[][] = [];
  for (const point of points) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run && before && point.atMs - before.atMs <= GAP_MS) run.push(point);
    else runs.push([point]);
  }
  return runs;
}

/** A round number at least as great, for the top of a plot: 1, 2 or 5 times a power of ten. */
export function roundUp(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((times) => times * power).find((top) => top >= value) ?? value;
}
