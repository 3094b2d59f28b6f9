/** Sorted set commands. */
import { RedisError } from '../engine.ts';
import { type Command, type CommandTable, pairs, SYNTAX_ERROR } from './command.ts';
import type { Keyspace } from './keyspace.ts';
import { formatFloat, parseFloatStrict, parseInteger } from './numbers.ts';
import { scan } from './scan.ts';
import { type ScoredMember, SortedSet } from './sorted-set.ts';
import type { Value } from './value.ts';

const EMPTY = new SortedSet();
const NO_NUMBER = 'ERR resulting score is not a number (NaN)';

function assertCombination(options: ReadonlySet<string>): void {
  if (options.has('NX') && options.has('XX')) {
    throw new RedisError('ERR XX and NX options at the same time are not compatible');
  }
  if ([options.has('GT'), options.has('LT'), options.has('NX')].filter(Boolean).length > 1) {
    throw new RedisError('ERR GT, LT, and/or NX options at the same time are not compatible');
  }
}

function add(keyspace: Keyspace, [key = '', ...rest]: string[]): Value {
  const options = new Set<string>();
  let at = 0;
  for (; /^(?:nx|xx|gt|lt|ch|incr)$/i.test(rest[at] ?? ''); at += 1)
    options.add(rest[at]?.toUpperCase() ?? '');
  const list = rest.slice(at);
  if (list.length === 0 || list.length % 2 !== 0) throw new RedisError(SYNTAX_ERROR);
  assertCombination(options);
  if (options.has('INCR') && list.length > 2) {
    throw new RedisError('ERR INCR option supports a single increment-element pair');
  }
  const given = pairs(list).map(([score, member]) => ({ member, score: parseFloatStrict(score) }));

  const set = keyspace.sortedSet(key) ?? EMPTY;
  // The new scores by member: a member that is named twice meets its own earlier score.
  const changes = new Map<string, number>();
  let added = 0;
  let changed = 0;
  let result: number | null = null;
  for (const { member, score: givenScore } of given) {
    const current = changes.get(member) ?? set.score(member);
    const score = options.has('INCR') ? (current ?? 0) + givenScore : givenScore;
    if (Number.isNaN(score)) throw new RedisError(NO_NUMBER);
    if (current === undefined ? options.has('XX') : options.has('NX')) continue;
    if (
      current !== undefined &&
      ((options.has('GT') && score <= current) || (options.has('LT') && score >= current))
    )
      continue;
    if (current === undefined) added += 1;
    else if (score !== current) changed += 1;
    changes.set(member, score);
    result = score;
  }
  const members = [...changes].map(([member, score]) => ({ member, score }));
  if (members.length > 0) keyspace.sortedAdd(key, members);
  if (options.has('INCR')) return result === null ? null : formatFloat(result);
  return options.has('CH') ? added + changed : added;
}

/** A bound of a range by score: a number, `(` before it to leave it out. */
function parseBound(text: string): { score: number; isExclusive: boolean } {
  const isExclusive = text.startsWith('(');
  return {
    score: parseFloatStrict(isExclusive ? text.slice(1) : text, 'ERR min or max is not a float'),
    isExclusive,
  };
}

/** Lowest first. A malformed bound is an error before the key is looked at, as in Redis. */
function byScore(keyspace: Keyspace, key: string, minText: string, maxText: string): ScoredMember[] {
  const [min, max] = [parseBound(minText), parseBound(maxText)];
  const set = keyspace.sortedSet(key) ?? EMPTY;
  const from = set.firstNot((score) => (min.isExclusive ? score <= min.score : score < min.score));
  const to = set.firstNot((score) => (max.isExclusive ? score < max.score : score <= max.score));
  return set.entries().slice(from, to);
}

/** Both ends count, negative ones from the end. */
function byRank(
  keyspace: Keyspace,
  key: string,
  startText: string,
  stopText: string,
  isReversed: boolean,
): ScoredMember[] {
  const start = parseInteger(startText);
  const stop = parseInteger(stopText);
  const set = keyspace.sortedSet(key) ?? EMPTY;
  const from = Math.max(0, start < 0 ? set.size + start : start);
  const to = Math.min(set.size, (stop < 0 ? set.size + stop : stop) + 1);
  const ordered = isReversed ? [...set.entries()].reverse() : set.entries();
  return from < to ? ordered.slice(from, to) : [];
}

interface RangeForm {
  byScore: boolean;
  isReversed: boolean;
  /** ZRANGE itself can be told the form by options. */
  takesForm: boolean;
}

