/** Where the other participants' selections are in the local text. */
import type { ChangeSet } from '@codemirror/state';

export interface PeerSelection {
  /** Of the participant. */
  readonly id: string;
  readonly name: string;
  /** Which of the twelve colours the room has given them. */
  readonly color: number;
  readonly anchor: number;
  /** Where the cursor is. */
  readonly head: number;
}

export class PeerSelections {
  #byId = new Map<string, PeerSelection>();

  get all(): readonly PeerSelection[] {
    return [...this.#byId.values()];
  }

  set(selection: PeerSelection): void {
    this.#byId.set(selection.id, selection);
  }

  /** @returns true when there was one. */
  remove(id: string): boolean {
    return this.#byId.delete(id);
  }

  /** @returns true when there was one. */
  rename(id: string, name: string): boolean {
    const selection = this.#byId.get(id);
    if (selection) this.#byId.set(id, { ...selection, name });
    return selection !== undefined;
  }

  replace(selections: readonly PeerSelection[]): void {
    this.#byId = new Map(selections.map((selection) => [selection.id, selection]));
  }

  /**
   * The local text changes, and the selections move with it.
   * @param authorId whose change it is: their cursor is behind what they typed.
   */
  move(change: ChangeSet, authorId: string | null): void {
    for (const [id, selection] of this.#byId) {
      const side = id === authorId ? 1 : -1;
      const anchor = change.mapPos(selection.anchor, side);
      const head = change.mapPos(selection.head, side);
      this.#byId.set(id, { ...selection, anchor, head });
    }
  }
}
