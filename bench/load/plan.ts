/** What a load process is told, and what it tells: the messages between it and the benchmark. */
import { z } from 'zod';
import { EDIT_MODES, PACES } from '../options.ts';

const count = z.number().int().min(0);

export const roomPlanSchema = z.object({
  id: z.string(),
  /** Participants' ids of those who type. */
  typistIds: z.array(z.string()),
  /** A token for each of those who type and of those who watch. */
  typistTokens: z.array(z.string()),
  viewerTokens: z.array(z.string()),
});
export type RoomPlan = z.infer<typeof roomPlanSchema>;

export const loadPlanSchema = z.object({
  /** Where the rooms are, as `http://…` or `ws://…`. */
  url: z.string(),
  /** Where those are who only watch; absent: with the others. */
  watchersUrl: z.string().optional(),
  rooms: z.array(roomPlanSchema),
  /** People in each room who type, and who only watch. */
  typists: count.min(1),
  viewers: count,
  /** Edits a second of each person who types. */
  ratePerS: z.number().min(0),
  /** Chat messages a second of each room. */
  chatPerS: z.number().min(0),
  seconds: z.number().positive(),
  codeBytes: count,
  /**
   * `changes`: each types in a line of their own, and all of it is kept. `whole`: each turns a number in a
   * text of their own.
   */
  edits: z.enum(EDIT_MODES),
  /** `client`: as the page's client paces itself; `none`: a frame for each edit, whatever becomes of it. */
  pace: z.enum(PACES),
  /** How long to wait for acknowledgements after the last edit, in milliseconds. */
  ackWaitMs: count,
});
export type LoadPlan = z.infer<typeof loadPlanSchema>;

export const commandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connect'), plan: loadPlanSchema }),
  /** Everybody who types makes one edit that isn't measured. */
  z.object({ type: z.literal('warm-up') }),
  z.object({ type: z.literal('start') }),
  /** Everybody leaves. */
  z.object({ type: z.literal('leave') }),
]);
export type Command = z.infer<typeof commandSchema>;

/** Counters since the start, and the latencies of the last second. */
export const progressSchema = z.object({
  sent: count,
  acked: count,
  /** Sent and not acknowledged. */
  waiting: count,
  closed: count,
  errors: count,
  /** Acknowledgements within the last second, as an encoded histogram. */
  window: z.string(),
});
export type Progress = z.infer<typeof progressSchema>;

/** What a room's people know of it at the end: what storage has to hold. */
export const roomOutcomeSchema = z.object({
  id: z.string(),
  /**
   * Newest acknowledged revision, and the digest of the code it stands for; null when
   * nothing was acknowledged.
   */
  newest: z.object({ rev: z.number(), digest: z.string() }).nullable(),
  /** False when edits were sent after it that nobody acknowledged: storage may then hold one of those. */
  isFinal: z.boolean(),
  /** Of the text that they have typed. */
  textBytes: count,
  /** People whose own text isn't what was typed. */
  diverged: count,
  /** Acknowledged messages, by their ids. */
  messages: z.array(z.string()),
});
export type RoomOutcome = z.infer<typeof roomOutcomeSchema>;

export const reportSchema = z.object({
  sent: count,
  /** Frames that brought them: several edits may go in one. */
  frames: count,
  accepted: count,
  acked: count,
  /** Acknowledged before the last edit was sent: what the system sustained. */
  ackedInTime: count,
  chatsSent: count,
  chatsAcked: count,
  broadcasts: count,
  /** Connections that the other side closed. */
  closed: count,
  /** By code. */
  errors: z.record(z.string(), count),
  bytesSent: count,
  bytesReceived: count,
  broadcastBytes: count,
  ackBytes: count,
  /** From the first edit to the last, in milliseconds. */
  elapsedMs: z.number(),
  /** Encoded histograms, in microseconds. */
  ack: z.string(),
  broadcast: z.string(),
  watched: z.string(),
  chatAck: z.string(),
  /** How late edits left this process: what it couldn't keep up with itself. */
  lateness: z.string(),
  rooms: z.array(roomOutcomeSchema),
});
export type LoadReport = z.infer<typeof reportSchema>;

export const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connecting'), connected: count }),
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('warm') }),
  z.object({ type: z.literal('progress'), progress: progressSchema }),
  z.object({ type: z.literal('report'), report: reportSchema }),
  z.object({ type: z.literal('failed'), reason: z.string() }),
]);
export type LoadEvent = z.infer<typeof eventSchema>;
