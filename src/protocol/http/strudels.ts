/** Routes of saved strudels. */
import * as z from 'zod';
import {
  MAX_CATEGORIES,
  MAX_CLARIFYING_QUESTION_CHARS,
  MAX_CLARIFYING_QUESTIONS,
  MAX_DESCRIPTION_CHARS,
  MAX_LICENSE_CHARS,
  MAX_STRUDEL_MESSAGE_CHARS,
  MAX_STRUDEL_MESSAGES,
  MAX_TAG_CHARS,
  MAX_TAGS,
  MAX_TITLE_CHARS,
} from '../limits.ts';
import { codeSchema, storableText } from '../messages.ts';
import { route } from './route.ts';
import { done, instant, ofOne, pageQuery, pagination, uuid } from './shared.ts';

const routeTag = 'Strudels';
const STRUDELS = '/api/v1/strudels';
const ONE = `${STRUDELS}/{id}` as const;

const turnRole = z.enum(['user', 'assistant']);

const ccSignalText = 'what the author allows machines to do with it, as a Creative Commons signal';

/** One turn of the conversation with the assistant that made a strudel. */
export const turn = z
  .object({
    id: z.uuid(),
    role: turnRole,
    content: z.string(),
    is_actionable: z.boolean(),
    is_code_response: z.boolean(),
    clarifying_questions: z.array(z.string()),
    created_at: instant,
  })
  .meta({ id: 'StrudelTurn' });

export const strudel = z
  .object({
    id: z.uuid(),
    user_id: z.uuid(),
    author_name: z.string().optional(),
    title: z.string(),
    code: z.string(),
    description: z.string().optional(),
    tags: z.array(z.string()),
    categories: z.array(z.string()),
    is_public: z.boolean(),
    license: z.string().optional(),
    cc_signal: z.string().optional().meta({ description: ccSignalText }),
    ai_assist_count: z.number().int().meta({ description: 'answers of the assistant in its conversation' }),
    forked_from: z.uuid().optional().meta({ description: 'the strudel it was made from' }),
    parent_cc_signal: z.string().optional().meta({ description: 'that of the strudel it was made from' }),
    conversation_history: z.array(turn).meta({ description: 'oldest first; in lists, the newest turns' }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Strudel' });
export type Strudel = z.infer<typeof strudel>;

const shown = storableText.refine((text) => text.trim() !== '', 'is blank');
const settable = {
  title: shown.max(MAX_TITLE_CHARS),
  code: codeSchema,
  description: storableText.max(MAX_DESCRIPTION_CHARS).nullable(),
  tags: z.array(shown.max(MAX_TAG_CHARS)).max(MAX_TAGS),
  categories: z.array(shown.max(MAX_TAG_CHARS)).max(MAX_CATEGORIES),
  is_public: z.boolean(),
  license: storableText.max(MAX_LICENSE_CHARS).nullable(),
  cc_signal: storableText.max(MAX_LICENSE_CHARS).nullable().meta({ description: ccSignalText }),
  forked_from: uuid.nullable(),
  conversation_history: z
    .array(
      z.object({
        role: turnRole,
        content: storableText.min(1).max(MAX_STRUDEL_MESSAGE_CHARS),
        is_actionable: z.boolean().default(false),
        is_code_response: z.boolean().default(false),
        clarifying_questions: z
          .array(storableText.max(MAX_CLARIFYING_QUESTION_CHARS))
          .max(MAX_CLARIFYING_QUESTIONS)
          .default([]),
      }),
    )
    .max(MAX_STRUDEL_MESSAGES),
};

export const listStrudels = route({
  method: 'get',
  path: STRUDELS,
  tag: routeTag,
  summary: "The caller's saved strudels, or everyone's public ones; those that changed last come first",
  access: 'optional',
  query: pageQuery.extend({
    public: z
      .enum(['true', 'false'])
      .default('false')
      .meta({ description: "`true`: everyone's public ones, which needs no token" }),
    search: z.string().min(1).max(MAX_TITLE_CHARS).optional(),
    tag: z.string().min(1).max(MAX_TAG_CHARS).optional(),
  }),
  reply: z.object({ strudels: z.array(strudel), pagination }),
});

export const createStrudel = route({
  method: 'post',
  path: STRUDELS,
  tag: routeTag,
  summary: 'Save a strudel',
  access: 'user',
  body: z.object({
    title: settable.title,
    code: settable.code,
    description: settable.description.default(null),
    tags: settable.tags.default([]),
    categories: settable.categories.default([]),
    is_public: settable.is_public.default(false),
    license: settable.license.default(null),
    cc_signal: settable.cc_signal.default(null),
    forked_from: settable.forked_from.default(null),
    conversation_history: settable.conversation_history.default([]),
  }),
  status: 201,
  reply: strudel,
  errors: [404],
});

export const getStrudel = route({
  method: 'get',
  path: ONE,
  tag: routeTag,
  summary: 'A strudel of the caller, or a public one',
  access: 'optional',
  params: ofOne,
  reply: strudel,
  errors: [404],
});

export const changeStrudel = route({
  method: 'put',
  path: ONE,
  tag: routeTag,
  summary: 'Change a strudel in what the body names',
  access: 'user',
  params: ofOne,
  body: z
    .object(settable)
    .partial()
    .refine((body) => Object.keys(body).length > 0, 'names nothing to change'),
  reply: strudel,
  errors: [404],
});

export const deleteStrudel = route({
  method: 'delete',
  path: ONE,
  tag: routeTag,
  summary: 'Delete a strudel',
  access: 'user',
  params: ofOne,
  reply: done,
  errors: [404],
});
