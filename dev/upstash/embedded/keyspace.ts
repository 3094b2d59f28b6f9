/**
 * The data: keys, their values and expiry. Each change is applied and recorded as an effect, from which a
 * journal can rebuild it.
 */
import { z } from 'zod';
import { RedisError } from '../engine.ts';
import { formatFloat, parseFloatStrict } from './numbers.ts';
import { SortedSet } from './sorted-set.ts';

type Stored = string | Map<string, string> | SortedSet;

/**
 * What Upstash lets a database hold, as its troubleshooting pages said on 28 November 2026 ("max single
 * record size exceeded", "DB capacity quota exceeded"): reads and deletions go on.
 */
export interface DataLimits {
  /** One key with all that it holds. */
  maxRecordBytes: number;
  /** All keys together. */
  maxDataBytes: number;
}

interface Entry {
  value: Stored;
  /** Of its fields or members and their values; without what an engine needs around them. */
  bytes: number;
  /** Milliseconds since the epoch. */
  expiresAtMs: number | null;
}

const pair = z.tuple([z.string(), z.string()]);

/**
 * One change, free of time and chance: replaying it always gives the same state. Expiries are absolute;
 * scores are text because JSON has no infinity.
 */
export const effectSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('set'), key: z.string(), value: z.string() }),
  z.object({ op: z.literal('hset'), key: z.string(), fields: z.array(pair) }),
  z.object({ op: z.literal('hdel'), key: z.string(), fields: z.array(z.string()) }),
  z.object({ op: z.literal('zadd'), key: z.string(), members: z.array(pair) }),
  z.object({ op: z.literal('zrem'), key: z.string(), members: z.array(z.string()) }),
  z.object({ op: z.literal('expire'), key: z.string(), atMs: z.number().nullable() }),
  z.object({ op: z.literal('del'), key: z.string() }),
  z.object({ op: z.literal('clear') }),
]);
export type Effect = z.infer<typeof effectSchema>;

const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';

export type KeyType = 'none' | 'string' | 'hash' | 'zset';

/** How many keys with an expiry one round of `removeExpired` looks at. */
const EXPIRY_ROUND = 500;

export class Keyspace {
  readonly #entries = new Map<string, Entry>();
  readonly #limits: Readonly<DataLimits>;
  #bytes = 0;
  readonly #expiring = new Set<string>();
  #effects: Effect[] = [];
  /** The time all of one command or script sees, so that a key can't expire in the middle of it. */
  nowMs = 0;
  expiredKeys = 0;
  /** Refuses changes: a read-only script is running. */
  isReadOnly = false;

  /** @param limits may change while it is in use. */
  constructor(limits: Readonly<DataLimits> = { maxRecordBytes: Infinity, maxDataBytes: Infinity }) {
    this.#limits = limits;
  }

  /** Changes since the last call, in order. */
  takeEffects(): Effect[] {
    const effects = this.#effects;
    if (effects.length > 0) this.#effects = [];
    return effects;
  }

  string(key: string): string | null {
    const value = this.#live(key)?.value ?? null;
    if (value !== null && typeof value !== 'string') throw new RedisError(WRONG_TYPE);
    return value;
  }

  hash(key: string): ReadonlyMap<string, string> | null {
    const value = this.#live(key)?.value ?? null;
    if (value !== null && !(value instanceof Map)) throw new RedisError(WRONG_TYPE);
    return value;
  }

  sortedSet(key: string): SortedSet | null {
    const value = this.#live(key)?.value ?? null;
    if (value !== null && !(value instanceof SortedSet)) throw new RedisError(WRONG_TYPE);
    return value;
  }

  has(key: string): boolean {
    return this.#live(key) !== undefined;
  }

  type(key: string): KeyType {
    const value = this.#live(key)?.value;
    if (value === undefined) return 'none';
    if (typeof value === 'string') return 'string';
    return value instanceof Map ? 'hash' : 'zset';
  }

