/** Callers' network addresses, as limits count them. */

const encoder = new TextEncoder();
const ID_BYTES = 16;

/**
 * Hashes an address for a key in Redis. Addresses are personal data, and a hash without a secret is soon
 * guessed: there are few addresses.
 */
export async function hashedId(text: string, secret: string): Promise<string> {
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const digest = await crypto.subtle.sign('HMAC', key, encoder.encode(text));
  const bytes = new Uint8Array(digest).slice(0, ID_BYTES);
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * An IPv4 address, or the first 64 bits of an IPv6 address: a subscriber chooses the other 64 bits, and may
 * choose anew each minute.
 */
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
