/** String commands. */
import { RedisError } from '../engine.ts';
import { type Command, type CommandTable, pairs, SYNTAX_ERROR, wrongArity } from './command.ts';
import { type ExpiryUnit, invalidExpiry, isExpiryUnit, toExpiryMs } from './expiry.ts';
import type { Keyspace } from './keyspace.ts';
import { addIntegers, parseInteger } from './numbers.ts';
import { OK, type Value } from './value.ts';

function positiveExpiry(
  keyspace: Keyspace,
  unit: ExpiryUnit,
  amount: string | undefined,
  command: string,
): number {
  const atMs = toExpiryMs(unit, amount, keyspace.nowMs, command);
  if (parseInteger(amount) <= 0) throw invalidExpiry(command);
  return atMs;
}

function set(keyspace: Keyspace, [key = '', value = '', ...options]: string[]): Value {
  let condition: 'NX' | 'XX' | null = null;
  let expiry: { unit: ExpiryUnit; amount: string } | null = null;
  let keepsExpiry = false;
  let returnsOld = false;
  for (let at = 0; at < options.length; at += 1) {
    const option = options[at]?.toUpperCase() ?? '';
    const amount = options[at + 1];
    if ((option === 'NX' || option === 'XX') && (condition === null || condition === option))
      condition = option;
    else if (option === 'GET') returnsOld = true;
    else if (option === 'KEEPTTL' && expiry === null) keepsExpiry = true;
    else if (isExpiryUnit(option) && expiry === null && !keepsExpiry && amount !== undefined) {
      expiry = { unit: option, amount };
      at += 1;
    } else throw new RedisError(SYNTAX_ERROR);
  }
  const newExpiryMs = expiry ? positiveExpiry(keyspace, expiry.unit, expiry.amount, 'set') : null;
  const old = returnsOld ? keyspace.string(key) : null;
  if (condition !== null && keyspace.has(key) !== (condition === 'XX')) return old;
  const expiresAtMs = keepsExpiry ? keyspace.expiresAtMs(key) : newExpiryMs;
  keyspace.set(key, value);
  if (expiresAtMs !== null) keyspace.expire(key, expiresAtMs);
  return returnsOld ? old : OK;
}

/** A new value under the expiry the key has. */
function replace(keyspace: Keyspace, key: string, value: string): void {
  const expiresAtMs = keyspace.expiresAtMs(key);
  keyspace.set(key, value);
  if (expiresAtMs !== null) keyspace.expire(key, expiresAtMs);
}

function add(keyspace: Keyspace, key: string, increment: string): Value {
  parseInteger(increment);
  const sum = addIntegers(keyspace.string(key) ?? '0', increment);
  replace(keyspace, key, sum);
  return Number(sum);
}

const setWithExpiry = (name: string, unit: ExpiryUnit): Command => ({
  arity: 4,
  run(keyspace, [key = '', amount, value = '']) {
    const atMs = positiveExpiry(keyspace, unit, amount, name);
    keyspace.set(key, value);
    keyspace.expire(key, atMs);
    return OK;
  },
});

export const stringCommands: CommandTable = {
  get: { arity: 2, run: (keyspace, [key = '']) => keyspace.string(key) },
  set: { arity: -3, run: set },
  setex: setWithExpiry('setex', 'EX'),
  psetex: setWithExpiry('psetex', 'PX'),
  setnx: {
    arity: 3,
    run: (keyspace, [key = '', value = '']) => (set(keyspace, [key, value, 'NX']) === OK ? 1 : 0),
  },
  getset: { arity: 3, run: (keyspace, [key = '', value = '']) => set(keyspace, [key, value, 'GET']) },
  getdel: {
    arity: 2,
    run(keyspace, [key = '']) {
      const value = keyspace.string(key);
      keyspace.delete(key);
      return value;
    },
  },
  mget: {
    arity: -2,
    run: (keyspace, keys) =>
      keys.map((key) => (keyspace.type(key) === 'string' ? keyspace.string(key) : null)),
  },
  mset: {
    arity: -3,
    run(keyspace, args) {
      if (args.length % 2 !== 0) throw wrongArity('mset');
      for (const [key, value] of pairs(args)) keyspace.set(key, value);
      return OK;
    },
  },
  append: {
    arity: 3,
    run(keyspace, [key = '', value = '']) {
      const joined = (keyspace.string(key) ?? '') + value;
      replace(keyspace, key, joined);
      return joined.length;
    },
  },
  strlen: { arity: 2, run: (keyspace, [key = '']) => keyspace.string(key)?.length ?? 0 },
  incr: { arity: 2, run: (keyspace, [key = '']) => add(keyspace, key, '1') },
  decr: { arity: 2, run: (keyspace, [key = '']) => add(keyspace, key, '-1') },
  incrby: { arity: 3, run: (keyspace, [key = '', by = '']) => add(keyspace, key, by) },
  decrby: { arity: 3, run: (keyspace, [key = '', by = '']) => add(keyspace, key, String(-parseInteger(by))) },
};
