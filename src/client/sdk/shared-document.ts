/**
 * One client's view of the session's code: what the room has said, and the client's own edits that the room
 * hasn't confirmed yet. No I/O and no clock; `SessionClient` feeds it.
 *
 * The room orders all edits and the last accepted one is the whole document. A client learns that order from
 * two sources: others' edits carry their revision, and an `ack` carries the revision of its own newest
 * covered edit. Until its own edit is confirmed the client shows that edit, as the room will most likely
 * accept it last. When the room's order turns out to be another, the room's document replaces it; so all
 * clients end with the same text.
 */

export type EditSource = 'typed' | 'loaded_strudel' | 'forked' | 'paste';
export type EditStatus = 'pending' | 'saved' | 'flushed' | 'refused';
export type Durable = 'buffer' | 'postgres';

/** Where the cursor was (line from 1, column from 0) and how the edit came about. */
export interface EditDetails {
  cursorLine?: number | undefined;
  cursorCol?: number | undefined;
  source?: EditSource | undefined;
}

/** One of this client's edits, for showing. */
export interface LocalEdit {
  readonly requestId: string;
  /**
   * `pending` until acknowledged, `saved` once the buffer (or Postgres) has it, `flushed` once Postgres has
   * it.
   */
  readonly status: EditStatus;
  /** Revision known to include it; null while pending. */
  readonly rev: number | null;
  /** Where it was safe when it was acknowledged; null while pending. */
  readonly durable: Durable | null;
  readonly madeAtMs: number;
  readonly savedAtMs: number | null;
  /** Why it was refused. */
  readonly reason: string | null;
}

/** An edit as it goes on the wire, and as it is kept for a resend. */
export interface OutgoingEdit extends EditDetails {
  requestId: string;
  code: string;
  baseRev: number;
}

interface OwnEdit {
  view: LocalEdit;
  /** null once settled, or superseded so often that nothing can need it. */
  outgoing: OutgoingEdit | null;
  /** On its way over the connection that is open now. */
  inFlight: boolean;
  /** May have reached the room: its id must never stand for another text. */
  everSent: boolean;
  /** A later edit of somebody else is known to follow it in the room's order. */
  overtaken: boolean;
}

/** Settled edits kept for showing. */
const SETTLED_KEPT = 50;
/** Unacknowledged edits kept; older ones are covered by the newest one's cumulative ack. */
const PENDING_KEPT = 500;
/** Unacknowledged edits that keep their text, to fall back on when newer ones are refused. */
const TEXTS_KEPT = 8;

export class SharedDocument {
  #code = '';
  #rev = 0;
  /** `#code` came from an own edit. Decides between two acks that name the same revision. */
  #isOwn = false;
  #savedRev = 0;
  #flushedRev = 0;
  #edits: OwnEdit[] = [];

  /** @param unacknowledged an edit kept from before a reload; it is shown, and sent again. */
  constructor(unacknowledged: OutgoingEdit | null, madeAtMs: number) {
    if (unacknowledged) {
      this.#edits.push({ ...newEdit(unacknowledged, madeAtMs), everSent: true });
    }
  }

  /** What to show: the own newest edit that the room may still accept last, else the room's document. */
  get code(): string {
    return this.#winning()?.outgoing?.code ?? this.#code;
  }

  /** The newest revision heard of. */
  get rev(): number {
    return this.#rev;
  }

  /** Everything of this client up to this revision is acknowledged. */
  get savedRev(): number {
    return this.#savedRev;
  }

  /** Postgres holds everything up to this revision. */
  get flushedRev(): number {
    return this.#flushedRev;
  }

  /** This client's recent edits, oldest first. */
  get edits(): readonly LocalEdit[] {
    return this.#edits.map((edit) => edit.view);
  }

  /** True while an edit waits for its acknowledgement. */
  get hasPending(): boolean {
    return this.#newestPending() !== undefined;
  }

  /**
   * The newest unacknowledged edit: all that has to be kept to lose nothing, as it holds the whole document.
   */
  get unacknowledged(): OutgoingEdit | null {
    return this.#newestPending()?.outgoing ?? null;
  }

