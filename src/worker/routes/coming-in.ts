/** What an invite leads to, and asking the hosts of a session to be let in. */

import { type KnockAccess, signKnockToken } from '../../access/knock-token.ts';
import { signSessionToken } from '../../access/session-token.ts';
import * as routes from '../../protocol/http/coming-in.ts';
import { addressOf } from '../address.ts';
import { everyone, withAnyToken, withKnockToken } from '../auth.ts';
import { ApiError, notFound } from '../errors.ts';
import { RoomRefusedError } from '../room-client.ts';
import { serve } from '../serve.ts';
import { invitePreviewJson } from '../wire.ts';

/** @throws {ApiError} 404 when a knock's token is for another one. */
function refuseUnlessOwn(token: KnockAccess, path: { id: string; knock_id: string }): void {
  if (token.sessionId !== path.id || token.knockId !== path.knock_id) {
    throw notFound('there is no such request to be let in');
  }
}

export const comingInRoutes = [
  serve(routes.previewInvite, everyone, async ({ services: { invitePreviews }, body, c }) => {
    const outcome = await invitePreviews.preview({ invite: body.invite_token, address: addressOf(c) });
    if (!outcome.ok) throw new ApiError(outcome.status, outcome.error, outcome.message);
    return invitePreviewJson(outcome.preview);
  }),
  serve(routes.knock, withAnyToken, async ({ services, caller: token, params, body, c }) => {
    const { knocking, knocks, config } = services;
    const { id: sessionId } = params;
    const address = addressOf(c);
    const displayName = body.display_name ?? null;
    const permitted = await knocking.permit({ sessionId, token, displayName, address });
    if (!permitted.ok) {
      const { status, error, message, retryAfterS } = permitted;
      throw new ApiError(status, error, message, undefined, retryAfterS);
    }
    const { userId, epoch, participantId, displayName: name, origin, wasRemoved } = permitted.knock;
    try {
      const { knock_id: knockId, expires_at_ms: expiresAtMs } = await knocks.knock(sessionId, {
        user_id: userId,
        participant_id: participantId,
        display_name: name,
        origin,
        was_removed: wasRemoved,
      });
      return {
        knock_id: knockId,
        token: await signKnockToken({ sessionId, knockId, epoch }, config.JWT_SECRET),
        expires_at: new Date(expiresAtMs).toISOString(),
      };
    } catch (error) {
      if (error instanceof RoomRefusedError) await knocking.unheard({ sessionId, userId, address });
      throw error;
    }
  }),
  serve(routes.awaitKnock, withKnockToken, async ({ services, caller, params, query }) => {
    const { knocks, config } = services;
    refuseUnlessOwn(caller, params);
    const state = await knocks.state(params.id, params.knock_id, query.wait_s * 1_000);
    if (state.status !== 'admitted') return { status: state.status };
    const { participant_id: participantId, user_id: userId, display_name: displayName, role } = state;
    const { epoch } = caller;
    const access = { sessionId: params.id, participantId, userId, epoch, displayName, avatarUrl: null, role };
    return {
      status: state.status,
      session_id: params.id,
      role,
      display_name: displayName,
      token: await signSessionToken({ ...access, joinMethod: 'grant' }, config.JWT_SECRET),
    };
  }),
  serve(routes.withdrawKnock, withKnockToken, async ({ services: { knocks }, caller, params }) => {
    refuseUnlessOwn(caller, params);
    await knocks.withdraw(params.id, params.knock_id);
    return { message: 'you do not wait any more' };
  }),
];