  /** Milliseconds since the epoch, or null when the key doesn't expire or isn't there. */
  expiresAtMs(key: string): number | null {
    return this.#live(key)?.expiresAtMs ?? null;
  }

  /** Keys that haven't expired. */
  *keys(): Iterable<string> {
    for (const [key, entry] of this.#entries) if (!this.#isExpired(entry)) yield key;
  }

  get size(): number {
    return this.#entries.size;
  }

  get expiringSize(): number {
    return this.#expiring.size;
  }

  /** Replaces whatever is there, its expiry too. */
  set(key: string, value: string): void {
    this.#change({ op: 'set', key, value });
  }

  hashSet(key: string, fields: [string, string][]): void {
    this.hash(key);
    this.#change({ op: 'hset', key, fields });
  }

  hashDelete(key: string, fields: string[]): void {
    this.#change({ op: 'hdel', key, fields });
  }

  sortedAdd(key: string, members: { member: string; score: number }[]): void {
    this.sortedSet(key);
    this.#change({
      op: 'zadd',
      key,
      members: members.map(({ member, score }) => [member, formatFloat(score)]),
    });
  }

  sortedRemove(key: string, members: string[]): void {
    this.#change({ op: 'zrem', key, members });
  }

  /** @param atMs milliseconds since the epoch, null for never. A time that has passed deletes the key. */
  expire(key: string, atMs: number | null): void {
    if (atMs !== null && atMs <= this.nowMs) this.delete(key);
    else this.#change({ op: 'expire', key, atMs });
  }

  delete(key: string): boolean {
    if (!this.has(key)) return false;
    this.#change({ op: 'del', key });
    return true;
  }

  /** @returns false when there is no such key. */
  rename(from: string, to: string): boolean {
    const entry = this.#live(from);
    if (entry === undefined) return false;
    if (from === to) return true;
    this.delete(to);
    for (const effect of effectsOf(to, entry)) this.#change(effect);
    this.delete(from);
    return true;
  }

  clear(): void {
    this.#change({ op: 'clear' });
  }

  /** Forgets some of the keys whose time has come without a command that touches them. */
  removeExpired(): void {
    let left = EXPIRY_ROUND;
    for (const key of this.#expiring) {
      if (left-- === 0) break;
      // Those that stay go to the end, so that each round meets others.
      if (this.#live(key) !== undefined && this.#expiring.delete(key)) this.#expiring.add(key);
    }
  }

  /** The whole state as effects, one key after the other. */
  *snapshot(): Iterable<Effect[]> {
    for (const [key, entry] of this.#entries) yield effectsOf(key, entry);
  }

  /** Applies an effect without recording it. */
  apply(effect: Effect): void {
    switch (effect.op) {
      case 'set':
        this.#put(effect.key, effect.value);
        return;
      case 'hset': {
        const hash = this.#valueFor(effect.key, Map<string, string>);
        let grown = 0;
        for (const [field, value] of effect.fields) {
          grown += value.length - (hash.get(field)?.length ?? -field.length);
          hash.set(field, value);
        }
        this.#grow(effect.key, grown);
        return;
      }
      case 'hdel': {
        const hash = this.#valueFor(effect.key, Map<string, string>);
        for (const field of effect.fields) {
          this.#grow(effect.key, -(field.length + (hash.get(field)?.length ?? -field.length)));
          hash.delete(field);
        }
        if (hash.size === 0) this.#drop(effect.key);
        return;
      }
      case 'zadd': {
        const set = this.#valueFor(effect.key, SortedSet);
        const before = set.size;
        for (const [member, score] of effect.members) set.set(member, parseFloatStrict(score));
        this.#grow(effect.key, (set.size - before) * MEMBER_BYTES);
        return;
      }
      case 'zrem': {
        const set = this.#valueFor(effect.key, SortedSet);
        const before = set.size;
        for (const member of effect.members) set.delete(member);
        this.#grow(effect.key, (set.size - before) * MEMBER_BYTES);
        if (set.size === 0) this.#drop(effect.key);
        return;
      }
      case 'expire': {
        const entry = this.#entries.get(effect.key);
        if (entry === undefined) return;
        entry.expiresAtMs = effect.atMs;
        if (effect.atMs === null) this.#expiring.delete(effect.key);
        else this.#expiring.add(effect.key);
        return;
      }
      case 'del':
        this.#drop(effect.key);
        return;
      case 'clear':
        this.#entries.clear();
        this.#expiring.clear();
        this.#bytes = 0;
    }
  }

  #change(effect: Effect): void {
    if (this.isReadOnly) throw new RedisError('ERR Write commands are not allowed from read-only scripts.');
    const added = bytesOf(effect);
    if (added > 0) {
      if (this.#bytes + added > this.#limits.maxDataBytes)
        throw new RedisError('ERR DB capacity quota exceeded');
      const held = this.#entries.get(effect.op === 'clear' ? '' : effect.key)?.bytes ?? 0;
      if ((effect.op === 'set' ? 0 : held) + added > this.#limits.maxRecordBytes) {
        throw new RedisError('ERR max single record size exceeded');
      }
    }
    this.#record(effect);
  }

  #record(effect: Effect): void {
    this.apply(effect);
    this.#effects.push(effect);
  }

  /**
   * An expired key's removal is recorded like any other: otherwise replaying what is written to that key
   * later would find the old value still there.
   */
  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || !this.#isExpired(entry)) return entry;
    this.expiredKeys += 1;
    this.#record({ op: 'del', key });
    return undefined;
  }

  #isExpired(entry: Entry): boolean {
    return entry.expiresAtMs !== null && entry.expiresAtMs <= this.nowMs;
  }

  #put(key: string, value: Stored): void {
    this.#drop(key);
    this.#entries.set(key, { value, bytes: 0, expiresAtMs: null });
    if (typeof value === 'string') this.#grow(key, value.length);
  }

  #grow(key: string, bytes: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.bytes += bytes;
    this.#bytes += bytes;
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
    this.#expiring.delete(key);
  }

  /**
   * The key's value, made when it isn't there. Commands have checked the type; a journal that
   * disagrees is corrupt.
   */
  #valueFor<T extends Map<string, string> | SortedSet>(key: string, kind: new () => T): T {
    const value = this.#entries.get(key)?.value;
    if (value instanceof kind) return value;
    if (value !== undefined) throw new Error(`the value of ${JSON.stringify(key)} is of another kind`);
    const made = new kind();
    this.#put(key, made);
    return made;
  }
}

/** An id and its score, about. */
const MEMBER_BYTES = 48;

/** What a change may add, 0 for one that adds nothing; what it replaces isn't counted against it. */
function bytesOf(effect: Effect): number {
  if (effect.op === 'set') return effect.value.length + 1;
  if (effect.op === 'hset')
    return effect.fields.reduce((sum, [field, value]) => sum + field.length + value.length, 1);
  return effect.op === 'zadd' ? effect.members.length * MEMBER_BYTES : 0;
}

/** What makes a key hold what this entry does. */
function effectsOf(key: string, { value, expiresAtMs }: Pick<Entry, 'value' | 'expiresAtMs'>): Effect[] {
  const effects: Effect[] = [];
  if (typeof value === 'string') effects.push({ op: 'set', key, value });
  else if (value instanceof Map) effects.push({ op: 'hset', key, fields: [...value] });
  else {
    const members = value
      .entries()
      .map(({ member, score }): [string, string] => [member, formatFloat(score)]);
    effects.push({ op: 'zadd', key, members });
  }
  if (expiresAtMs !== null) effects.push({ op: 'expire', key, atMs: expiresAtMs });
  return effects;
}
