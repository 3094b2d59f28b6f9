/** What the meter tells. */
import { z } from 'zod';

/** From, to: milliseconds on the Worker's clock. */
const span = z.tuple([z.number(), z.number()]);
export type Span = z.infer<typeof span>;

export const meterReadingSchema = z.object({
  /** Invocations of the Worker: requests, and turns of the cron. */
  workerRequests: z.number(),
  /** Requests that each turn of the cron made to stores and rooms. */
  cronTurns: z.array(z.number()),
  /** All rooms together; in a jam there is one. */
  room: z.object({
    /** Requests to it, joins included. */
    requests: z.number(),
    /** Messages received from clients. */
    frames: z.number(),
    alarms: z.number(),
    /** Of its storage, alarms set included. */
    rowsWritten: z.number(),
    busy: z.array(span),
  }),
  sweeper: z.object({ requests: z.number(), busy: z.array(span) }),
  /** Requests that the Worker and its objects made. */
  subrequests: z.number(),
  /** When Postgres was asked. */
  postgresAt: z.array(z.number()),
});
export type MeterReading = z.infer<typeof meterReadingSchema>;

/** How long of the time something was busy, in milliseconds. */
export function busyMs(spans: readonly Span[]): number {
  let total = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, to - Math.max(from, untilMs));
    untilMs = Math.max(untilMs, to);
  }
  return total;
}
