import type { AnonymousAccess } from '../config.ts';
import {
  claimsToBeAccounts,
  hasAccountTokenExpired,
  isAccountSubject,
  verifyAccountToken,
} from './account-token.ts';
import type { TokenVerifier } from './caller.ts';
import { hasSessionTokenExpired, verifySessionToken } from './session-token.ts';
import { type UserTokenOptions, userTokenExpiry, userTokenVerifier } from './user-token.ts';

/** The checks of tokens, as the configuration has them. */
export function tokenVerifier(options: UserTokenOptions & { ANONYMOUS?: AnonymousAccess }): TokenVerifier {
  const hasUserTokenExpired = userTokenExpiry(options);
  const verifyOthers = userTokenVerifier(options);
  return {
    async session(token) {
      const access = await verifySessionToken(token, options);
      // Those from before people without an account were shut out are good no more.
      return access?.userId === null && options.ANONYMOUS === 'off' ? null : access;
    },
    /** A token of our own, or of the service that is configured; neither passes for the other. */
    async user(token) {
      if (claimsToBeAccounts(token)) {
        const access = await verifyAccountToken(token, options);
        return access && { subject: access.subject, name: null, avatarUrl: null, epoch: access.epoch };
      }
      const profile = await verifyOthers(token);
      return profile && isAccountSubject(profile.subject) ? null : profile;
    },
    hasExpired: async (token) => {
      if (await hasSessionTokenExpired(token, options)) return true;
      return claimsToBeAccounts(token) ? hasAccountTokenExpired(token, options) : hasUserTokenExpired(token);
    },
  };
}
