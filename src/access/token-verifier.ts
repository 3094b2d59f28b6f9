import type { AnonymousAccess } from '../config.ts';
import type { TokenVerifier } from './admission.ts';
import { verifySessionToken } from './session-token.ts';
import { type UserTokenOptions, userTokenVerifier } from './user-token.ts';

/** Both checks of tokens, as the configuration has them. */
export function tokenVerifier(options: UserTokenOptions & { ANONYMOUS?: AnonymousAccess }): TokenVerifier {
  return {
    async session(token) {
      const access = await verifySessionToken(token, options.JWT_SECRET);
      // Those from before people without an account were shut out are good no more.
      return access?.userId === null && options.ANONYMOUS === 'off' ? null : access;
    },
    user: userTokenVerifier(options),
  };
}
