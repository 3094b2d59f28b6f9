/**
 * Clocks that are wrong on purpose: machines of a real deployment don't agree on the time either. And clocks
 * that run fast, by which hours of a session are played in minutes.
 */

export interface Clock {
  /** How far it is ahead of the truth, in milliseconds. */
  skewMs: number;
  /** How many times as fast it runs, timers included. */
  rate: number;
}

export const trueClock = (): Clock => ({ skewMs: 0, rate: 1 });

export const hasTrueClock = ({ skewMs, rate }: Clock) => skewMs === 0 && rate === 1;

/**
 * A JavaScript module that, imported before anything else, makes every look at the clock wrong, and timers
 * as fast as the clock.
 */
export function clockModule({ skewMs, rate }: Clock): string {
  return `const TrueDate = Date;
const startMs = TrueDate.now();
const shown = (trueMs) => Math.floor(startMs + (trueMs - startMs) * ${rate} + ${skewMs});
/** The true time at which this clock shows that one. */
export const toTrueTime = (shownMs) => startMs + (shownMs - ${skewMs} - startMs) / ${rate};
globalThis.Date = class Date extends TrueDate {
  constructor(...args) {
    if (args.length === 0) super(shown(TrueDate.now()));
    else super(...args);
  }
  static now() {
    return shown(TrueDate.now());
  }
};
const trueSetTimeout = setTimeout;
globalThis.setTimeout = (task, delayMs = 0, ...args) => trueSetTimeout(task, delayMs / ${rate}, ...args);
const trueSetInterval = setInterval;
globalThis.setInterval = (task, delayMs = 0, ...args) => trueSetInterval(task, delayMs / ${rate}, ...args);
`;
}
