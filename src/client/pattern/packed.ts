/**
 * Code in an address: compressed (raw DEFLATE), in base64url. It stands in the fragment, which no server sees
 * and nothing stores, so such a link needs no session and never expires.
 */
import { MAX_CODE_BYTES } from '../../protocol/limits.ts';

/** Longer ones aren't read: no code that fits packs into more. */
const MAX_PACKED_CHARS = 200_000;

export async function pack(code: string): Promise<string> {
  const packed = new Blob([code]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Null when it isn't packed code, or more than a session may hold. */
export async function unpack(text: string): Promise<string | null> {
  if (text.length > MAX_PACKED_CHARS || !/^[\w-]+$/.test(text)) return null;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > MAX_CODE_BYTES) {
        await reader.cancel();
        return null;
      }
      chunks.push(value);
    }
    const whole = await new Blob(chunks).arrayBuffer();
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(whole);
  } catch {
    return null;
  }
}
