/**
 * Checking tokens that are signed with `JWT_SECRET`. While that is being changed the one before it counts,
 * too; nothing is signed with it any more.
 */
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';

/** `JWT_SECRET`, and `JWT_SECRET_PREVIOUS` if there is one; or a single secret. */
export type VerifyingSecrets = string | { JWT_SECRET: string; JWT_SECRET_PREVIOUS?: string | undefined };

/** @throws jose's errors for a token that none of the secrets has signed, or that doesn't fit the options. */
export async function verifyHs256(
  token: string,
  secrets: VerifyingSecrets,
  options: Omit<JWTVerifyOptions, 'algorithms'>,
): Promise<JWTPayload> {
  const { JWT_SECRET: current, JWT_SECRET_PREVIOUS: previous } =
    typeof secrets === 'string' ? { JWT_SECRET: secrets } : secrets;
  const verify = async (secret: string) => {
    const key = new TextEncoder().encode(secret);
    return (await jwtVerify(token, key, { ...options, algorithms: ['HS256'] })).payload;
  };
  try {
    return await verify(current);
  } catch (error) {
    const isOthers = error instanceof errors.JWSSignatureVerificationFailed;
    if (previous === undefined || !isOthers) throw error;
    return verify(previous);
  }
}
