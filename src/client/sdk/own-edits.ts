/** A client's recent edits as they are shown: pending, saved, or in Postgres. */

export type EditSource = 'typed' | 'loaded_strudel' | 'forked' | 'paste';
export type EditStatus = 'pending' | 'saved' | 'flushed' | 'refused';
export type Durable = 'buffer' | 'postgres';

/** One of this client's edits, for showing. */
export interface LocalEdit {
  /** This client's count of edits. */
  readonly clientSeq: number;
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

/** Edits kept for showing. */
const KEPT = 50;

export class OwnEdits {
  #edits: LocalEdit[] = [];
  #flushedRev = 0;

  /** Oldest first. */
  get all(): readonly LocalEdit[] {
    return this.#edits;
  }

  /** Postgres holds everything up to this revision. */
  get flushedRev(): number {
    return this.#flushedRev;
  }

  add(clientSeq: number, madeAtMs: number): LocalEdit {
    const edit: LocalEdit = {
      clientSeq,
      status: 'pending',
      rev: null,
      durable: null,
      madeAtMs,
      savedAtMs: null,
      reason: null,
    };
    this.#edits = [...this.#edits, edit].slice(-KEPT);
    return edit;
  }

  /** @returns the edits that are saved by it. */
  acknowledged(upTo: number, rev: number, durable: Durable, savedAtMs: number): LocalEdit[] {
    const status = rev <= this.#flushedRev ? 'flushed' : 'saved';
    return this.#change((edit) => edit.status === 'pending' && edit.clientSeq <= upTo, {
      status,
      rev,
      durable,
      savedAtMs,
    });
  }

  /** @returns the edits that are in Postgres by it. */
  flushed(rev: number): LocalEdit[] {
    this.#flushedRev = Math.max(this.#flushedRev, rev);
    return this.#change(
      (edit) => edit.status === 'saved' && edit.rev !== null && edit.rev <= this.#flushedRev,
      { status: 'flushed' },
    );
  }

  /** The edit that waits under one number is sent under another. */
  renumber(from: number, to: number): void {
    this.#change((edit) => edit.status === 'pending' && edit.clientSeq === from, { clientSeq: to });
  }

  /** None of those that are pending, from this number on, will be taken. @returns them. */
  refused(fromSeq: number, reason: string): LocalEdit[] {
    const isGivenUp = (edit: LocalEdit) => edit.status === 'pending' && edit.clientSeq >= fromSeq;
    return this.#change(isGivenUp, { status: 'refused', reason });
  }

  #change(isMeant: (edit: LocalEdit) => boolean, to: Partial<LocalEdit>): LocalEdit[] {
    const changed: LocalEdit[] = [];
    this.#edits = this.#edits.map((edit) => {
      if (!isMeant(edit)) return edit;
      const next = { ...edit, ...to };
      changed.push(next);
      return next;
    });
    return changed;
  }
}
