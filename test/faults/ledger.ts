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
  /** What was typed, by edit: each text is unique, and no part of another. */
  readonly edits = new Set<string>();
  readonly ackedEdits: AckedEdit[] = [];
  readonly #acked = new Set<string>();
  /** Texts that a participant has taken out again: that may have been lost, or not have been. */
  readonly deleted = new Set<string>();
  /** By id, in the order in which they were made. */
  readonly messages = new Map<string, SentMessage>();
  readonly ackedMessages = new Set<string>();
  /** Positions under which a message was shown, by its id. */
  readonly shown = new Map<string, Set<number>>();
  /** Numbers of versions that were said to be committed. */
  readonly versions = new Set<number>();
  /** What clients were told of Postgres, and when. */
  readonly flushed: { rev: number; atMs: number }[] = [];
  /**
   * Clients were told that Postgres stands in for the buffer, or that something is safe in Postgres: a room
   * that opens without the buffer may reach it again before it has anything else to say of that.
   */
  stoodIn = false;
  /** Whatever broke a rule while it happened. */
  readonly violations: string[] = [];

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  /** The acknowledged edit that the room ordered last: Postgres has to hold its revision in the end. */
  get last(): AckedEdit | null {
    return this.ackedEdits.reduce<AckedEdit | null>(
      (last, edit) => (last === null || edit.rev > last.rev ? edit : last),
      null,
    );
  }

  ackEdit(text: string, rev: number): void {
    // Told again after a resend.
    if (this.#acked.has(text)) return;
    this.#acked.add(text);
    this.ackedEdits.push({ text, rev });
  }

  /** Acknowledged texts that nobody has taken out, and that `code` lacks. */
  missingIn(code: string): string[] {
    return [...this.#acked].filter((text) => !this.deleted.has(text) && !code.includes(text));
  }

  /** Texts that `code` has more than once. */
  doubledIn(code: string): string[] {
    return [...this.edits].filter((text) => {
      const at = code.indexOf(text);
      return at !== -1 && code.includes(text, at + 1);
    });
  }

  /** A room that starts now has to go on from all that was acknowledged. */
  checkStart(code: string): void {
    const [missing, doubled] = [this.missingIn(code), this.doubledIn(code)];
    if (missing.length > 0) this.violate(`a room starts without ${briefly(missing)}`);
    if (doubled.length > 0) this.violate(`a room starts with ${briefly(doubled)} twice`);
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

/** The first of several texts, and how many there are. */
export function briefly(texts: readonly string[]): string {
  return `${texts.length} of the texts typed (${texts.slice(0, 3).map(brief).join(', ')})`;
}
