/**
 * A random UUID (version 4). Over plain `http:`, but for `localhost`, browsers have no `crypto.randomUUID`;
 * `getRandomValues`, which makes the same, they have everywhere.
 */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte, at) => {
    // RFC 9562: the version is in the seventh byte, the variant in the ninth.
    const value = at === 6 ? (byte & 0x0f) | 0x40 : at === 8 ? (byte & 0x3f) | 0x80 : byte;
    return value.toString(16).padStart(2, '0');
  });
  return hex.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
