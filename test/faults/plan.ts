/** Which rounds a run has. */
import type { Fault } from './fault.ts';
import { canPair, FAULTS } from './kinds/index.ts';
import type { Options } from './options.ts';
import { Random } from './random.ts';

export interface PlannedRound {
  faults: Fault[];
  seed: number;
}

/** Of the short set where none is given, so that it is the same each time. */
const SHORT_SEED = 1;
export const SHORT_SESSIONS = 25;
/** Pairs after every fault on its own. */
const PAIRS = 10;

/** The rounds, in their order; endless when the run is bounded by its time. */
export function* plan(options: Options, nowMs: number): Generator<PlannedRound> {
  if (options.short) {
    for (const faults of twoByTwo(FAULTS)) yield { faults, seed: options.seed ?? SHORT_SEED };
    return;
  }
  const { seed = nowMs % 1_000_000, seeds = 1 } = options;
  if (options.fault !== undefined) {
    const chosen = options.fault.split(',').map((names) => names.split('+').map(faultNamed));
    for (const faults of chosen) for (let i = 0; i < seeds; i++) yield { faults, seed: seed + i };
    return;
  }
  yield* each(FAULTS, seed, seeds);
  yield* pairs(seed, options.minutes === undefined ? PAIRS : Number.POSITIVE_INFINITY);
}

function* each(faults: readonly Fault[], seed: number, seeds: number): Generator<PlannedRound> {
  for (const fault of faults) for (let i = 0; i < seeds; i++) yield { faults: [fault], seed: seed + i };
}

/** Every fault once, two in a round where they can be: half the rounds. */
function twoByTwo(faults: readonly Fault[]): Fault[][] {
  const left = [...faults];
  const rounds: Fault[][] = [];
  for (let first = left.shift(); first !== undefined; first = left.shift()) {
    const fault = first;
    // From the far end of the list, where the faults are least alike.
    const index = left.findLastIndex((candidate) => canPair(fault, candidate));
    rounds.push(index === -1 ? [fault] : [fault, ...left.splice(index, 1)]);
  }
  return rounds;
}

function* pairs(seed: number, count: number): Generator<PlannedRound> {
  const random = new Random(seed);
  for (let i = 0; i < count; i++) {
    const first = random.pick(FAULTS);
    const second = random.pick(FAULTS.filter((fault) => canPair(first, fault)));
    yield { faults: [first, second], seed: seed + i };
  }
}

function faultNamed(name: string): Fault {
  const fault = FAULTS.find((candidate) => candidate.name === name);
  if (!fault) throw new TypeError(`there is no fault ${name}; --list names them`);
  return fault;
}
