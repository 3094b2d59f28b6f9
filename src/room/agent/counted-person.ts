/** For whom a request to the AI counts. */
import { hashedId, networkOf } from '../../access/network.ts';
import type { CountedPerson } from './desk-request.ts';

/**
 * Signed-in users count by their id; anonymous participants by their network address, or by their connection
 * where the platform doesn't say the address.
 * @param secret an address is hashed with it: addresses are personal data, and a hash without a secret is
 *   soon guessed.
 */
export async function countedPerson(
  who: { userId: string | null; address: string | null; connectionId: string },
  secret: string,
): Promise<CountedPerson> {
  if (who.userId !== null) return { kind: 'user', id: who.userId };
  const source =
    who.address === null ? `connection ${who.connectionId}` : `address ${networkOf(who.address)}`;
  const site = who.address === null ? 'nowhere' : networkOf(who.address, 48);
  return {
    kind: 'anonymous',
    id: await hashedId(`ai limit of ${source}`, secret),
    siteId: await hashedId(`ai limit of site ${site}`, secret),
  };
}
