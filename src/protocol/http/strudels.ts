/** Routes of saved strudels. */
import * as z from 'zod';
import {
  MAX_CATEGORIES,
  MAX_CLARIFYING_QUESTION_CHARS,
  MAX_CLARIFYING_QUESTIONS,
  MAX_DESCRIPTION_CHARS,
  MAX_DISPLAY_NAME_CHARS,
  MAX_LICENSE_CHARS,
  MAX_STRUDEL_MESSAGE_CHARS,
  MAX_STRUDEL_MESSAGES,
  MAX_TAG_CHARS,
  MAX_TAGS,
  MAX_TITLE_CHARS,
} from '../limits.ts';
import { codeSchema, storableText } from '../values.ts';
import { route } from './route.ts';
import { done, instant, ofOne, pageQuery, pagination, uuid } from './shared.ts';

const routeTag = 'Strudels';
const STRUDELS = '/api/v1/strudels';
const PUBLIC = '/api/v1/public/strudels';
const ONE_PUBLIC = `${PUBLIC}/{id}` as const;
const ONE = `${STRUDELS}/{id}` as const;

const turnRole = z.enum(['user', 'assistant']);

const ccSignalText =
  'what the author allows machines to do with it, as a Creative Commons signal (`cc-cr`, `cc-dc`, `cc-ec`, `cc-op`) or `no-ai`; other texts are kept';

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
    forked_from_title: z.string().optional().meta({ description: 'its title when this was made from it' }),
    forked_from_author: z.string().optional().meta({ description: "its author's name then" }),
    parent_cc_signal: z.string().optional().meta({ description: 'that of the strudel it was made from' }),
    no_ai: z.boolean().meta({
      description:
        'its signal, or that of the strudel it was made from, says no AI: the AI is never given it',
    }),
    conversation_history: z.array(turn).meta({ description: 'oldest first; in lists, the newest turns' }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Strudel' });
export type Strudel = z.infer<typeof strudel>;

const shown = storableText.refine((text) => text.trim() !== '', 'is blank');
const originText =
  'with `forked_from`: kept where the caller can read that strudel no more, which is no error; else what it says counts';
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
  forked_from_title: storableText.max(MAX_TITLE_CHARS).nullable().meta({ description: originText }),
  forked_from_author: storableText.max(MAX_DISPLAY_NAME_CHARS).nullable().meta({ description: originText }),
  parent_cc_signal: storableText.max(MAX_LICENSE_CHARS).nullable().meta({ description: originText }),
  conversation_history: z
    .array(
      z.object({
        role: turnRole,
        content: storableText.max(MAX_STRUDEL_MESSAGE_CHARS),
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

/** Words that are looked for in the title, the description, the tags and the author's name. */
const search = z.string().max(MAX_TITLE_CHARS).optional();

/** Tags with commas between: what is found has all of them. */
const tagList = z
  .string()
  .max(MAX_TAGS * (MAX_TAG_CHARS + 1))
  .transform((text) => text.split(',').flatMap((tag) => tag.trim() || []))
  .pipe(z.array(z.string().max(MAX_TAG_CHARS)).max(MAX_TAGS))
  .optional();

export const listPublicStrudels = route({
  method: 'get',
  path: PUBLIC,
  tag: routeTag,
  summary: 'Public strudels; those that changed last come first',
  access: 'public',
  query: pageQuery.extend({ search, tags: tagList }),
  reply: z.object({ strudels: z.array(strudel), pagination }),
});

export const listPublicTags = route({
  method: 'get',
  path: `${PUBLIC}/tags`,
  tag: routeTag,
  summary: 'The tags of public strudels, those of most strudels first, some seconds old at most',
  access: 'public',
  reply: z.object({
    tags: z.array(z.string()),
    counts: z.array(z.number().int()).meta({ description: 'how many strudels have each, in the same order' }),
  }),
});

export const getPublicStrudel = route({
  method: 'get',
  path: ONE_PUBLIC,
  tag: routeTag,
  summary: 'A public strudel',
  access: 'public',
  params: ofOne,
  reply: strudel,
  errors: [404],
});

export const strudelStats = z
  .object({
    total_uses: z.number().int().meta({
      description: 'sessions turned to it, and questions to the AI about it, by others; one in ten minutes',
    }),
    unique_users: z.number().int().meta({ description: 'with an account' }),
    last_used_at: instant.optional(),
    fork_count: z.number().int(),
  })
  .meta({ id: 'StrudelStats' });

export const getStrudelStats = route({
  method: 'get',
  path: `${ONE_PUBLIC}/stats`,
  tag: routeTag,
  summary: 'How often a public strudel was used',
  access: 'public',
  params: ofOne,
  reply: z.object({
    stats: strudelStats,
    recent_uses: z
      .array(z.never())
      .meta({ description: 'always empty: who used it is nobody else’s business' }),
  }),
  errors: [404],
});

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
    search,
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
    forked_from_title: settable.forked_from_title.default(null),
    forked_from_author: settable.forked_from_author.default(null),
    parent_cc_signal: settable.parent_cc_signal.default(null),
    conversation_history: settable.conversation_history.default([]),
  }),
  status: 201,
  reply: strudel,
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
