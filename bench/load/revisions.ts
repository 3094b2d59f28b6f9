/** Counts the revisions that a room has made while it was looked at. */
import { COUNTS_PER_TERM, termOf } from '../../src/domain/revision.ts';

export class Revisions {
  #newest: number | null = null;
  #made = 0;

  /** The newest that was heard of; 0: none yet. */
  get newest(): number {
    return this.#newest ?? 0;
  }

  /** How many were made after the first that was heard of. */
  get made(): number {
    return this.#made;
  }

  /** A room that has opened the session again counts from 1, in a term of its own. */
  heardOf(rev: number): void {
    const newest = this.#newest;
    if (newest !== null && rev > newest) {
      this.#made += termOf(rev) === termOf(newest) ? rev - newest : rev % COUNTS_PER_TERM;
    }
    if (newest === null || rev > newest) this.#newest = rev;
  }
}
