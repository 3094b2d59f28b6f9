/** Stops one request on its way, so that a fault can happen at exactly that point. */
import { type Answer, CUT, type FaultProxy, type ProxiedRequest } from './proxy.ts';
import { LateError } from './until.ts';

const REACHED_TIMEOUT_MS = 60_000;

export interface Held {
  /** Resolves when a request is held. @throws {LateError} when none comes. */
  reached: Promise<void>;
  /**
   * What becomes of it: `arrive` lets it take effect and answers; `vanish` cuts it, without effect
   * if it was held before.
   */
  release(how: 'arrive' | 'vanish'): void;
}

/**
 * Holds the first request that fits.
 * @param point `before` it reaches the store, or `after` it took effect there, its answer not yet on its way.
 */
export function holdOne(
  proxy: FaultProxy,
  point: 'before' | 'after',
  fits: (request: ProxiedRequest) => boolean,
): Held {
  let isTaken = false;
  let release: (how: 'arrive' | 'vanish') => void = () => {};
  const released = new Promise<'arrive' | 'vanish'>((resolve) => {
    release = resolve;
  });
  let reach = () => {};
  const reached = new Promise<void>((resolve, reject) => {
    reach = resolve;
    setTimeout(() => reject(new LateError('no request to hold came')), REACHED_TIMEOUT_MS).unref();
  });
  const hold = async (forward: () => Promise<Answer>): Promise<Answer | typeof CUT> => {
    const answer = point === 'after' ? await forward() : null;
    reach();
    const how = await released;
    if (how === 'vanish') return CUT;
    return answer ?? forward();
  };
  const end = proxy.add((request, forward) => {
    if (isTaken || !fits(request)) return null;
    isTaken = true;
    return hold(forward).finally(end);
  });
  return { reached, release };
}
