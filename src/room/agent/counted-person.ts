/** Whom a request counts for. */
import { hashedId, networkOf } from '../../access/network.ts';
import type { CountedPerson } from './daily-limits.ts';

/**
 * Signed-in people count by their id, others by their address, or by their connection where the network doesn't say it.
 * @param secret with which an address is hashed: addresses are personal, and the plain hash of one is soon guessed.
 */
export async function countedPerson(
  who: { userId: string | null; address: string | null; connectionId: string },
  secret: string,
): Promise<CountedPerson> {
  if (who.userId !== null) return { kind: 'user', id: who.userId };
  const source =
    who.address === null ? `connection ${who.connectionId}` : `address ${networkOf(who.address)}`;
  return { kind: 'anonymous', id: await hashedId(`ai limit of ${source}`, secret) };
}
