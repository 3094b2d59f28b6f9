/** Hash commands. */
import { type CommandTable, pairs, wrongArity } from './command.ts';
import type { Keyspace } from './keyspace.ts';
import { addIntegers, parseInteger } from './numbers.ts';
import { scan } from './scan.ts';
import { OK } from './value.ts';

/** How many of the fields are new. */
function set(keyspace: Keyspace, name: string, [key = '', ...list]: string[]): number {
  if (list.length % 2 !== 0) throw wrongArity(name);
  const hash = keyspace.hash(key);
  const fields = pairs(list);
  const added = new Set(fields.filter(([field]) => !hash?.has(field)).map(([field]) => field)).size;
  keyspace.hashSet(key, fields);
  return added;
}

export const hashCommands: CommandTable = {
  hset: { arity: -4, run: (keyspace, args) => set(keyspace, 'hset', args) },
  hmset: {
    arity: -4,
    run(keyspace, args) {
      set(keyspace, 'hmset', args);
      return OK;
    },
  },
  hsetnx: {
    arity: 4,
    run(keyspace, [key = '', field = '', value = '']) {
      if (keyspace.hash(key)?.has(field)) return 0;
      keyspace.hashSet(key, [[field, value]]);
      return 1;
    },
  },
  hget: { arity: 3, run: (keyspace, [key = '', field = '']) => keyspace.hash(key)?.get(field) ?? null },
  hmget: {
    arity: -3,
    run(keyspace, [key = '', ...fields]) {
      const hash = keyspace.hash(key);
      return fields.map((field) => hash?.get(field) ?? null);
    },
  },
  hgetall: { arity: 2, run: (keyspace, [key = '']) => [...(keyspace.hash(key) ?? [])].flat() },
  hkeys: { arity: 2, run: (keyspace, [key = '']) => [...(keyspace.hash(key)?.keys() ?? [])] },
  hvals: { arity: 2, run: (keyspace, [key = '']) => [...(keyspace.hash(key)?.values() ?? [])] },
  hlen: { arity: 2, run: (keyspace, [key = '']) => keyspace.hash(key)?.size ?? 0 },
  hstrlen: {
    arity: 3,
    run: (keyspace, [key = '', field = '']) => keyspace.hash(key)?.get(field)?.length ?? 0,
  },
  hexists: { arity: 3, run: (keyspace, [key = '', field = '']) => (keyspace.hash(key)?.has(field) ? 1 : 0) },
  hdel: {
    arity: -3,
    run(keyspace, [key = '', ...fields]) {
      const hash = keyspace.hash(key);
      const present = [...new Set(fields)].filter((field) => hash?.has(field));
      if (present.length > 0) keyspace.hashDelete(key, present);
      return present.length;
    },
  },
  hincrby: {
    arity: 4,
    run(keyspace, [key = '', field = '', by]) {
      parseInteger(by);
      const current = keyspace.hash(key)?.get(field) ?? '0';
      const sum = addIntegers(current, by, 'ERR hash value is not an integer');
      keyspace.hashSet(key, [[field, sum]]);
      return Number(sum);
    },
  },
  hscan: {
    arity: -3,
    run(keyspace, [key = '', ...args]) {
      const hash = keyspace.hash(key) ?? new Map<string, string>();
      return scan(
        { names: () => hash.keys(), size: hash.size, expand: (field) => [field, hash.get(field) ?? ''] },
        args,
      );
    },
  },
};
