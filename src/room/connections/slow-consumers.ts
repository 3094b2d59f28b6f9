/**
 * Closes connections that don't read. The runtime buffers whatever is sent to a socket that its client
 * doesn't read, without limit and without telling the room: a few such clients would take the room's memory.
 * So a connection that was sent more than its client can have read is closed. Nothing is lost: a client that
 * comes back gets the session's state.
 *
 * Any message from a client shows that it is alive, not that it reads: a client may send and never read. A
 * nonce shows it. Each `pong` carries one (the protocol's `mark`), and a `ping` that repeats it acknowledges
 * everything that was sent before that `pong`: only that client was told the nonce. Pure: no sockets, no
 * clock.
 */
import {
  MAX_CHARS_BEHIND,
  MAX_CHARS_BEHIND_IN_ROOM,
  MAX_UNACKNOWLEDGED_CHARS,
  SLIGHTLY_BEHIND_CHARS,
} from '../../protocol/index.ts';

interface Account {
  /**
   * Characters since the connection joined: sent, sent before its last message, and acknowledged by a nonce.
   */
  sent: number;
  sentAtLastSeen: number;
  acknowledged: number;
  /** The nonce that its next `ping` has to repeat, and what had been sent before the `pong` with it. */
  challenge: { nonce: string; sent: number } | null;
}

/** After so many characters to all connections together they are checked: less than that fills no memory. */
const CHECK_AFTER_CHARS = 1024 * 1024;

export class SlowConsumers<Connection extends object> {
  readonly #accounts = new WeakMap<Connection, Account>();
  readonly #newNonce: () => string;
  #sentSinceCheck = 0;

  /** @param newNonce makes a text that can't be guessed. */
  constructor(newNonce: () => string) {
    this.#newNonce = newNonce;
  }

  /** Counts what the room sends. */
  countSent(connection: Connection, chars: number): void {
    this.#of(connection).sent += chars;
    this.#sentSinceCheck += chars;
  }

  /** The client has sent something, so it is alive. */
  seen(connection: Connection): void {
    const account = this.#of(connection);
    account.sentAtLastSeen = account.sent;
  }

  /** Takes a ping's nonce, if it has one. @returns the nonce for the `pong` that answers the ping. */
  pinged(connection: Connection, nonce: string | undefined): string {
    const account = this.#of(connection);
    if (account.challenge !== null && nonce === account.challenge.nonce) {
      account.acknowledged = account.challenge.sent;
    }
    // A nonce that isn't acknowledged yet stays: a client may ping twice before it has read the first pong.
    if (account.challenge === null || account.challenge.sent <= account.acknowledged) {
      account.challenge = { nonce: this.#newNonce(), sent: account.sent };
    }
    return account.challenge.nonce;
  }

  /**
   * The connections to close: each that is over its own limit, and, where all together are over the room's
   * limit, those that are furthest behind.
   */
  overLimit<C extends Connection>(connections: () => Iterable<C>): C[] {
    if (this.#sentSinceCheck < CHECK_AFTER_CHARS) return [];
    this.#sentSinceCheck = 0;
    const overLimit: C[] = [];
    const behind: { connection: C; chars: number }[] = [];
    let total = 0;
    for (const connection of connections()) {
      const { sent, sentAtLastSeen, acknowledged } = this.#of(connection);
      const chars = sent - sentAtLastSeen;
      if (chars > MAX_CHARS_BEHIND || sent - acknowledged > MAX_UNACKNOWLEDGED_CHARS)
        overLimit.push(connection);
      else if (chars > SLIGHTLY_BEHIND_CHARS) {
        behind.push({ connection, chars });
        total += chars;
      }
    }
    if (total <= MAX_CHARS_BEHIND_IN_ROOM) return overLimit;
    for (const { connection, chars } of behind.sort((a, b) => b.chars - a.chars)) {
      overLimit.push(connection);
      total -= chars;
      if (total <= MAX_CHARS_BEHIND_IN_ROOM) break;
    }
    return overLimit;
  }

  #of(connection: Connection): Account {
    let account = this.#accounts.get(connection);
    if (!account) {
      account = { sent: 0, sentAtLastSeen: 0, acknowledged: 0, challenge: null };
      this.#accounts.set(connection, account);
    }
    return account;
  }
}
