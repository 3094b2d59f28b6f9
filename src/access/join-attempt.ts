/**
 * An attempt to join, which its client may have to repeat: the answer may be lost on its way, and with it an
 * invite for one, and the only key to the session.
 */
import { hashedId } from './network.ts';

/**
 * The id of the participant whom an attempt makes, who has no account: the same each time, so that a
 * repeated attempt finds them. Others are told the id, and can't tell the attempt from it.
 * @param attempt random, and known to its client only.
 */
export async function participantOfAttempt(invite: string, attempt: string, secret: string): Promise<string> {
  const hash = await hashedId(`attempt ${attempt} to join by ${invite}`, secret);
  // RFC 9562, version 8: a UUID with a content of one's own.
  const hex = `${hash.slice(0, 12)}8${hash.slice(13, 16)}8${hash.slice(17)}`;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