  /**
   * A local edit. While the one before it waits to be sent they become one.
   * @returns its request id, or null when the text is what is shown already.
   */
  edit(code: string, details: EditDetails, makeId: () => string, nowMs: number): string | null {
    if (code === this.code) return null;
    const newest = this.#newestPending();
    if (newest && !newest.everSent) {
      const { requestId } = newest.view;
      newest.outgoing = { ...details, requestId, code, baseRev: this.#rev };
      newest.overtaken = false;
      return requestId;
    }
    const requestId = makeId();
    this.#edits.push(newEdit({ ...details, requestId, code, baseRev: this.#rev }, nowMs));
    this.#trim();
    return requestId;
  }

  /** The edit to send now, if there is one. Older unsent edits are contained in it. */
  nextToSend(): OutgoingEdit | null {
    const newest = this.#newestPending();
    return newest && !newest.inFlight ? newest.outgoing : null;
  }

  /** `requestId` was handed to the open connection. */
  sent(requestId: string): void {
    const edit = this.#find(requestId);
    if (!edit) return;
    edit.inFlight = true;
    edit.everSent = true;
  }

  /** The connection is gone; what was on its way may have arrived or not. */
  disconnected(): void {
    for (const edit of this.#edits) edit.inFlight = false;
  }

  /**
   * A new connection's state. It may be older than what was heard before, when a room died with edits it
   * never acknowledged.
   */
  reset(code: string, rev: number, flushedRev: number): void {
    this.#code = code;
    this.#rev = rev;
    this.#isOwn = false;
    for (const edit of this.#edits) edit.overtaken = false;
    this.flushed(flushedRev);
  }

  /**
   * Somebody else's accepted edit.
   * @returns false when it is stale and was ignored.
   */
  remoteUpdate(code: string, rev: number): boolean {
    if (rev <= this.#rev) return false;
    // One connection carries everybody else's edits in order, so revisions left out are this client's own:
    // accepted before this one, and overtaken by it. Should the guess be wrong, the ack that follows puts it
    // right.
    let own = rev - this.#rev - 1;
    for (const edit of this.#edits) {
      if (own === 0) break;
      if (edit.view.status !== 'pending' || !edit.inFlight || edit.overtaken) continue;
      edit.overtaken = true;
      own -= 1;
    }
    this.#code = code;
    this.#rev = rev;
    this.#isOwn = false;
    return true;
  }

  /**
   * The room confirms this client's edits up to and including `requestId`; `rev` is a revision that contains
   * them.
   * @returns the edits that are saved by it.
   */
  acknowledged(requestId: string, rev: number, durable: Durable, nowMs: number): LocalEdit[] {
    const index = this.#edits.findIndex((edit) => edit.view.requestId === requestId);
    const newest = this.#edits[index];
    if (!newest) return [];
    if (newest.outgoing && (rev > this.#rev || (rev === this.#rev && this.#isOwn))) {
      this.#code = newest.outgoing.code;
      this.#isOwn = true;
    }
    this.#rev = Math.max(this.#rev, rev);
    this.#savedRev = Math.max(this.#savedRev, rev);
    const saved = this.#edits
      .slice(0, index + 1)
      .filter((edit) => edit.view.status === 'pending')
      .map((edit) => {
        const status = rev <= this.#flushedRev ? 'flushed' : 'saved';
        settle(edit, { ...edit.view, status, rev, durable, savedAtMs: nowMs });
        return edit.view;
      });
    this.#trim();
    return saved;
  }

  /**
   * Postgres holds everything up to `rev`.
   * @returns the edits that are in Postgres by it.
   */
  flushed(rev: number): LocalEdit[] {
    this.#flushedRev = Math.max(this.#flushedRev, rev);
    this.#savedRev = Math.max(this.#savedRev, rev);
    const changed: LocalEdit[] = [];
    for (const edit of this.#edits) {
      const { view } = edit;
      if (view.status !== 'saved' || view.rev === null || view.rev > this.#flushedRev) continue;
      edit.view = { ...view, status: 'flushed' };
      changed.push(edit.view);
    }
    return changed;
  }

  /**
   * The room will never take this edit. It is no longer shown or sent.
   * @returns the edit, or null when it isn't a pending one of this client.
   */
  refused(requestId: string, reason: string): LocalEdit | null {
    const edit = this.#find(requestId);
    if (edit?.view.status !== 'pending') return null;
    settle(edit, { ...edit.view, status: 'refused', reason });
    return edit.view;
  }

  /**
   * The room didn't take this edit now; it is to be sent again.
   * @returns false when it isn't a pending edit of this client.
   */
  deferred(requestId: string): boolean {
    const edit = this.#find(requestId);
    if (edit?.view.status !== 'pending') return false;
    edit.inFlight = false;
    // It wasn't accepted, so nothing can have followed it.
    edit.overtaken = false;
    return true;
  }

  #find(requestId: string): OwnEdit | undefined {
    return this.#edits.find((edit) => edit.view.requestId === requestId);
  }

  #newestPending(): OwnEdit | undefined {
    return this.#edits.findLast((edit) => edit.view.status === 'pending');
  }

  #winning(): OwnEdit | undefined {
    const newest = this.#newestPending();
    return newest?.overtaken ? undefined : newest;
  }

  /** Bounds memory: an outage must not make a client keep a copy of the document for every keystroke. */
  #trim(): void {
    const pending = this.#edits.filter((edit) => edit.view.status === 'pending');
    const forgotten = new Set(pending.slice(0, Math.max(0, pending.length - PENDING_KEPT)));
    for (const edit of pending.slice(0, Math.max(0, pending.length - TEXTS_KEPT))) edit.outgoing = null;
    const settled = this.#edits.filter((edit) => edit.view.status !== 'pending');
    for (const edit of settled.slice(0, Math.max(0, settled.length - SETTLED_KEPT))) forgotten.add(edit);
    if (forgotten.size > 0) this.#edits = this.#edits.filter((edit) => !forgotten.has(edit));
  }
}

function newEdit(outgoing: OutgoingEdit, madeAtMs: number): OwnEdit {
  return {
    view: {
      requestId: outgoing.requestId,
      status: 'pending',
      rev: null,
      durable: null,
      madeAtMs,
      savedAtMs: null,
      reason: null,
    },
    outgoing,
    inFlight: false,
    everSent: false,
    overtaken: false,
  };
}

function settle(edit: OwnEdit, view: LocalEdit): void {
  edit.view = view;
  edit.outgoing = null;
  edit.inFlight = false;
}
