/**
 * Evaluates a pattern's code. Nothing that plays is touched: the result is a pattern and a tempo, and
 * the caller decides what to do with them.
 */
import { isPattern, Pattern, register, setCpsFunc, setTime, silence, stack } from '@strudel/core';
import { CHECK_NAME } from './checks.ts';
import { messageOf, PatternFailure } from './failure.ts';
import { MAX_HAPS } from './query-limits.ts';
import { loadSampleMap } from './sample-map.ts';
import type { TimeLimit } from './time-limit.ts';
import { type Transpiled, transpile } from './transpile.ts';
import { defineWords } from './vocabulary.ts';

/** Strudel's tempo, for code that doesn't set one. */
export const DEFAULT_CYCLES_PER_SECOND = 0.5;
/** Code may wait for sample maps; longer than this it isn't waited for. */
const MAX_WAIT_MS = 20_000;
/** Reading code is bounded by its length. The first time, the engine compiles the transpiler, too. */
const MAX_TRANSPILE_MS = 5_000;
/** Names the code in stack traces. */
const SOURCE_NAME = 'backbeat-pattern.js';
/** Lines before the code in the text of the function that is made of it. */
const LINES_BEFORE = 3;

export interface Evaluated {
  pattern: Pattern;
  cyclesPerSecond: number;
}

const AsyncFunction = (async () => {}).constructor as new (
  parameter: string,
  body: string,
) => (check: TimeLimit['check']) => Promise<unknown>;

/** What one evaluation collects while its code runs. */
class Collected {
  readonly named = new Map<string, Pattern>();
  each: ((pattern: Pattern) => Pattern) | undefined;
  readonly all: ((pattern: Pattern) => Pattern)[] = [];
  cyclesPerSecond = DEFAULT_CYCLES_PER_SECOND;

  add(name: string, pattern: Pattern): void {
    // `$` names nothing: there may be several.
    this.named.set(name.includes('$') ? `${name}${this.named.size}` : name, pattern);
  }

  setTempo(cyclesPerSecond: unknown): Pattern {
    const value = isPattern(cyclesPerSecond) ? Reflect.get(cyclesPerSecond, '__pure') : cyclesPerSecond;
    const tempo = Number(value);
    if (!(tempo > 0) || !Number.isFinite(tempo)) throw new Error('The tempo must be a number above 0.');
    this.cyclesPerSecond = tempo;
    return silence;
  }

  hush(): Pattern {
    this.named.clear();
    this.all.length = 0;
    this.each = undefined;
    return silence;
  }

  /** All patterns in one, or `last`, the value of the code, when none has a name. */
  combine(last: unknown): Pattern {
    const { each = (pattern: Pattern) => pattern } = this;
    const named = [...this.named];
    // `S$: …` plays alone.
    const solo = named.filter(([name]) => name.length > 1 && name.startsWith('S'));
    const chosen = (solo.length > 0 ? solo : named).map(([id, pattern]) =>
      each(pattern.withState((state) => state.setControls({ id }))),
    );
    const single = isPattern(last) ? each(last) : silence;
    const combined = named.length > 0 ? stack(...chosen) : single;
    return this.all.reduce((pattern, transform) => transform(pattern), combined);
  }
}

export class Evaluator {
  readonly #limit: TimeLimit;

  /** @param now the cycle that plays, for patterns that ask */
  constructor(limit: TimeLimit, now: () => number) {
    this.#limit = limit;
    setTime(now);
  }

