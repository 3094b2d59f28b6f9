/**
 * What the clients of one session were told: what is promised to them, and what they saw that
 * must be true in the end.
 */

export interface AckedEdit {
  text: string;
  rev: number;
}

export interface SentMessage {
  text: string;
  by: string;
}

export class Ledger {
  readonly sessionId: string;
  /** Edits by their text, which is unique: handed to a client to send. */
  readonly edits = new Set<string>();
  readonly ackedEdits: AckedEdit[] = [];
  readonly #acked = new Set<string>();
  /** By id, in the order in which they were made. */
  readonly messages = new Map<string, SentMessage>();
  readonly ackedMessages = new Set<string>();
  /** Positions under which a message was shown, by its id. */
  readonly shown = new Map<string, Set<number>>();
  /** What clients were told of Postgres, and when. */
  readonly flushed: { rev: number; atMs: number }[] = [];
  /** Clients were told that Postgres stands in for the buffer. */
  stoodIn = false;
  /** Whatever broke a rule while it happened. */
  readonly violations: string[] = [];

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  /** The acknowledged edit that the room ordered last: what Postgres has to hold in the end. */
  get last(): AckedEdit | null {
    return this.ackedEdits.reduce<AckedEdit | null>(
      (last, edit) => (last === null || edit.rev > last.rev ? edit : last),
      null,
    );
  }

  ackEdit(text: string, rev: number): void {
    const other = this.ackedEdits.find((edit) => edit.rev === rev && edit.text !== text);
    if (other)
      this.violate(`two edits acknowledged under revision ${rev}: ${brief(other.text)}, ${brief(text)}`);
    // Told again after a resend.
    if (this.#acked.has(text)) return;
    this.#acked.add(text);
    this.ackedEdits.push({ text, rev });
  }

  /**
   * A room that starts now has to go on from the edit that was acknowledged last, or from one that
   * isn't acknowledged yet.
   */
  checkStart(code: string): void {
    const { last } = this;
    if (last && code !== last.text && (this.#acked.has(code) || !this.edits.has(code)))
      this.violate(`a room starts with ${brief(code)}, and ${brief(last.text)} was acknowledged after it`);
  }

  show(messageId: string, position: number): void {
    const positions = this.shown.get(messageId);
    if (positions) positions.add(position);
    else this.shown.set(messageId, new Set([position]));
  }

  violate(what: string): void {
    this.violations.push(`${this.sessionId}: ${what}`);
  }
}

/** Enough of a text to know it by. */
export function brief(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
