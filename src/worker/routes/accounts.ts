/** Signing in with a provider, and what users do with their account. */
import type { Context } from 'hono';
import { failedAddress, parseDestination, signedInAddress } from '../../access/destination.ts';
import { SignInFailedError } from '../../access/providers.ts';
import { signSessionToken, verifySessionToken } from '../../access/session-token.ts';
import { openAttempt, sealAttempt } from '../../access/sign-in-attempt.ts';
import { isLoopback } from '../../config.ts';
import type { Account } from '../../domain/accounts.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import * as routes from '../../protocol/http/accounts.ts';
import { deleteAccount } from '../account-deletion.ts';
import { exportAccount, streamOf } from '../account-export.ts';
import { everyone, signedIn, withRefreshCookie } from '../auth.ts';
import {
  clearRefreshCookie,
  keepAttempt,
  refreshCookieOf,
  setRefreshCookie,
  takeAttempt,
} from '../auth-cookies.ts';
import type { AppEnv } from '../env.ts';
import { ApiError, notFound, unauthorized } from '../errors.ts';
import { logError, logInfo } from '../log.ts';
import { refuseForeignOrigin } from '../origins.ts';
import { serve } from '../serve.ts';
import type { Services } from '../services.ts';
import { accountJson } from '../wire.ts';

/** What a user types who has neither a name nor an email address. */
const CONFIRM_WORD = 'delete';
/** A free Workers plan allows 50 requests an invocation. A user is hardly in more sessions at once. */
const MOST_ROOMS_TOLD = 40;
const START_PAGE = { kind: 'page', path: '/' } as const;

/**
 * The providers of this host. The one that signs in as anybody is offered only where the browser is on this
 * machine, too, whatever the configuration says.
 */
function providersOn(c: Context<AppEnv>): Services['providers'] {
  const isLocal = isLoopback(new URL(c.req.url).hostname);
  return c.var.services.providers.filter((provider) => isLocal || !provider.isLocal);
}

/** @throws {ApiError} 404 */
function providerOf(c: Context<AppEnv>, id: routes.ProviderId) {
  const provider = providersOn(c).find((one) => one.id === id);
  if (!provider) throw notFound('signing in with this provider is not set up here');
  return provider;
}

const originOf = (c: Context<AppEnv>) => new URL(c.req.url).origin;
const callbackOf = (c: Context<AppEnv>, id: routes.ProviderId) =>
  `${originOf(c)}${routes.signInCallback.path.replace('{provider}', id)}`;

/** Why signing in failed, for the page; logged, as its cause may be the operator's to mend. */
function failureOf(error: unknown, provider: string): routes.SignInError {
  if (error instanceof StorageUnavailableError) return 'unavailable';
  if (!(error instanceof SignInFailedError)) throw error;
  if (error.reason !== 'cancelled') logInfo('sign_in_failed', { provider, reason: error.message });
  return error.reason;
}

/** @throws {ApiError} 401 when the account was deleted meanwhile. */
async function accountOf({ accounts }: Services, userId: string): Promise<Account> {
  const account = await accounts.get(userId);
  if (!account) throw unauthorized('there is no such account any more');
  return account;
}

