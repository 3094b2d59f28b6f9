/** Inviting people, joining by an invite, and what the host makes of the participants. */
import { participantOfAttempt } from '../../access/join-attempt.ts';
import { signSessionToken } from '../../access/session-token.ts';
import type { MembershipOutcome, Participant } from '../../domain/people.ts';
import { may } from '../../domain/permissions.ts';
import * as routes from '../../protocol/http/people.ts';
import { addressOf } from '../address.ts';
import { admittedOf } from '../admitted.ts';
import { allow, withAnyToken } from '../auth.ts';
import { ApiError, notFound } from '../errors.ts';
import { serve } from '../serve.ts';
import { inviteJson, paginationJson, participantJson } from '../wire.ts';

/** @throws {ApiError} when there is no such participant, or their membership can't be changed. */
function changed(outcome: MembershipOutcome): Participant {
  switch (outcome.outcome) {
    case 'changed':
      return outcome.participant;
    case 'missing':
      throw notFound('there is no such participant');
    case 'owner':
      throw new ApiError(409, 'conflict', 'the session is theirs: they stay its host');
  }
}

export const peopleRoutes = [
  serve(
    routes.joinSession,
    withAnyToken,
    async ({ services: { admission, config }, caller: token, body, c }) => {
      const admitted = admittedOf(
        await admission.join({
          token,
          invite: body.invite_token,
          displayName: body.display_name ?? null,
          anonymousId:
            body.attempt === undefined
              ? null
              : await participantOfAttempt(body.invite_token, body.attempt, config.JWT_SECRET),
          address: addressOf(c),
        }),
      );
      return {
        session_id: admitted.sessionId,
        role: admitted.role,
        display_name: admitted.displayName,
        token: await signSessionToken(admitted, config.JWT_SECRET),
      };
    },
  ),
  serve(routes.createInvite, allow('manage_invites'), async ({ services: { people }, params, body }) => {
    const { role, max_uses: maxUses = null, expires_at: expiresAt = null } = body;
    const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
    return inviteJson(await people.createInvite({ sessionId: params.id, role, maxUses, expiresAtMs }));
  }),
  serve(routes.listInvites, allow('read_invites'), async ({ services: { people }, params, query }) => {
    const page = await people.invites(params.id, query);
    return { tokens: page.items.map(inviteJson), pagination: paginationJson(query, page) };
  }),
  serve(routes.revokeInvite, allow('manage_invites'), async ({ services: { people, room }, params }) => {
    if (!(await people.revokeInvite(params.id, params.token_id))) throw notFound('there is no such invite');
    await room.sendCommand(params.id, { kind: 'invite_revoked', invite_id: params.token_id });
    return { message: 'the invite is revoked' };
  }),
  serve(routes.listParticipants, allow('read_participants'), async ({ services, caller, params, query }) => {
    const page = await services.people.participants(params.id, {
      ...query,
      // Hosts can readmit removed participants, so they have to see them.
      withRemoved: may(caller.role, 'manage_participants'),
    });
    return { participants: page.items.map(participantJson), pagination: paginationJson(query, page) };
  }),
  // Before the route of one participant, whose path fits, too.
  serve(routes.changeOwnName, allow('change_own_name'), async ({ services, caller, params, body }) => {
    const { people, room, renames, config } = services;
    const { participantId, epoch, tokenExpiresAtS } = caller;
    if (participantId === null) throw notFound('you are no participant of this session yet');
    const { isAllowed, quota } = await renames.take(participantId);
    if (!isAllowed) {
      const message = 'you have changed your name too often, try again later';
      throw new ApiError(
        429,
        'too_many_requests',
        message,
        undefined,
        Math.max(1, Math.ceil(quota.resetMs / 1_000)),
      );
    }
    const { display_name } = body;
    const participant = await people.rename(params.id, participantId, display_name);
    if (!participant) throw notFound('you are no participant of this session any more');
    const renamed = { kind: 'participant_renamed', participant_id: participantId, display_name } as const;
    await room.sendCommand(params.id, renamed);
    const token = await signSessionToken(
      { ...participant, participantId, epoch },
      config.JWT_SECRET,
      tokenExpiresAtS,
    );
    return { ...participantJson(participant), token };
  }),
  serve(
    routes.changeParticipant,
    allow('manage_participants'),
    async ({ services, params, body: { role } }) => {
      const { people, room } = services;
      const { id, participant_id } = params;
      const participant = changed(await people.setRole(id, participant_id, role));
      await room.sendCommand(id, { kind: 'participant_changed', participant_id, role });
      return participantJson(participant);
    },
  ),
  serve(
    routes.removeParticipant,
    allow('manage_participants'),
    async ({ services: { people, room }, params }) => {
      const { id, participant_id } = params;
      const { userId, inviteId } = changed(await people.remove(id, participant_id));
      await room.sendCommand(id, { kind: 'participant_removed', participant_id });
      // Nothing tells a participant without an account from the next who comes by the same link.
      const isOpen = userId === null && inviteId !== null && (await people.isUsable(inviteId));
      if (!isOpen) return { message: 'the participant was sent away' };
      return {
        message:
          'the participant was sent away; the invite that they came by can be used again, by them too: revoke it to keep them out',
        open_invite_id: inviteId,
      };
    },
  ),
];
