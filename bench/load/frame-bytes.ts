/** How large a WebSocket frame is on the wire (RFC 6455, 5.2). Pure. */

const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 65_536;
const MASK_BYTES = 4;

/** @param payloadBytes of an uncompressed, unfragmented message. Only a client's frames are masked. */
export function frameBytes(payloadBytes: number, from: 'client' | 'server'): number {
  const length = payloadBytes < LENGTH_IN_16_BITS ? 0 : payloadBytes < LENGTH_IN_64_BITS ? 2 : 8;
  return 2 + length + (from === 'client' ? MASK_BYTES : 0) + payloadBytes;
}
