/** A sorted set: members by score, then by bytes. */

export interface ScoredMember {
  member: string;
  score: number;
}

const compare = (a: ScoredMember, b: ScoredMember) =>
  a.score - b.score ||
  (a.score === b.score
    ? a.member < b.member
      ? -1
      : a.member > b.member
        ? 1
        : 0
    : a.score < b.score
      ? -1
      : 1);

/**
 * A map for lookups and a sorted array for ranges; an insertion moves memory, which up to some 100,000
 * members costs microseconds.
 */
export class SortedSet {
  readonly #scores = new Map<string, number>();
  readonly #ordered: ScoredMember[] = [];

  get size(): number {
    return this.#scores.size;
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  members(): Iterable<string> {
    return this.#scores.keys();
  }

  /** Everything, lowest first. The array is the set's own: don't change it. */
  entries(): readonly ScoredMember[] {
    return this.#ordered;
  }

  set(member: string, score: number): void {
    const old = this.#scores.get(member);
    if (old === score) return;
    if (old !== undefined) this.#ordered.splice(this.#position({ member, score: old }), 1);
    this.#scores.set(member, score);
    const entry = { member, score };
    this.#ordered.splice(this.#position(entry), 0, entry);
  }

  delete(member: string): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#ordered.splice(this.#position({ member, score }), 1);
    return this.#scores.delete(member);
  }

  /** How many are lower: the rank, for a member. */
  rank(member: string): number | null {
    const score = this.#scores.get(member);
    return score === undefined ? null : this.#position({ member, score });
  }

  /** Index of the first entry for which `isBelow` is false; it must be true for a prefix only. */
  firstNot(isBelow: (score: number) => boolean): number {
    let [low, high] = [0, this.#ordered.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#ordered[middle];
      if (entry !== undefined && isBelow(entry.score)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #position(entry: ScoredMember): number {
    let [low, high] = [0, this.#ordered.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#ordered[middle];
      if (other !== undefined && compare(other, entry) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
