/** Random choices that a seed repeats. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /**
   * From 0 to below 1 (mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c).
   */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  /** `count` different items, or all when there are fewer. */
  some<T>(items: readonly T[], count: number): T[] {
    const left = [...items];
    const picked: T[] = [];
    while (picked.length < count && left.length > 0)
      picked.push(...left.splice(this.int(0, left.length - 1), 1));
    return picked;
  }

  /** The time until the next of events that come `meanMs` apart on average. */
  gapMs(meanMs: number): number {
    return -Math.log(1 - this.next()) * meanMs;
  }

  /** An own sequence for one part of a run, so that what another part draws doesn't change it. */
  fork(): Random {
    return new Random(this.int(0, 2 ** 31));
  }
}
