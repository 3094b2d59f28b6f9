/** Values that are kept for a while each. Pure: no clock. */

export class ExpiringMap<Value> {
  /** In the order in which they were set. */
  readonly #entries = new Map<string, { value: Value; untilMs: number }>();
  readonly #maxEntries: number;

  /** @param maxEntries kept at a time; beyond it the one that was set the longest time ago is forgotten. */
  constructor(maxEntries = Number.POSITIVE_INFINITY) {
    this.#maxEntries = maxEntries;
  }

  /**
   * Keeps a value until `untilMs`, in the stead of the key's last one. All times are by one
   * clock, in milliseconds.
   */
  set(key: string, value: Value, untilMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }

  /** The value, if its time isn't over. */
  get(key: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || nowMs < entry.untilMs) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Removes a value; returns it, if its time wasn't over. */
  take(key: string, nowMs: number): Value | undefined {
    const value = this.get(key, nowMs);
    this.#entries.delete(key);
    return value;
  }

  /** Removes a value; false when there was none. */
  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  /** The values whose time isn't over. */
  *values(nowMs: number): Iterable<Value> {
    this.sweep(nowMs);
    for (const { value } of this.#entries.values()) yield value;
  }

  /** Forgets the values whose time is over, also of keys that are never asked for again. */
  sweep(nowMs: number): void {
    for (const [key, { untilMs }] of this.#entries) if (untilMs <= nowMs) this.#entries.delete(key);
  }
}
