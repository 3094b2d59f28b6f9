/**
 * Framing of the Postgres wire protocol, as a server needs it.
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

/** The largest message accepted; Postgres' own limit is 1 GB. */
const maxMessageBytes = 256 * 1024 * 1024;
/** A startup packet is small; more than this is no Postgres client. */
const maxStartupBytes = 10_000;

export class WireFormatError extends Error {
  override readonly name = 'WireFormatError';
}

/** A message with its type byte and length, as it came. */
export interface Frame {
  /** The type byte as a character. */
  readonly type: string;
  readonly bytes: Buffer;
}

/** Cuts a stream of bytes into messages. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Below this many bytes there's no need to look: keeps large messages from being copied once a chunk. */
  #needed = 4;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /**
   * The next message before authentication, which has no type byte: its body after the length.
   * Null: not complete yet.
   */
  nextStartup(): Buffer | null {
    const length = this.#peek(4)?.readInt32BE(0);
    if (length === undefined) return null;
    if (length < 8 || length > maxStartupBytes) throw new WireFormatError('invalid length of startup packet');
    return this.#take(length)?.subarray(4) ?? null;
  }

  /** The next message. Null: not complete yet. */
  next(): Frame | null {
    const header = this.#peek(5);
    if (header === null) return null;
    const length = header.readInt32BE(1);
    if (length < 4 || length > maxMessageBytes) throw new WireFormatError('invalid message length');
    const bytes = this.#take(length + 1);
    return bytes === null ? null : { type: String.fromCharCode(bytes[0] ?? 0), bytes };
  }

  #peek(count: number): Buffer | null {
    if (this.#bytes < Math.max(count, this.#needed)) return null;
    return this.#whole();
  }

  #take(count: number): Buffer | null {
    if (this.#bytes < count) {
      this.#needed = count;
      return null;
    }
    const all = this.#whole();
    const rest = all.subarray(count);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    this.#needed = 4;
    return all.subarray(0, count);
  }

  #whole(): Buffer {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first !== undefined) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

/** A message to a client: type byte, length, body. */
export function message(type: string, ...parts: readonly (Buffer | string | number)[]): Buffer {
  const body = Buffer.concat(parts.map(toBytes));
  const header = Buffer.alloc(5);
  header.write(type, 0, 'latin1');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** A number is an Int32, a string ends with a NUL. */
function toBytes(part: Buffer | string | number): Buffer {
  if (typeof part === 'string') return Buffer.from(`${part}\0`);
  if (typeof part === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(part);
    return bytes;
  }
  return part;
}

/** An ErrorResponse. */
export function errorMessage(severity: 'ERROR' | 'FATAL', code: string, text: string): Buffer {
  return message('E', `S${severity}`, `V${severity}`, `C${code}`, `M${text}`, Buffer.of(0));
}

export type TransactionStatus = 'I' | 'T';

/** ReadyForQuery. */
export function readyForQuery(status: TransactionStatus): Buffer {
  return message('Z', Buffer.from(status));
}

/** Reads the NUL-terminated string at `offset`; `end` is where it ends, before the NUL. */
export function cString(bytes: Buffer, offset: number): { text: string; end: number } {
  const end = bytes.indexOf(0, offset);
  if (end === -1) throw new WireFormatError('unterminated string in message');
  return { text: bytes.toString('utf8', offset, end), end };
}
