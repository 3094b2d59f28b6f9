/** Sessions: making them, finding them, reading and changing one, ending it. */
import { signSessionToken } from '../../access/session-token.ts';
import { may } from '../../domain/permissions.ts';
import type { MessagePage } from '../../domain/types.ts';
import * as routes from '../../protocol/http/sessions.ts';
import { MAX_SHOWN_PARTICIPANTS } from '../../protocol/limits.ts';
import { addressOf } from '../address.ts';
import { admittedOf } from '../admitted.ts';
import { allow, maybeSignedIn, refuseUnless, signedIn, withAnyToken } from '../auth.ts';
import { notFound } from '../errors.ts';
import type { LiveList } from '../live-list.ts';
import { describeUnexpected, logError } from '../log.ts';
import { type Served, serve } from '../serve.ts';
import type { Services } from '../services.ts';
import { takeStrangerWrite } from '../stranger-writes.ts';
import {
  liveSessionJson,
  liveStatusJson,
  messageJson,
  newSessionJson,
  paginationJson,
  sessionJson,
} from '../wire.ts';

/** What participants are told when the host ends the session. */
const ENDED_BY_HOST = 'the host has ended the session';

/** The session with its newest code and its first participants. @throws {ApiError} 404 */
async function read({ repository, people }: Pick<Services, 'repository' | 'people'>, sessionId: string) {
  const [session, { items: participants }] = await Promise.all([
    repository.getSession(sessionId),
    people.participants(sessionId, { limit: MAX_SHOWN_PARTICIPANTS, offset: 0, withRemoved: false }),
  ]);
  if (!session) throw notFound();
  return sessionJson({ ...session, participants });
}

/** @param live keeps the public list for some seconds. */
export function sessionRoutes(live: LiveList): Served[] {
  return [
    serve(
      routes.createSession,
      withAnyToken,
      async ({ services: { admission, config, room }, caller: token, body, c }) => {
        const admitted = admittedOf(
          await admission.enter({
            sessionId: null,
            token,
            invite: null,
            displayName: body.display_name ?? null,
            previousSessionId: body.previous_session_id ?? null,
            address: addressOf(c),
            title: body.title,
            isDiscoverable: body.is_discoverable,
            ...(body.code === undefined ? {} : { code: body.code }),
          }),
        );
        const { session, role, displayName } = admitted;
        if (!session) throw new Error('an admission without a session id makes a session');
        // Without this the room asks both stores the first time, that is all.
        await room.sendCommand(session.id, { kind: 'created' }).catch((error: unknown) => {
          logError('created_untold', describeUnexpected(error));
        });
        return {
          ...newSessionJson(session),
          token: await signSessionToken(admitted, config.JWT_SECRET),
          role,
          display_name: displayName,
        };
      },
    ),
    serve(routes.listSessions, signedIn, async ({ services: { directory }, caller: userId, query }) => {
      const page = await directory.list(userId, { ...query, activeOnly: query.active_only === 'true' });
      return { sessions: page.items.map(sessionJson), pagination: paginationJson(query, page) };
    }),
    serve(
      routes.listLiveSessions,
      maybeSignedIn,
      async ({ services: { directory }, caller: userId, query }) => {
        const page = await live(directory, userId, query);
        return { sessions: page.items.map(liveSessionJson), pagination: paginationJson(query, page) };
      },
    ),
    serve(routes.getLastSession, signedIn, async ({ services: { directory }, caller: userId }) => {
      const session = await directory.last(userId);
      if (!session) throw notFound('there is no session of yours that goes on');
      return liveSessionJson(session);
    }),
    serve(routes.getSession, allow('read_session'), ({ services, params }) => read(services, params.id)),
    serve(routes.changeSession, allow('write_code'), async ({ services, caller, params, body, c }) => {
      const { directory, room } = services;
      let title: string | undefined;
      if (body.title !== undefined) {
        refuseUnless(caller.role, 'write_title');
        title = (await directory.setTitle(params.id, body.title)) ?? undefined;
        if (title === undefined) throw notFound();
      }
      if (body.code === undefined) return { message: 'the session has a new title', title };
      await takeStrangerWrite(c, caller);
      // Always by the room, live or not: only it gives out revisions.
      const { rev } = await room.setCode(params.id, {
        code: body.code,
        user_id: caller.userId,
        display_name: caller.displayName,
        role: caller.role,
      });
      return { message: 'the code is saved', title, code: body.code, rev };
    }),
    serve(routes.endSession, allow('end_session'), async ({ services, params }) => {
      const { directory, flusher, room } = services;
      await flusher.flushSession(params.id);
      if (!(await directory.end(params.id))) throw notFound();
      await room.sendCommand(params.id, { kind: 'ended', reason: ENDED_BY_HOST });
      return { message: 'the session has ended' };
    }),
    serve(routes.getLiveStatus, allow('read_session'), async ({ services: { directory }, params }) => {
      const status = await directory.liveStatus(params.id);
      if (!status) throw notFound();
      return liveStatusJson(status);
    }),
    serve(routes.setDiscoverable, allow('manage_session'), async ({ services, params, body }) => {
      const { directory, room } = services;
      // The code isn't the statement's to tell: the newest may be in the buffer.
      const [isChanged, session] = await Promise.all([
        directory.setDiscoverable(params.id, body.is_discoverable),
        read(services, params.id),
      ]);
      if (!isChanged) throw notFound();
      if (!body.is_discoverable) await room.sendCommand(params.id, { kind: 'discovery_ended' });
      return { ...session, is_discoverable: body.is_discoverable };
    }),
    serve(routes.endLive, allow('manage_session'), async ({ services: { directory, room }, params }) => {
      const ended = await directory.endLive(params.id);
      if (!ended) throw notFound();
      await room.sendCommand(params.id, { kind: 'live_ended' });
      return {
        message: 'the session is private again',
        participants_kicked: ended.participants,
        invites_revoked: ended.invites,
      };
    }),
    serve(routes.leaveSession, allow('leave'), async ({ services: { people }, caller, params }) => {
      // Without a membership (an owner who never came, a guest who only reads) there is nothing to leave.
      if (caller.participantId !== null) await people.leave(params.id, caller.participantId);
      return { message: 'you have left the session' };
    }),
    serve(routes.listMessages, allow('read_messages'), async ({ services, caller, params, query }) => {
      const page: MessagePage = { limit: query.limit };
      if (query.before !== undefined) page.beforePosition = query.before;
      if (query.after !== undefined) page.afterPosition = query.after;
      // What writers and the assistant say to each other is theirs, as it is in the room.
      if (query.type === 'chat' || !may(caller.role, 'read_conversation')) page.types = ['chat'];
      const { messages, hasMore } = await services.repository.getMessagesPage(params.id, page);
      const isOnwards = query.after !== undefined;
      const hasOlder = isOnwards || hasMore;
      const hasNewer = isOnwards ? hasMore : query.before !== undefined;
      return {
        messages: messages.map((message) => messageJson(params.id, message)),
        next: hasOlder ? (messages[0]?.position ?? null) : null,
        newer: hasNewer ? (messages.at(-1)?.position ?? null) : null,
      };
    }),
  ];
}
