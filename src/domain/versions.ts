/**
 * Versions: what a session's code was at some moments. A version travels as a message, so that whatever is
 * promised of messages holds for it; in Postgres it has a table of its own.
 */
import { z } from 'zod';
import { MAX_CODE_BYTES } from '../protocol/limits.ts';

/** What brought a version about. */
export const VERSION_CAUSES = ['typed', 'played', 'answered', 'switched', 'restored'] as const;
export type VersionCause = (typeof VERSION_CAUSES)[number];

/** A version without its code. */
export interface Version {
  /** Its place in the session's order: that of its message. */
  number: number;
  /** The newest revision when it was made. */
  rev: number;
  cause: VersionCause;
  /** Name of the participant who made it so; null: the room doesn't know any more. */
  displayName: string | null;
  /** Their user id; null when anonymous, or not known. */
  userId: string | null;
  /** When the code became so, in milliseconds since the epoch by the room's clock. */
  createdAtMs: number;
}

export interface VersionWithCode extends Version {
  code: string;
}

/** Bytes that compressed code can have: what can't be compressed becomes a little longer. */
export const MAX_PACKED_BYTES = MAX_CODE_BYTES + 1024;
const MAX_PACKED_CHARS = Math.ceil(MAX_PACKED_BYTES / 3) * 4;

const contentSchema = z.object({
  rev: z.number().int().nonnegative(),
  cause: z.enum(VERSION_CAUSES),
  /** See {@link packCode}. */
  code: z
    .string()
    .max(MAX_PACKED_CHARS)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .refine((text) => text.length % 4 === 0),
});
export type VersionContent = z.infer<typeof contentSchema>;

/** The content of a version's message. */
export function encodeVersion(content: VersionContent): string {
  return JSON.stringify(content);
}

/** @returns null when the text isn't a version's content. */
export function decodeVersion(text: string): VersionContent | null {
  try {
    return contentSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** What of a message is a version's. */
interface VersionMessage extends Pick<Version, 'userId' | 'createdAtMs'> {
  type: string;
  content: string;
  displayName: string;
  position: number;
}

/** The version that a message is; null when it is none. */
export function versionOf(message: VersionMessage): (Version & { packed: string }) | null {
  const content = message.type === 'version' ? decodeVersion(message.content) : null;
  return (
    content && {
      number: message.position,
      rev: content.rev,
      cause: content.cause,
      displayName: message.displayName === '' ? null : message.displayName,
      userId: message.userId,
      createdAtMs: message.createdAtMs,
      packed: content.code,
    }
  );
}

/** Compresses code; the result is base64. */
export async function packCode(code: string): Promise<string> {
  const packed = await collect(through(new Blob([code]), new CompressionStream('deflate-raw')));
  // In pieces, as a call takes only so many arguments.
  let binary = '';
  for (let at = 0; at < packed.length; at += 4096) {
    binary += String.fromCharCode(...packed.subarray(at, at + 4096));
  }
  return btoa(binary);
}

/**
 * The code that {@link packCode} has compressed.
 * @throws when it isn't that, or is larger than code may be.
 */
export async function unpackCode(packed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
  const code = await collect(
    through(new Blob([bytes]), new DecompressionStream('deflate-raw')),
    MAX_CODE_BYTES,
  );
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(code);
}

function through(blob: Blob, transform: CompressionStream | DecompressionStream): ReadableStream<Uint8Array> {
  return blob.stream().pipeThrough(transform);
}

/** @throws {RangeError} it is more than `maxBytes`; no more than that is read. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
    length += next.value.byteLength;
    if (length > maxBytes) {
      await reader.cancel();
      throw new RangeError('larger than code may be');
    }
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
