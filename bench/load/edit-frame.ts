/**
 * The WebSocket frames of one person's edits. They differ in three numbers only, so the bytes are made once
 * and the numbers put in: what the load takes of the machine is missing to what is measured.
 */
import type { KnobDocument } from './document.ts';

const DIGITS = 6;
/** A number in JSON has no leading zeros; from here on all have as many digits. */
const LEAST_NUMBER = 10 ** (DIGITS - 1);

export class EditFrames {
  readonly #template: Buffer;
  readonly #knobAt: number;
  readonly #lineAt: number;
  readonly #seqAt: number;

  /** @param who the column of the cursor, by which people of one room are told apart. */
  constructor(document: KnobDocument, who: number) {
    const [before, after] = document.jsonParts();
    const parts = [
      `{"type":"code_update","payload":{"code":${before}`,
      `${after},"cursor_line":`,
      `,"cursor_col":${who},"client_seq":`,
      '}}',
    ];
    const payload = Buffer.from(parts.join('0'.repeat(DIGITS)));
    const header = headerOf(payload.length);
    this.#template = Buffer.concat([header, payload]);
    const at = (part: number) =>
      header.length + Buffer.byteLength(parts.slice(0, part + 1).join('0'.repeat(DIGITS)));
    [this.#knobAt, this.#lineAt, this.#seqAt] = [at(0), at(1), at(2)];
  }

  /** The frame of an edit, by its number. */
  frame(edit: number): Buffer {
    const frame = Buffer.allocUnsafe(this.#template.length);
    this.#template.copy(frame);
    const number = String(edit).padStart(DIGITS, '0');
    frame.write(number, this.#knobAt, 'latin1');
    frame.write(String(LEAST_NUMBER + edit), this.#lineAt, 'latin1');
    frame.write(String(LEAST_NUMBER + edit), this.#seqAt, 'latin1');
    return frame;
  }

  /** Which edit has this number as its cursor's line, or as its `client_seq`. */
  static editOf(number: number): number {
    return number - LEAST_NUMBER;
  }
}

/**
 * Of a client's text frame (RFC 6455, 5.2). Its mask is zero, which changes nothing: over loopback there is
 * no proxy to protect.
 */
function headerOf(payloadBytes: number): Buffer {
  const [finalText, masked] = [0x81, 0x80];
  if (payloadBytes < 126) return Buffer.from([finalText, masked | payloadBytes, 0, 0, 0, 0]);
  if (payloadBytes < 65_536) {
    const header = Buffer.from([finalText, masked | 126, 0, 0, 0, 0, 0, 0]);
    header.writeUInt16BE(payloadBytes, 2);
    return header;
  }
  const header = Buffer.from([finalText, masked | 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payloadBytes, 6);
  return header;
}
