/**
 * Bounds what a pattern's query may take: its time, and how much it may make. `fast(1e9)` would else make a
 * billion events. Every query of every pattern goes through here, so nested ones are bounded too.
 */
import { Pattern, type Query, TimeSpan } from '@strudel/core';
import { PatternFailure } from './failure.ts';
import type { TimeLimit } from './time-limit.ts';

/** Events that one query may give. A cycle of a dense pattern has some hundreds. */
export const MAX_HAPS = 10_000;
/** Cycles that one query may span, within a pattern: `fast(1000)` for ten cycles. */
const MAX_CYCLES = 10_000;

const tooMuch = () => new PatternFailure('too_long', 'The pattern makes too many events at once.', null);

/** Elements that may be made at once. A single call of the engine can't be interrupted. */
const MAX_ELEMENTS = 100_000;

/**
 * Bounds the engine's own functions by which Strudel makes lists as long as a pattern says
 * ("bd(3,100000000)"): no time check comes in between.
 */
export function limitLists(): void {
  const { from } = Array;
  const { fill } = Array.prototype;
  Array.from = function (this: ArrayConstructor, source: ArrayLike<unknown>, ...rest: never[]) {
    if (source?.length > MAX_ELEMENTS) throw tooMuch();
    return Reflect.apply(from, this, [source, ...rest]);
  } as typeof Array.from;
  Array.prototype.fill = function (this: unknown[], ...args: [unknown, number?, number?]) {
    if (this.length > MAX_ELEMENTS) throw tooMuch();
    return Reflect.apply(fill, this, args);
  } as typeof fill;
}

/** Holds for all patterns from now on. */
export function limitQueries(limit: TimeLimit): void {
  const limited = new WeakSet<Query>();
  const queries = new WeakMap<Pattern, Query>();
  Object.defineProperty(Pattern.prototype, 'query', {
    configurable: true,
    get(this: Pattern) {
      return queries.get(this);
    },
    // The constructor sets it.
    set(this: Pattern, query: Query) {
      const checked: Query = limited.has(query)
        ? query
        : (state) => {
            limit.check();
            const haps = query(state);
            if (haps.length > MAX_HAPS) throw tooMuch();
            return haps;
          };
      limited.add(checked);
      queries.set(this, checked);
    },
  });

  const { get: spanCycles } = Object.getOwnPropertyDescriptor(TimeSpan.prototype, 'spanCycles') ?? {};
  if (!spanCycles) throw new Error('this version of Strudel has no TimeSpan.spanCycles');
  Object.defineProperty(TimeSpan.prototype, 'spanCycles', {
    configurable: true,
    get(this: TimeSpan): TimeSpan[] {
      if (this.end.valueOf() - this.begin.valueOf() > MAX_CYCLES) throw tooMuch();
      return spanCycles.call(this) as TimeSpan[];
    },
  });
}
