/** Saved strudels: a user's own, and the public ones. */
import type { z } from 'zod';
import type { TagCount } from '../../domain/strudels.ts';
import * as routes from '../../protocol/http/strudels.ts';
import { everyone, maybeSignedIn, requireUserId, signedIn, withAnyToken } from '../auth.ts';
import { briefCache } from '../brief-cache.ts';
import { notFound } from '../errors.ts';
import { type Served, serve } from '../serve.ts';
import type { Services } from '../services.ts';
import { paginationJson, strudelJson, strudelStatsJson } from '../wire.ts';

/** The tags are counted over all public strudels, for everyone who opens the list. */
const KEEP_TAGS_MS = 30_000;

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

type CountTags = (strudels: Services['strudels']) => Promise<TagCount[]>;

/** Makes the routes; what is kept of the tags is one app's. */
export function strudelRoutes(): Served[] {
  const keep = (): CountTags => briefCache((strudels) => strudels.tags(), KEEP_TAGS_MS);
  let tags = keep();
  return [
    ...publicRoutes((strudels) => tags(strudels)),
    // Users see at once what they have changed themselves.
    ...ownRoutes(() => {
      tags = keep();
    }),
  ];
}

function publicRoutes(tags: CountTags): Served[] {
  return [
    serve(routes.listPublicStrudels, everyone, async ({ services: { strudels }, query }) => {
      const page = await strudels.list({ userId: null, ...query });
      return { strudels: page.items.map(strudelJson), pagination: paginationJson(query, page) };
    }),
    // Before the one strudel: `tags` must not be taken for an id.
    serve(routes.listPublicTags, everyone, async ({ services: { strudels } }) => {
      const counts = await tags(strudels);
      return { tags: counts.map(({ tag }) => tag), counts: counts.map(({ count }) => count) };
    }),
    serve(routes.getPublicStrudel, everyone, async ({ services: { strudels }, params }) => {
      const found = await strudels.get(params.id, null);
      if (!found) throw notFound('there is no such public strudel');
      return strudelJson(found);
    }),
    serve(routes.getStrudelStats, everyone, async ({ services: { strudels }, params }) => {
      const stats = await strudels.stats(params.id);
      if (!stats) throw notFound('there is no such public strudel');
      return { stats: strudelStatsJson(stats), recent_uses: [] };
    }),
  ];
}

/** @param changed is called when public strudels may be others. */
const ownRoutes = (changed: () => void): Served[] => [
  serve(routes.listStrudels, withAnyToken, async ({ services: { strudels }, query, c }) => {
    const { public: isPublic, tag, ...filter } = query;
    const userId = isPublic === 'true' ? null : await requireUserId(c);
    const page = await strudels.list({ userId, ...filter, tags: tag === undefined ? [] : [tag] });
    return { strudels: page.items.map(strudelJson), pagination: paginationJson(query, page) };
  }),
  serve(routes.createStrudel, signedIn, async ({ services: { strudels }, caller: userId, body }) => {
    const { is_public, cc_signal, conversation_history, ...others } = body;
    const { forked_from, forked_from_title, forked_from_author, parent_cc_signal, ...same } = others;
    const saved = await strudels.create({
      ...same,
      userId,
      isPublic: is_public,
      ccSignal: cc_signal,
      forkedFrom: forked_from,
      parentTitle: forked_from_title,
      parentAuthor: forked_from_author,
      parentCcSignal: parent_cc_signal,
      conversation: turnsOf(conversation_history),
    });
    changed();
    return strudelJson(saved);
  }),
  serve(routes.getStrudel, maybeSignedIn, async ({ services: { strudels }, caller: userId, params }) => {
    const found = await strudels.get(params.id, userId);
    // Callers who can't read it aren't told whether it is another user's or isn't there.
    if (!found) throw notFound('there is no such strudel');
    return strudelJson(found);
  }),
  serve(routes.changeStrudel, signedIn, async ({ services: { strudels }, caller: userId, params, body }) => {
    const { is_public, cc_signal, conversation_history, ...others } = body;
    const { forked_from, forked_from_title, forked_from_author, parent_cc_signal, ...same } = others;
    const saved = await strudels.update(params.id, userId, {
      ...same,
      isPublic: is_public,
      ccSignal: cc_signal,
      forkedFrom: forked_from,
      parentTitle: forked_from_title,
      parentAuthor: forked_from_author,
      parentCcSignal: parent_cc_signal,
      conversation: conversation_history && turnsOf(conversation_history),
    });
    if (!saved) throw notFound('there is no such strudel of yours');
    changed();
    return strudelJson(saved);
  }),
  serve(routes.deleteStrudel, signedIn, async ({ services: { strudels }, caller: userId, params }) => {
    if (!(await strudels.delete(params.id, userId))) throw notFound('there is no such strudel of yours');
    changed();
    return { message: 'the strudel is deleted' };
  }),
];
