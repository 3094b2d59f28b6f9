/** Routes that ask the AI without a room. */
import * as z from 'zod';
import { errorCodeSchema, generateBody, rateLimitSchema } from '../messages.ts';
import { route } from './route.ts';

const tag = 'AI';

/** An answer that can be used. */
export const generated = z
  .object({
    code: z
      .string()
      .optional()
      .meta({ description: 'the new code; of an answer that is no code, its text; absent: it asks back' }),
    explanation: z.string().optional().meta({ description: 'what the answer says about its code' }),
    is_code_response: z.boolean(),
    is_actionable: z
      .boolean()
      .meta({ description: 'false: it needs answers to `clarifying_questions` first' }),
    clarifying_questions: z.array(z.string()).optional(),
    docs_retrieved: z.number().int(),
    examples_retrieved: z.number().int(),
    model: z.string(),
    rate_limit: rateLimitSchema,
  })
  .meta({ id: 'Generated' });
export type Generated = z.infer<typeof generated>;

/** What `data:` of one event holds, as JSON. */
export const generateEvent = z
  .discriminatedUnion('type', [
    /** Comes first; the guide is always part of the prompt, and nothing is retrieved. */
    z.object({
      type: z.literal('refs'),
      strudel_references: z.array(z.never()),
      doc_references: z.array(z.never()),
    }),
    /** A piece of the answer, as the model writes it. */
    z.object({ type: z.literal('chunk'), content: z.string() }),
    /** The pieces so far are void: the code in them couldn't be used, and the model writes it again. */
    z.object({ type: z.literal('restart') }),
    /** `content`: the code, or what the answer says, without what is around it in the pieces. */
    z.object({ type: z.literal('done'), content: z.string(), ...generated.shape }),
    /** There is no answer; `error` is for people. */
    z.object({ type: z.literal('error'), error: z.string(), code: errorCodeSchema }),
  ])
  .meta({ id: 'GenerateEvent' });
export type GenerateEvent = z.infer<typeof generateEvent>;

export const generate = route({
  method: 'post',
  path: '/api/v1/agent/generate',
  tag,
  summary: 'Ask the AI about code, without a session',
  access: 'optional',
  body: generateBody,
  reply: generated,
  errors: [403, 409, 429, 502],
});

export const streamGenerate = route({
  method: 'post',
  path: '/api/v1/agent/generate/stream',
  tag,
  summary:
    'The same as server-sent events, each of which is JSON: `refs`, `chunk` with `content`, `restart` where the chunks so far are void, `done` with `content` and the reply, or `error`. A line that begins with a colon says only that the stream goes on',
  access: 'optional',
  body: generateBody,
  reply: z.string().meta({ description: 'text/event-stream' }),
  errors: [403, 429],
});
