import type { TokenVerifier } from './admission.ts';
import { verifySessionToken } from './session-token.ts';
import { type UserTokenOptions, userTokenVerifier } from './user-token.ts';

/** Both checks of tokens, as the configuration has them. */
export function tokenVerifier(options: UserTokenOptions): TokenVerifier {
  return {
    session: (token) => verifySessionToken(token, options.JWT_SECRET),
    user: userTokenVerifier(options),
  };
}
