/** A session's history, page by page from its end. */
import { Hono } from 'hono';
import { z } from 'zod';
import { may } from '../../domain/permissions.ts';
import type { MessagePage } from '../../domain/types.ts';
import { allow } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { query } from '../input.ts';
import { messageJson } from '../wire.ts';

const DEFAULT_MESSAGES = 50;
const MAX_MESSAGES = 200;

export const messagesQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_MESSAGES).default(DEFAULT_MESSAGES),
  /** A message's position: only messages before it. */
  before: z.coerce.number().int().min(0).optional(),
});

export const messageRoutes = new Hono<AppEnv>().get(
  '/:id/messages',
  allow('read_messages'),
  query(messagesQuery),
  async (c) => {
    const { limit, before } = c.req.valid('query');
    const page: MessagePage = { limit };
    if (before !== undefined) page.beforePosition = before;
    // What writers and the assistant say to each other is theirs, as it is in the room.
    if (!may(c.var.caller.role, 'read_conversation')) page.types = ['chat'];
    const messages = await c.var.services.repository.getMessages(c.var.sessionId, page);
    return c.json({
      messages: messages.map(messageJson),
      /** `before` of the next page; null at the history's beginning. */
      next: messages.length === limit ? (messages[0]?.position ?? null) : null,
    });
  },
);
