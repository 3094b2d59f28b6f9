/** Clocks that are wrong on purpose: machines of a real deployment don't agree on the time either. */

/** How many milliseconds each part's clock is ahead of the truth, from its next start on. */
export type ClockSkews = { room: number; worker: number };

export const noSkews = (): ClockSkews => ({ room: 0, worker: 0 });

export function isSkewable(name: string | undefined): name is keyof ClockSkews {
  return name === 'room' || name === 'worker';
}

/** A JavaScript module that, imported before anything else, makes every look at the clock `skewMs` wrong. */
export function skewedClock(skewMs: number): string {
  return `const TrueDate = Date;
globalThis.Date = class Date extends TrueDate {
  constructor(...args) {
    if (args.length === 0) super(TrueDate.now() + ${skewMs});
    else super(...args);
  }
  static now() {
    return TrueDate.now() + ${skewMs};
  }
};
`;
}