export const accountRoutes = [
  serve(routes.listProviders, everyone, async ({ c }) => ({
    providers: providersOn(c).map(({ id, name, isLocal }) => ({ id, name, is_local: isLocal })),
  })),
  // Before those of a provider: `me` must not be taken for one.
  serve(routes.getAccount, signedIn, async ({ services, caller: userId }) => ({
    user: accountJson(await accountOf(services, userId)),
  })),
  serve(routes.changeAccount, signedIn, async ({ services: { accounts }, caller: userId, body }) => {
    const account = await accounts.change(userId, {
      ...(body.name === undefined ? {} : { name: body.name }),
      ...(body.avatar_url === undefined ? {} : { avatarUrl: body.avatar_url }),
      ...(body.ai_features_enabled === undefined ? {} : { isAiEnabled: body.ai_features_enabled }),
      ...(body.training_consent === undefined ? {} : { isTrainingAllowed: body.training_consent }),
    });
    if (!account) throw unauthorized('there is no such account any more');
    return { user: accountJson(account) };
  }),
  serve(routes.exportAccount, signedIn, async ({ services, caller: userId, c }) => {
    const account = await accountOf(services, userId);
    c.header('Content-Type', 'application/json');
    c.header('Content-Disposition', 'attachment; filename="backbeat-account.json"');
    return c.body(streamOf(exportAccount(account, services, Date.now())));
  }),
  serve(routes.deleteAccount, signedIn, async ({ services, caller: userId, body, c }) => {
    const { name, email } = await accountOf(services, userId);
    const answers = [name, email].flatMap((text) => text || []);
    const confirmed = body.confirm.trim();
    if (!(answers.length === 0 ? [CONFIRM_WORD] : answers).some((text) => text.trim() === confirmed)) {
      throw new ApiError(409, 'conflict', 'type the name of the account to delete it');
    }
    const remaining = await deleteAccount(userId, services);
    if (remaining > 0) return { message: 'some sessions are still to be deleted', remaining };
    clearRefreshCookie(c);
    return { message: 'the account is deleted', remaining };
  }),
  serve(routes.logoutEverywhere, signedIn, async ({ services, caller: userId, c }) => {
    const { provider } = await accountOf(services, userId);
    if (provider === null) {
      throw new ApiError(409, 'conflict', 'your token is of another service: sign out there');
    }
    const sessionIds = await services.accounts.signOutEverywhere(userId, MOST_ROOMS_TOLD);
    clearRefreshCookie(c);
    // The tokens are void already. What follows closes the connections that are open.
    const told = await Promise.allSettled(
      sessionIds.map((id) => services.room.sendCommand(id, { kind: 'user_signed_out', user_id: userId })),
    );
    const untold = told.filter(({ status }) => status === 'rejected').length;
    // The token that this request came with is void, too: it can't be repeated.
    if (untold > 0) logError('sign_out_untold', { rooms: untold });
    return { message: 'you are signed out everywhere' };
  }),
  serve(routes.claimSessions, signedIn, async ({ services, caller: userId, body }) => {
    const { accounts, room, config } = services;
    const { avatarUrl, epoch } = await accountOf(services, userId);
    const claimed = [];
    for (const token of new Set(body.session_tokens)) {
      const access = await verifySessionToken(token, config);
      if (!access || (access.userId !== null && access.userId !== userId)) continue;
      const { sessionId, participantId } = access;
      const claim = await accounts.claim({ sessionId, participantId, userId });
      if (!claim) continue;
      // Also when it was theirs already: the command may have been lost the last time.
      await room.sendCommand(sessionId, {
        kind: 'host_signed_in',
        participant_id: participantId,
        user_id: userId,
        avatar_url: avatarUrl,
      });
      const { displayName, role, joinMethod, inviteId } = claim.participant;
      const place = { sessionId, participantId, displayName, role, joinMethod, inviteId };
      const now = { ...place, userId, epoch, avatarUrl };
      claimed.push({ session_id: sessionId, token: await signSessionToken(now, config.JWT_SECRET) });
    }
    return { claimed };
  }),
  serve(routes.refreshToken, withRefreshCookie, async ({ services, caller: cookie, c }) => {
    const { browsers, config } = services;
    const tokens = await browsers.refresh(cookie);
    if (!tokens) {
      clearRefreshCookie(c);
      throw unauthorized('you are signed out');
    }
    if (tokens.refresh !== null) setRefreshCookie(c, tokens.refresh, config.REFRESH_TOKEN_DAYS);
    return { token: tokens.token, expires_at: new Date(tokens.expiresAtMs).toISOString() };
  }),
  serve(routes.logout, everyone, async ({ services: { browsers }, c }) => {
    const cookie = refreshCookieOf(c);
    const token = /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1];
    if (cookie !== null) {
      refuseForeignOrigin(c);
      await browsers.removeByCookie(cookie);
      clearRefreshCookie(c);
    }
    if (token !== undefined) await browsers.removeByToken(token);
    return { message: 'you are signed out' };
  }),
  serve(routes.signIn, everyone, async ({ services: { config }, params, query, c }) => {
    const provider = providerOf(c, params.provider);
    const destination = parseDestination(query, originOf(c), config.AUTH_REDIRECT_ORIGINS);
    if (!destination) {
      throw new ApiError(400, 'validation_error', 'signing in may not lead to this address', 'redirect_url');
    }
    try {
      const { address, ...proofs } = await provider.begin(callbackOf(c, provider.id));
      const attempt = { provider: provider.id, destination, ...proofs };
      keepAttempt(c, proofs.state, await sealAttempt(attempt, config.JWT_SECRET, Date.now()));
      return c.redirect(address, 302);
    } catch (error) {
      return c.redirect(failedAddress(destination, failureOf(error, provider.id)), 302);
    }
  }),
  serve(routes.signInCallback, everyone, async ({ services, params, c }) => {
    const { config, accounts, browsers } = services;
    const provider = providerOf(c, params.provider);
    const { searchParams } = new URL(c.req.url);
    const state = searchParams.get('state') ?? '';
    const sealed = takeAttempt(c, state);
    const attempt = sealed === null ? null : await openAttempt(sealed, config.JWT_SECRET, Date.now());
    if (!attempt || attempt.provider !== provider.id || attempt.state !== state) {
      return c.redirect(failedAddress(START_PAGE, 'expired'), 302);
    }
    try {
      const identity = await provider.finish(searchParams, attempt, callbackOf(c, provider.id));
      const { token, refresh } = await browsers.add(await accounts.signIn(identity));
      // The account that was signed in here before no longer is.
      const earlier = refreshCookieOf(c);
      if (earlier !== null) await browsers.removeByCookie(earlier);
      if (refresh !== null) setRefreshCookie(c, refresh, config.REFRESH_TOKEN_DAYS);
      return c.redirect(signedInAddress(attempt.destination, token), 302);
    } catch (error) {
      return c.redirect(failedAddress(attempt.destination, failureOf(error, provider.id)), 302);
    }
  }),
];