  /**
   * @param probe queries the first cycle that would play: a pattern that can't be computed fails now
   * @throws {PatternFailure} with its place, as far as that is known
   */
  async evaluate(code: string, probe: (evaluated: Evaluated) => number): Promise<Evaluated> {
    this.#limit.begin(MAX_TRANSPILE_MS);
    const transpiled = transpile(code);
    const collected = new Collected();
    this.#defineWords(collected);
    this.#limit.begin();
    try {
      const last = await withinTime(this.#run(transpiled));
      const evaluated = {
        pattern: collected.combine(last),
        cyclesPerSecond: collected.cyclesPerSecond,
      };
      this.#limit.begin();
      if (probe(evaluated) > MAX_HAPS) {
        throw new PatternFailure('too_long', 'The pattern makes too many events a cycle.', null);
      }
      return evaluated;
    } catch (error) {
      throw withPlace(error, transpiled);
    }
  }

  #run({ output }: Transpiled): Promise<unknown> {
    const body = `'use strict';\n${output}\n//# sourceURL=${SOURCE_NAME}`;
    return new AsyncFunction(CHECK_NAME, body)(this.#limit.check);
  }

  #defineWords(collected: Collected): void {
    setCpsFunc(() => collected.cyclesPerSecond);
    const setCps = (tempo: unknown) => collected.setTempo(tempo);
    const setCpm = (perMinute: unknown) => {
      collected.setTempo(perMinute);
      return collected.setTempo(collected.cyclesPerSecond / 60);
    };
    const methods: Record<string, unknown> = {
      p(this: Pattern, id: unknown) {
        const name = String(id);
        // `_name` and `name_` are muted.
        if (name.startsWith('_') || name.endsWith('_')) return silence;
        collected.add(name, this);
        return this;
      },
      q: () => silence,
    };
    Object.assign(Pattern.prototype, methods);
    for (let index = 1; index < 10; index++) {
      for (const letter of ['d', 'p']) {
        Object.defineProperty(Pattern.prototype, `${letter}${index}`, {
          configurable: true,
          get(this: Pattern) {
            collected.add(String(index), this);
            return this;
          },
        });
      }
      Object.assign(Pattern.prototype, { [`q${index}`]: silence });
    }
    defineWords({
      all(transform: (pattern: Pattern) => Pattern) {
        collected.all.push(transform);
        return silence;
      },
      each(transform: (pattern: Pattern) => Pattern) {
        collected.each = transform;
        return silence;
      },
      hush: () => collected.hush(),
      samples: loadSampleMap,
      setcps: setCps,
      setCps,
      setcpm: setCpm,
      setCpm,
      cpm: register('cpm', (perMinute: number, pattern) =>
        pattern._fast(perMinute / 60 / collected.cyclesPerSecond),
      ),
    });
  }
}

/** @throws {PatternFailure} when it isn't done in time */
async function withinTime<T>(task: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const failure = new PatternFailure('too_long', 'The code waits for something that doesn’t come.', null);
    timer = setTimeout(() => reject(failure), MAX_WAIT_MS);
  });
  try {
    return await Promise.race([task, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What was thrown while code ran, with its place: its own, or that of the innermost line of the code. */
function withPlace(error: unknown, { places, labels, names }: Transpiled): PatternFailure {
  const [, line, column] =
    new RegExp(`${SOURCE_NAME}:(\\d+):(\\d+)`).exec((error instanceof Error && error.stack) || '') ?? [];
  const offset = line === undefined ? null : places.offsetOf(Number(line) - LINES_BEFORE, Number(column));
  if (error instanceof PatternFailure) {
    const only = labels.length === 1 ? (labels[0] ?? 0) : null;
    const fallback = error.kind === 'sound' ? (names.get('samples') ?? only) : only;
    return error.offset !== null ? error : new PatternFailure(error.kind, error.message, offset ?? fallback);
  }
  const message = messageOf(error);
  const isEndless = error instanceof RangeError && /call stack|too much recursion/i.test(message);
  // The engines agree on this place least: they give that of the whole statement, or none.
  const [, name = ''] = /^(?:Can't find variable: )?(\S+?)(?: is not defined)?$/.exec(message) ?? [];
  return isEndless
    ? new PatternFailure('too_long', 'A function calls itself without end.', offset)
    : new PatternFailure('runtime', message, names.get(name) ?? offset);
}