function range(
  keyspace: Keyspace,
  [key = '', first = '', second = '', ...rest]: string[],
  form: RangeForm,
): Value {
  let { byScore: scored, isReversed } = form;
  let withScores = false;
  let limit: { offset: number; count: number } | null = null;
  for (let at = 0; at < rest.length; at += 1) {
    const option = rest[at]?.toUpperCase();
    if (option === 'WITHSCORES') withScores = true;
    else if (option === 'LIMIT' && at + 2 < rest.length) {
      limit = { offset: parseInteger(rest[at + 1]), count: parseInteger(rest[at + 2]) };
      at += 2;
    } else if (option === 'BYSCORE' && form.takesForm) scored = true;
    else if (option === 'REV' && form.takesForm) isReversed = true;
    else throw new RedisError(SYNTAX_ERROR);
  }
  if (limit !== null && !scored) {
    throw new RedisError(
      'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
    );
  }
  const [min, max] = isReversed ? [second, first] : [first, second];
  let found = scored ? byScore(keyspace, key, min, max) : byRank(keyspace, key, first, second, isReversed);
  if (scored && isReversed) found.reverse();
  if (limit !== null) {
    const { offset, count } = limit;
    found = offset < 0 ? [] : found.slice(offset, count < 0 ? undefined : offset + count);
  }
  return found.flatMap(({ member, score }) => (withScores ? [member, formatFloat(score)] : [member]));
}

const rangeCommand = (arity: number, form: RangeForm): Command => ({
  arity,
  run: (keyspace, args) => range(keyspace, args, form),
});

function remove(keyspace: Keyspace, key: string, members: string[]): number {
  if (members.length > 0) keyspace.sortedRemove(key, members);
  return members.length;
}

const pop = (isReversed: boolean): Command => ({
  arity: -2,
  run(keyspace, [key = '', countText, ...rest]) {
    if (rest.length > 0) throw new RedisError(SYNTAX_ERROR);
    const count =
      countText === undefined ? 1 : parseInteger(countText, 'ERR value is out of range, must be positive');
    if (count < 0) throw new RedisError('ERR value is out of range, must be positive');
    const popped = count === 0 ? [] : byRank(keyspace, key, '0', String(count - 1), isReversed);
    remove(
      keyspace,
      key,
      popped.map(({ member }) => member),
    );
    return popped.flatMap(({ member, score }) => [member, formatFloat(score)]);
  },
});

const scoreOf = (set: SortedSet | null, member: string): string | null => {
  const score = set?.score(member);
  return score === undefined ? null : formatFloat(score);
};

export const sortedSetCommands: CommandTable = {
  zadd: { arity: -4, run: add },
  zincrby: {
    arity: 4,
    run: (keyspace, [key = '', by = '', member = '']) => add(keyspace, [key, 'INCR', by, member]),
  },
  zrem: {
    arity: -3,
    run(keyspace, [key = '', ...members]) {
      const set = keyspace.sortedSet(key);
      return remove(
        keyspace,
        key,
        [...new Set(members)].filter((member) => set?.score(member) !== undefined),
      );
    },
  },
  zcard: { arity: 2, run: (keyspace, [key = '']) => keyspace.sortedSet(key)?.size ?? 0 },
  zscore: { arity: 3, run: (keyspace, [key = '', member = '']) => scoreOf(keyspace.sortedSet(key), member) },
  zmscore: {
    arity: -3,
    run(keyspace, [key = '', ...members]) {
      const set = keyspace.sortedSet(key);
      return members.map((member) => scoreOf(set, member));
    },
  },
  zrank: {
    arity: 3,
    run: (keyspace, [key = '', member = '']) => keyspace.sortedSet(key)?.rank(member) ?? null,
  },
  zrevrank: {
    arity: 3,
    run(keyspace, [key = '', member = '']) {
      const set = keyspace.sortedSet(key);
      const rank = set?.rank(member) ?? null;
      return set === null || rank === null ? null : set.size - 1 - rank;
    },
  },
  zcount: {
    arity: 4,
    run: (keyspace, [key = '', min = '', max = '']) => byScore(keyspace, key, min, max).length,
  },
  zrange: rangeCommand(-4, { byScore: false, isReversed: false, takesForm: true }),
  zrevrange: rangeCommand(-4, { byScore: false, isReversed: true, takesForm: false }),
  zrangebyscore: rangeCommand(-4, { byScore: true, isReversed: false, takesForm: false }),
  zrevrangebyscore: rangeCommand(-4, { byScore: true, isReversed: true, takesForm: false }),
  zremrangebyscore: {
    arity: 4,
    run(keyspace, [key = '', min = '', max = '']) {
      const found = byScore(keyspace, key, min, max);
      return remove(
        keyspace,
        key,
        found.map(({ member }) => member),
      );
    },
  },
  zremrangebyrank: {
    arity: 4,
    run(keyspace, [key = '', start = '', stop = '']) {
      const found = byRank(keyspace, key, start, stop, false);
      return remove(
        keyspace,
        key,
        found.map(({ member }) => member),
      );
    },
  },
  zpopmin: pop(false),
  zpopmax: pop(true),
  zscan: {
    arity: -3,
    run(keyspace, [key = '', ...args]) {
      const set = keyspace.sortedSet(key) ?? EMPTY;
      return scan(
        {
          names: () => set.members(),
          size: set.size,
          expand: (member) => [member, scoreOf(set, member) ?? ''],
        },
        args,
      );
    },
  },
};
