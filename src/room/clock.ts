import type { Clock } from '../domain/clock.ts';

/** The instance's own clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout(task, delayMs) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
