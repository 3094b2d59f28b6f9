/** Callers' network addresses, as limits count them. */
import {
  convertIPv4BinaryToString,
  convertIPv4MappedIPv6ToIPv4,
  convertIPv6ToBinary,
  isIPv4MappedIPv6,
} from 'hono/utils/ipaddr';

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

/** Bits by which each of an IPv6 address' groups is shifted. */
const GROUP_SHIFTS = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n];
const GROUP_BITS = 16;
const GROUP_MASK = 0xffffn;

/**
 * What an address is counted as: an IPv4 address is counted by itself, also one mapped into IPv6.
 * An IPv6 address is counted by its first 64 bits, since the subscriber chooses the rest and may
 * choose anew each minute.
 *
 * @param address as the platform gives it. A zone id (`%eth0`) is left out.
 * @param ipv6Bits by how many bits an IPv6 address is counted. A provider gives a customer 56 or 48 bits,
 *   often, and so thousands of networks of 64.
 * @returns such as `203.0.113.7` or `2001:db8:1:2::/64`; the text itself, trimmed and in lower case, for
 *   what isn't an address.
 */
export function networkOf(address: string, ipv6Bits: 48 | 64 = 64): string {
  const [plain = ''] = address.trim().toLowerCase().split('%');
  if (!plain.includes(':')) return plain;
  let bits: bigint;
  try {
    bits = convertIPv6ToBinary(plain);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return plain;
  }
  if (isIPv4MappedIPv6(bits)) return convertIPv4BinaryToString(convertIPv4MappedIPv6ToIPv4(bits));
  const groups = GROUP_SHIFTS.slice(0, ipv6Bits / GROUP_BITS);
  return `${groups.map((shift) => ((bits >> shift) & GROUP_MASK).toString(16)).join(':')}::/${ipv6Bits}`;
}
