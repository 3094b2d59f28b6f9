/**
 * One client's view of the session's chat: what the room has said, and own messages that it hasn't confirmed
 * yet.
 */

/** `received`: another participant's, or from the history; the others are this client's own, on their way. */
export type ChatStatus = 'pending' | 'sent' | 'saved' | 'refused' | 'received';

export interface ChatEntry {
  readonly id: string;
  readonly displayName: string;
  readonly userId: string | null;
  readonly avatarUrl: string | null;
  readonly text: string;
  /** Milliseconds since the epoch; the room's time once it has answered. */
  readonly atMs: number;
  /** Its place in the room's order, once the room has answered. */
  readonly position?: number | undefined;
  readonly status: ChatStatus;
}

/** An own message as it is kept for a resend. */
export interface OutgoingChat {
  id: string;
  text: string;
  atMs: number;
}

interface Entry {
  view: ChatEntry;
  inFlight: boolean;
}

/** Entries kept for showing; unacknowledged ones are kept besides, and older ones that were asked for. */
const ENTRIES_KEPT = 200;

export class ChatLog {
  #entries: Entry[];
  /**
   * Own ones that the room hasn't said are committed, in the order in which they were made: they are sent in
   * that order again. By the rooms' times, the first may come after the second, when a room with another
   * clock got to accept only the first of them.
   */
  readonly #unacknowledged: Set<Entry>;
  #kept = ENTRIES_KEPT;

  /** @param unacknowledged messages kept from before a reload, oldest first; they are sent again. */
  constructor(unacknowledged: readonly OutgoingChat[]) {
    this.#entries = unacknowledged.map((message) => ownEntry(message, ''));
    this.#unacknowledged = new Set(this.#entries);
  }

  /** In the room's order; what it hasn't answered yet comes last. */
  get entries(): readonly ChatEntry[] {
    return this.#entries.map((entry) => entry.view);
  }

  /** Own messages to be kept until they are acknowledged, oldest first. */
  get unacknowledged(): OutgoingChat[] {
    return [...this.#unacknowledged].map(({ view }) => outgoing(view));
  }

  /** Own messages to send now, oldest first. */
  toSend(): OutgoingChat[] {
    return [...this.#unacknowledged].filter((entry) => !entry.inFlight).map(({ view }) => outgoing(view));
  }

  /** Adds an own message. */
  add(message: OutgoingChat, displayName: string): void {
    const entry = ownEntry(message, displayName);
    this.#entries.push(entry);
    this.#unacknowledged.add(entry);
  }

  sent(id: string): void {
    const entry = this.#find(id);
    if (entry) entry.inFlight = true;
  }

  disconnected(): void {
    for (const entry of this.#entries) entry.inFlight = false;
  }

  /** A message from the room: another participant's, or the echo of an own one. */
  received(message: Omit<ChatEntry, 'status'>): void {
    this.#put(message);
    this.#sort();
  }

  /** A new connection's history: what is shown becomes that and what came later. */
  history(messages: readonly Omit<ChatEntry, 'status'>[]): void {
    for (const message of messages) this.#put(message);
    this.#sort();
  }

  /** Messages from before those that are shown. */
  older(messages: readonly Omit<ChatEntry, 'status'>[]): void {
    this.#kept += messages.length;
    this.history(messages);
  }

  /** The room has committed the message. */
  acknowledged(id: string): boolean {
    const entry = this.#find(id);
    if (!entry || !this.#unacknowledged.delete(entry)) return false;
    entry.view = { ...entry.view, status: 'saved' };
    this.#sort();
    return true;
  }

  /** The room will never take the message. */
  refused(id: string): boolean {
    const entry = this.#find(id);
    if (!entry || !this.#unacknowledged.delete(entry)) return false;
    entry.view = { ...entry.view, status: 'refused' };
    return true;
  }

  /** The room didn't take the message now; it is to be sent again. */
  deferred(id: string): boolean {
    const entry = this.#find(id);
    if (!entry || !this.#unacknowledged.has(entry)) return false;
    entry.inFlight = false;
    return true;
  }

  #put(message: Omit<ChatEntry, 'status'>): void {
    const known = this.#find(message.id);
    if (!known) {
      this.#entries.push({ view: { ...message, status: 'received' }, inFlight: false });
      return;
    }
    const status = known.view.status === 'pending' ? 'sent' : known.view.status;
    // The echo says who one is to the others; a history leaves the user id out.
    known.view = { ...message, userId: message.userId ?? known.view.userId, status };
  }

  #find(id: string): Entry | undefined {
    return this.#entries.find((entry) => entry.view.id === id);
  }

  #sort(): void {
    this.#entries.sort((a, b) => orderOf(a) - orderOf(b));
    const surplus = this.#entries.length - this.#kept;
    if (surplus > 0) {
      this.#entries = this.#entries.filter(
        (entry, index) => index >= surplus || this.#unacknowledged.has(entry),
      );
    }
  }
}

/** Sorting is stable, so what shares a time or waits for one stays in the order in which it came. */
function orderOf({ view }: Entry): number {
  return view.status === 'pending' ? Number.MAX_SAFE_INTEGER : (view.position ?? view.atMs);
}

function outgoing(view: ChatEntry): OutgoingChat {
  return { id: view.id, text: view.text, atMs: view.atMs };
}

function ownEntry(message: OutgoingChat, displayName: string): Entry {
  return {
    view: { ...message, displayName, userId: null, avatarUrl: null, status: 'pending' },
    inFlight: false,
  };
}
