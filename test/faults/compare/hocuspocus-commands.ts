/** What the experiment and the process in which Hocuspocus' clients are say to each other. */
import { z } from 'zod';

/** Answered one by one, in their order. */
export const commandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('enter'), url: z.string(), documents: z.array(z.string()), seed: z.number() }),
  z.object({ type: z.literal('type') }),
  z.object({ type: z.literal('stop'), gone: z.array(z.string()) }),
  /** Answered when those who stayed see everything as saved. */
  z.object({ type: z.literal('settle') }),
  z.object({ type: z.literal('stored') }),
  z.object({ type: z.literal('leave') }),
]);
export type Command = z.infer<typeof commandSchema>;

const line = z.object({ text: z.string(), savedAtMs: z.number().nullable() });

export const answerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('done') }),
  z.object({ type: z.literal('typed'), lines: z.array(z.tuple([z.string(), z.array(line)])) }),
  z.object({ type: z.literal('stored'), texts: z.array(z.tuple([z.string(), z.string()])) }),
  z.object({ type: z.literal('failed'), reason: z.string() }),
]);
export type Answer = z.infer<typeof answerSchema>;
