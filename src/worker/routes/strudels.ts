/** Saved strudels: everybody's own, and the public ones. */
import { Hono } from 'hono';
import { z } from 'zod';
import { cursorSchema, encodeCursor } from '../../domain/page.ts';
import { MESSAGE_ROLES } from '../../domain/types.ts';
import {
  MAX_DESCRIPTION_CHARS,
  MAX_STRUDEL_MESSAGE_CHARS,
  MAX_STRUDEL_MESSAGES,
  MAX_TAG_CHARS,
  MAX_TAGS,
  MAX_TITLE_CHARS,
} from '../../protocol/limits.ts';
import { codeSchema, storableText } from '../../protocol/messages.ts';
import { optionalUserId, requireUserId, signedIn } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { body, query, readPathId } from '../input.ts';
import { strudelJson, strudelMessageJson } from '../wire.ts';

const DEFAULT_STRUDELS = 50;
const MAX_STRUDELS = 100;

const title = storableText.max(MAX_TITLE_CHARS).refine((text) => text.trim() !== '', 'is blank');
const tag = storableText.max(MAX_TAG_CHARS).refine((text) => text.trim() !== '', 'is blank');
const fields = {
  description: storableText.max(MAX_DESCRIPTION_CHARS).nullable(),
  tags: z.array(tag).max(MAX_TAGS),
  is_public: z.boolean(),
  /** What was said with the assistant about it, oldest first. */
  conversation: z
    .array(
      z.object({
        role: z.enum(MESSAGE_ROLES),
        content: storableText.min(1).max(MAX_STRUDEL_MESSAGE_CHARS),
        is_actionable: z.boolean().default(false),
        is_code_response: z.boolean().default(false),
      }),
    )
    .max(MAX_STRUDEL_MESSAGES),
};

export const newStrudelBody = z.object({
  title,
  code: codeSchema,
  description: fields.description.default(null),
  tags: fields.tags.default([]),
  is_public: fields.is_public.default(false),
  conversation: fields.conversation.default([]),
});

export const changedStrudelBody = z
  .object({ title, code: codeSchema, ...fields })
  .partial()
  .refine((body) => Object.keys(body).length > 0, 'names nothing to change');

export const strudelsQuery = z.object({
  /** `true`: everybody's public ones, which needs no token. */
  public: z.enum(['true', 'false']).default('false'),
  search: z.string().min(1).max(MAX_TITLE_CHARS).optional(),
  tag: z.string().min(1).max(MAX_TAG_CHARS).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_STRUDELS).default(DEFAULT_STRUDELS),
  cursor: cursorSchema.optional(),
});

function conversationOf(said: z.infer<typeof fields.conversation>) {
  return said.map((message) => ({
    role: message.role,
    content: message.content,
    isActionable: message.is_actionable,
    isCodeResponse: message.is_code_response,
  }));
}

export const strudelRoutes = new Hono<AppEnv>()
  .get('/', query(strudelsQuery), async (c) => {
    const { public: isPublic, ...page } = c.req.valid('query');
    const userId = isPublic === 'true' ? null : await requireUserId(c);
    const { items, next } = await c.var.services.strudels.list({ userId, ...page });
    return c.json({ strudels: items.map(strudelJson), next: encodeCursor(next) });
  })
  .post('/', signedIn, body(newStrudelBody), async (c) => {
    const { is_public: isPublic, conversation, ...same } = c.req.valid('json');
    const strudel = await c.var.services.strudels.create({
      ...same,
      userId: c.var.userId,
      isPublic,
      conversation: conversationOf(conversation),
    });
    return c.json({ strudel: strudelJson(strudel) }, 201);
  })
  .get('/:id', async (c) => {
    const found = await c.var.services.strudels.get(readPathId(c, 'id'), await optionalUserId(c));
    // Whether it is somebody else's or isn't there is nobody's business who can't read it.
    if (!found) throw notFound('there is no such strudel');
    return c.json({
      strudel: { ...strudelJson(found.strudel), conversation: found.conversation.map(strudelMessageJson) },
    });
  })
  .put('/:id', signedIn, body(changedStrudelBody), async (c) => {
    const { is_public: isPublic, conversation, ...same } = c.req.valid('json');
    const strudel = await c.var.services.strudels.update(readPathId(c, 'id'), c.var.userId, {
      ...same,
      isPublic,
      conversation: conversation && conversationOf(conversation),
    });
    if (!strudel) throw notFound('there is no such strudel of yours');
    return c.json({ strudel: strudelJson(strudel) });
  })
  .delete('/:id', signedIn, async (c) => {
    if (!(await c.var.services.strudels.delete(readPathId(c, 'id'), c.var.userId))) {
      throw notFound('there is no such strudel of yours');
    }
    return c.body(null, 204);
  });
