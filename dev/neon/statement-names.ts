/**
 * Gives each connection its own namespace of prepared statements, where all share one session: names are
 * prefixed on their way in. The unnamed statement gets a name, too: it outlives a Sync, so another client's
 * would take its place.
 */
import { cString, type Frame, message } from './wire.ts';

export class StatementNames {
  /** Prefixed names that may exist in the session. */
  readonly #known = new Set<string>();

  /** @param prefix different for each connection. */
  constructor(private readonly prefix: string) {}

  /** The same message with the session's name in place of the client's. */
  translate(frame: Frame): Frame {
    switch (frame.type) {
      case 'P': // Parse: name, query, parameter types
        return this.#replaceAt(frame, 5, true);
      case 'B': // Bind: portal, statement, values
        return this.#replaceAt(frame, cString(frame.bytes, 5).end + 1, false);
      case 'D': // Describe, Close: 'S' or 'P', name
      case 'C':
        return frame.bytes[5] === 'S'.charCodeAt(0) ? this.#replaceAt(frame, 6, false) : frame;
      default:
        return frame;
    }
  }

  /**
   * What must be closed before this message: a Parse replaces the unnamed statement, but would not
   * replace a named one.
   */
  closeBefore(frame: Frame): Buffer | null {
    const isUnnamedParse = frame.type === 'P' && frame.bytes[5] === 0;
    return isUnnamedParse && this.#known.has(this.prefix) ? closeStatement(this.prefix) : null;
  }

  /** Messages that close all that this connection prepared. */
  closeAll(): Buffer[] {
    return [...this.#known].map(closeStatement);
  }

  #replaceAt(frame: Frame, offset: number, isNew: boolean): Frame {
    const { text, end } = cString(frame.bytes, offset);
    const name = this.prefix + text;
    if (isNew) this.#known.add(name);
    const { bytes } = frame;
    return {
      type: frame.type,
      bytes: message(frame.type, bytes.subarray(5, offset), name, bytes.subarray(end + 1)),
    };
  }
}

function closeStatement(name: string): Buffer {
  return message('C', Buffer.from('S'), name);
}
