/** Saved strudels: a user's own, and the public ones. */
import type { z } from 'zod';
import * as routes from '../../protocol/http/strudels.ts';
import { maybeSignedIn, requireUserId, signedIn, withAnyToken } from '../auth.ts';
import { notFound } from '../errors.ts';
import { serve } from '../serve.ts';
import { paginationJson, strudelJson } from '../wire.ts';

type Turns = z.output<typeof routes.createStrudel.body>['conversation_history'];

function conversationOf(turns: Turns) {
  return turns.map((turn) => ({
    role: turn.role,
    content: turn.content,
    isActionable: turn.is_actionable,
    isCodeResponse: turn.is_code_response,
  }));
}

export const strudelRoutes = [
  serve(routes.listStrudels, withAnyToken, async ({ services: { strudels }, query, c }) => {
    const { public: isPublic, ...filter } = query;
    const userId = isPublic === 'true' ? null : await requireUserId(c);
    const page = await strudels.list({ userId, ...filter });
    return { strudels: page.items.map(strudelJson), pagination: paginationJson(query, page) };
  }),
  serve(routes.createStrudel, signedIn, async ({ services: { strudels }, caller: userId, body }) => {
    const { is_public: isPublic, conversation_history: turns, ...same } = body;
    return strudelJson(
      await strudels.create({ ...same, userId, isPublic, conversation: conversationOf(turns) }),
    );
  }),
  serve(routes.getStrudel, maybeSignedIn, async ({ services: { strudels }, caller: userId, params }) => {
    const found = await strudels.get(params.id, userId);
    // Whether it is another user's or isn't there is told to nobody who can't read it.
    if (!found) throw notFound('there is no such strudel');
    return strudelJson(found);
  }),
  serve(routes.changeStrudel, signedIn, async ({ services: { strudels }, caller: userId, params, body }) => {
    const { is_public: isPublic, conversation_history: turns, ...same } = body;
    const conversation = turns && conversationOf(turns);
    const saved = await strudels.update(params.id, userId, { ...same, isPublic, conversation });
    if (!saved) throw notFound('there is no such strudel of yours');
    return strudelJson(saved);
  }),
  serve(routes.deleteStrudel, signedIn, async ({ services: { strudels }, caller: userId, params }) => {
    if (!(await strudels.delete(params.id, userId))) throw notFound('there is no such strudel of yours');
    return { message: 'the strudel is deleted' };
  }),
];
