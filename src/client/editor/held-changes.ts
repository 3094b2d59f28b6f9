/**
 * Changes by the room that the document has and the editor hasn't yet. The input method of the operating
 * system owns the text that it is composing: redrawing that would double or drop what is composed.
 */
import type { ChangeSet } from '@codemirror/state';
import type { RemoteChange } from './ports.ts';

export class HeldChanges {
  #changes: RemoteChange[] = [];

  get isEmpty(): boolean {
    return this.#changes.length === 0;
  }

  add(change: RemoteChange): void {
    this.#changes.push(change);
  }

  /**
   * Takes a change of the editor's text, and moves what is held behind it.
   * @returns the same change for the document's text. The room had what is held first.
   */
  rebase(local: ChangeSet): ChangeSet {
    let rebased = local;
    this.#changes = this.#changes.map((held) => {
      const changes = held.changes.map(rebased, true);
      rebased = rebased.map(held.changes, false);
      return { ...held, changes };
    });
    return rebased;
  }

  /** A change that the editor doesn't make itself, for the document's text. */
  moved(changes: ChangeSet): ChangeSet {
    return this.#changes.reduce((moved, held) => moved.map(held.changes), changes);
  }

  /** A position of the editor's text in the document's. */
  mapPos(position: number): number {
    return this.#changes.reduce((at, { changes }) => changes.mapPos(at, -1), position);
  }

  /** The oldest. */
  get first(): RemoteChange | undefined {
    return this.#changes[0];
  }

  /** The editor has the oldest now. */
  removeFirst(): void {
    this.#changes.shift();
  }
}
