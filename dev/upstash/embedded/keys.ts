/** Commands about keys of any type. */
import { RedisError } from '../engine.ts';
import type { Command, CommandTable } from './command.ts';
import { type ExpiryUnit, toExpiryMs } from './expiry.ts';
import { compileGlob } from './glob.ts';
import type { Keyspace } from './keyspace.ts';
import { scan } from './scan.ts';
import { OK, Status, type Value } from './value.ts';

const CONDITIONS = ['NX', 'XX', 'GT', 'LT'];

function assertCompatible(options: string[]): void {
  const unsupported = options.find((option) => !CONDITIONS.includes(option));
  if (unsupported !== undefined) throw new RedisError(`ERR Unsupported option ${unsupported}`);
  if (options.includes('NX') && options.some((option) => option !== 'NX')) {
    throw new RedisError('ERR NX and XX, GT or LT options at the same time are not compatible');
  }
  if (options.includes('GT') && options.includes('LT')) {
    throw new RedisError('ERR GT and LT options at the same time are not compatible');
  }
}

const expire = (name: string, unit: ExpiryUnit): Command => ({
  arity: -3,
  run(keyspace, [key = '', amount, ...rest]) {
    const options = rest.map((option) => option.toUpperCase());
    assertCompatible(options);
    const atMs = toExpiryMs(unit, amount, keyspace.nowMs, name);
    if (!keyspace.has(key)) return 0;
    // A key that never expires counts as later than any time.
    const currentMs = keyspace.expiresAtMs(key);
    const isRefused = options.some((option) => {
      if (option === 'NX') return currentMs !== null;
      if (option === 'XX') return currentMs === null;
      if (option === 'GT') return atMs <= (currentMs ?? Infinity);
      return atMs >= (currentMs ?? Infinity);
    });
    if (isRefused) return 0;
    keyspace.expire(key, atMs);
    return 1;
  },
});

/** -2 without the key, -1 without an expiry. */
const remaining = (perUnit: number, isAbsolute: boolean): Command => ({
  arity: 2,
  run(keyspace, [key = '']) {
    if (!keyspace.has(key)) return -2;
    const atMs = keyspace.expiresAtMs(key);
    if (atMs === null) return -1;
    return Math.round((isAbsolute ? atMs : atMs - keyspace.nowMs) / perUnit);
  },
});

const remove: Command = {
  arity: -2,
  run: (keyspace, keys) => keys.filter((key) => keyspace.delete(key)).length,
};

function matchingKeys(keyspace: Keyspace, pattern: string): Value {
  const matches = compileGlob(pattern);
  return [...keyspace.keys()].filter(matches);
}

export const keyCommands: CommandTable = {
  del: remove,
  unlink: remove,
  exists: { arity: -2, run: (keyspace, keys) => keys.filter((key) => keyspace.has(key)).length },
  type: { arity: 2, run: (keyspace, [key = '']) => new Status(keyspace.type(key)) },
  expire: expire('expire', 'EX'),
  pexpire: expire('pexpire', 'PX'),
  expireat: expire('expireat', 'EXAT'),
  pexpireat: expire('pexpireat', 'PXAT'),
  ttl: remaining(1000, false),
  pttl: remaining(1, false),
  expiretime: remaining(1000, true),
  pexpiretime: remaining(1, true),
  rename: {
    arity: 3,
    run(keyspace, [from = '', to = '']) {
      if (!keyspace.rename(from, to)) throw new RedisError('ERR no such key');
      return OK;
    },
  },
  persist: {
    arity: 2,
    run(keyspace, [key = '']) {
      if (keyspace.expiresAtMs(key) === null) return 0;
      keyspace.expire(key, null);
      return 1;
    },
  },
  keys: { arity: 2, run: (keyspace, [pattern = '']) => matchingKeys(keyspace, pattern) },
  scan: {
    arity: -2,
    run: (keyspace, args) =>
      scan(
        {
          names: () => keyspace.keys(),
          size: keyspace.size,
          expand: (key) => [key],
          typeOf: (key) => keyspace.type(key),
        },
        args,
      ),
  },
};
