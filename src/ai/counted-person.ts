/** Whom a request counts for. */
import type { CountedPerson } from './daily-limits.ts';

const encoder = new TextEncoder();

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
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const digest = await crypto.subtle.sign('HMAC', key, encoder.encode(`ai limit of ${source}`));
  const hex = [...new Uint8Array(digest).slice(0, 16)].map((byte) => byte.toString(16).padStart(2, '0'));
  return { kind: 'anonymous', id: hex.join('') };
}

/** An IPv4 address, or an IPv6 address' first 64 bits: the rest of those is the subscriber's to choose, a new one each minute. */
export function networkOf(address: string): string {
  const plain = address.trim().toLowerCase();
  if (!plain.includes(':')) return plain;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length;
    while (groups.length < 8 - after) groups.push('0');
    if (tail !== '') groups.push(...tail.split(':'));
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}
