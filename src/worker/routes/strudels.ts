/** Saved strudels: a user's own, and the public ones. */
import type { z } from 'zod';
import * as routes from '../../protocol/http/strudels.ts';
import { maybeSignedIn, requireUserId, signedIn, withAnyToken } from '../auth.ts';
import { notFound } from '../errors.ts';
import { serve } from '../serve.ts';
import { paginationJson, strudelJson } from '../wire.ts';

type Body = z.output<typeof routes.changeStrudel.body>;

function turnsOf(turns: NonNullable<Body['conversation_history']>) {
  return turns.map((turn) => ({
    role: turn.role,
    content: turn.content,
    isActionable: turn.is_actionable,
    isCodeResponse: turn.is_code_response,
    clarifyingQuestions: turn.clarifying_questions,
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
    const { is_public, cc_signal, forked_from, conversation_history, ...same } = body;
    const saved = await strudels.create({
      ...same,
      userId,
      isPublic: is_public,
      ccSignal: cc_signal,
      forkedFrom: forked_from,
      conversation: turnsOf(conversation_history),
    });
    if (!saved) throw notFound('there is no such strudel to fork');
    return strudelJson(saved);
  }),
  serve(routes.getStrudel, maybeSignedIn, async ({ services: { strudels }, caller: userId, params }) => {
    const found = await strudels.get(params.id, userId);
    // Callers who can't read it aren't told whether it is another user's or isn't there.
    if (!found) throw notFound('there is no such strudel');
    return strudelJson(found);
  }),
  serve(routes.changeStrudel, signedIn, async ({ services: { strudels }, caller: userId, params, body }) => {
    const { is_public, cc_signal, forked_from, conversation_history, ...same } = body;
    const saved = await strudels.update(params.id, userId, {
      ...same,
      isPublic: is_public,
      ccSignal: cc_signal,
      forkedFrom: forked_from,
      conversation: conversation_history && turnsOf(conversation_history),
    });
    if (!saved) throw notFound('there is no such strudel of yours, or none that it could be a fork of');
    return strudelJson(saved);
  }),
  serve(routes.deleteStrudel, signedIn, async ({ services: { strudels }, caller: userId, params }) => {
    if (!(await strudels.delete(params.id, userId))) throw notFound('there is no such strudel of yours');
    return { message: 'the strudel is deleted' };
  }),
];
