/** What the process with the people who come back is told, and what it tells. */
import { z } from 'zod';

const count = z.number().int().min(0);

const roomSchema = z.object({
  id: z.string(),
  typistTokens: z.array(z.string()),
  viewerTokens: z.array(z.string()),
});

export const commandSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('enter'),
    url: z.string(),
    /** `product`: by the page's client. `floor`: by a socket that comes back at the same pace. */
    as: z.enum(['product', 'floor']),
    rooms: z.array(roomSchema),
    /** Keys a second of each who types. */
    ratePerS: z.number().positive(),
    /** The number of each typist's line, from 1. */
    firstLine: count,
  }),
  /** From here on it waits until all who were thrown out are back. */
  z.object({ type: z.literal('watch'), limitMs: count }),
  /** Typing stops. What was typed is acknowledged, and reported. */
  z.object({ type: z.literal('finish') }),
]);
export type Command = z.infer<typeof commandSchema>;

export const returnedSchema = z.object({
  /** When each was back, by the machine's clock, in milliseconds; who types: with an edit acknowledged. */
  backAtMs: z.array(z.number()),
  /** How many weren't back in time. */
  stillAway: count,
  /** Sockets that each opened until they were back. */
  attempts: z.array(count),
  /** Questions why, of all. */
  asked: count,
});
export type Returned = z.infer<typeof returnedSchema>;

export const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('entering'), people: count }),
  z.object({ type: z.literal('entered') }),
  z.object({ type: z.literal('returned'), returned: returnedSchema }),
  z.object({
    type: z.literal('finished'),
    /** By room: what each who types has in their line, all of it acknowledged; null when it isn't. */
    typed: z.record(z.string(), z.array(z.string()).nullable()),
    /** People whose text isn't that of their room. */
    diverged: count,
  }),
  z.object({ type: z.literal('failed'), reason: z.string() }),
]);
export type PeopleEvent = z.infer<typeof eventSchema>;
