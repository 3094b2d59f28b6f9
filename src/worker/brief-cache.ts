import { ExpiringMap } from '../domain/expiring-map.ts';

/** Answers to different questions that are kept at a time; beyond it the oldest is forgotten. */
const MAX_KEYS = 1_000;

/**
 * Keeps an answer for a moment, so that public routes can't be used to hammer the stores.
 *
 * It keeps values and never promises: a Worker's request must not wait for I/O that another request began.
 * While one caller is getting a new value, others are given the old one.
 *
 * @param read gets the value; what it throws is the caller's, and isn't kept.
 * @param keepMs how long a value is good, of each alike or of this one.
 */
export function briefCache<Args extends unknown[], T>(
  read: (...args: Args) => Promise<T>,
  keepMs: number | ((value: T) => number),
  now: () => number = () => Date.now(),
): (...args: Args) => Promise<T> {
  const untilMs = (value: T) => now() + (typeof keepMs === 'number' ? keepMs : keepMs(value));
  let kept: { value: T; goodUntilMs: number } | null = null;
  return async (...args) => {
    if (kept !== null) {
      if (now() < kept.goodUntilMs) return kept.value;
      kept = { value: kept.value, goodUntilMs: untilMs(kept.value) };
    }
    const value = await read(...args);
    kept = { value, goodUntilMs: untilMs(value) };
    return value;
  };
}

/** The same for each of several questions. @param keyOf tells them apart. */
export function briefCacheBy<Args extends unknown[], T>(
  keyOf: (...args: Args) => string,
  read: (...args: Args) => Promise<T>,
  keepMs: number,
  now: () => number = () => Date.now(),
): (...args: Args) => Promise<T> {
  const caches = new ExpiringMap<(...args: Args) => Promise<T>>(MAX_KEYS);
  return (...args) => {
    const key = keyOf(...args);
    let cached = caches.get(key, now());
    if (cached === undefined) {
      cached = briefCache(read, keepMs, now);
      caches.set(key, cached, Number.POSITIVE_INFINITY);
    }
    return cached(...args);
  };
}
