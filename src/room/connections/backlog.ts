/**
 * How far each connection may be behind. The runtime buffers whatever is sent to a socket that nobody reads, without limit and
 * without telling: a few of them would take the room's memory. So a connection is closed that was sent more than it can be
 * believed to have read. Nothing is lost by that: a client that comes back is told the state of the session.
 *
 * Any message is a sign of life, which is little: one may send and never read. Proof is the `mark` of a `pong`, sent back: nobody else
 * was told it, and it came after everything before it. Pure: no sockets, no clock.
 */
import {
  A_LITTLE_BEHIND_CHARS,
  MAX_UNHEARD_CHARS,
  MAX_UNHEARD_CHARS_IN_ROOM,
  MAX_UNPROVEN_CHARS,
} from '../../protocol/index.ts';

interface Account {
  /** Characters, from the first on: sent, sent before it was last heard, and sent before its last proof. */
  sent: number;
  heard: number;
  proven: number;
  /** What its last pong was marked with, and what had been sent before that. */
  mark: { text: string; sent: number } | null;
}

/** They are looked at after so many characters to all of them: a room that says little has nobody behind. */
const LOOK_AFTER_CHARS = 1024 * 1024;

export class Backlog<Connection extends object> {
  readonly #accounts = new WeakMap<Connection, Account>();
  readonly #newMark: () => string;
  #sinceLook = 0;

  /** @param newMark makes a text that nobody can guess. */
  constructor(newMark: () => string) {
    this.#newMark = newMark;
  }

  /** Counts what is sent. */
  sent(connection: Connection, chars: number): void {
    this.#of(connection).sent += chars;
    this.#sinceLook += chars;
  }

  /** Counts a sign of life. */
  heard(connection: Connection): void {
    const account = this.#of(connection);
    account.heard = account.sent;
  }

  /** Takes a ping's mark for proof, if it is the last pong's. @returns the mark of the pong that answers it. */
  pinged(connection: Connection, mark: string | undefined): string {
    const account = this.#of(connection);
    if (account.mark !== null && mark === account.mark.text) account.proven = account.mark.sent;
    // One that isn't proven yet stays: a client that pings twice before it has read answers the first.
    if (account.mark === null || account.mark.sent <= account.proven) {
      account.mark = { text: this.#newMark(), sent: account.sent };
    }
    return account.mark.text;
  }

  /** Those that are too far behind to be kept: each by its own measure, or as the furthest behind of a room that is full of it. */
  tooFar<C extends Connection>(connections: () => Iterable<C>): C[] {
    if (this.#sinceLook < LOOK_AFTER_CHARS) return [];
    this.#sinceLook = 0;
    const tooFar: C[] = [];
    const behind: { connection: C; chars: number }[] = [];
    let total = 0;
    for (const connection of connections()) {
      const { sent, heard, proven } = this.#of(connection);
      const chars = sent - heard;
      if (chars > MAX_UNHEARD_CHARS || sent - proven > MAX_UNPROVEN_CHARS) tooFar.push(connection);
      else if (chars > A_LITTLE_BEHIND_CHARS) {
        behind.push({ connection, chars });
        total += chars;
      }
    }
    if (total <= MAX_UNHEARD_CHARS_IN_ROOM) return tooFar;
    for (const { connection, chars } of behind.sort((a, b) => b.chars - a.chars)) {
      tooFar.push(connection);
      total -= chars;
      if (total <= MAX_UNHEARD_CHARS_IN_ROOM) break;
    }
    return tooFar;
  }

  #of(connection: Connection): Account {
    let account = this.#accounts.get(connection);
    if (!account) {
      account = { sent: 0, heard: 0, proven: 0, mark: null };
      this.#accounts.set(connection, account);
    }
    return account;
  }
}
