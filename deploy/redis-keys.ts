/**
 * A preview's keys in the previews' Redis. Nothing here can touch a key outside of a preview's own prefix.
 */
import { Redis } from '@upstash/redis';
import { DeployError, reasonOf } from './errors.ts';
import { PreviewName, type ProductionNames } from './names.ts';

/** Keys looked at by one SCAN, and removed by one UNLINK at most. */
const SCAN_COUNT = 500;
/** Passes over the keyspace; a room that is just going away may still write behind the first. */
const MAX_PASSES = 5;

export interface RedisAddress {
  url: string;
  token: string;
}

export class PreviewKeys {
  readonly #redis: Redis;

  constructor({ url, token }: RedisAddress) {
    this.#redis = new Redis({
      url,
      token,
      automaticDeserialization: false,
      enableTelemetry: false,
      readYourWrites: false,
      signal: () => AbortSignal.timeout(30_000),
    });
  }

  /** @throws {DeployError} when it is out of reach or refuses the token. */
  ping(): Promise<unknown> {
    return this.#ask(() => this.#redis.ping());
  }

  /**
   * Removes every key of a preview.
   * @returns how many there were.
   * @throws {DeployError} when Redis is out of reach, or another program keeps writing.
   */
  async removeAll(name: PreviewName): Promise<number> {
    let removed = 0;
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const before = removed;
      for await (const keys of this.#scan(`${name.keyPrefix}*`)) {
        const own = keys.filter((key) => key.startsWith(name.keyPrefix));
        if (own.length === 0) continue;
        removed += await this.#ask(() => this.#redis.unlink(...own));
      }
      // SCAN promises only what was there from its beginning to its end: one pass must find nothing.
      if (removed === before) return removed;
    }
    throw new DeployError(`another program still writes keys that begin with ${name.keyPrefix}`);
  }

  /** The previews of this project that have keys. */
  async previews(production: ProductionNames): Promise<PreviewName[]> {
    const found = new Map<string, PreviewName>();
    for await (const keys of this.#scan(`${PreviewName.keyPrefixOfAll(production)}*`)) {
      for (const key of keys) {
        const name = PreviewName.ofPlatformName(key, production);
        if (name) found.set(name.id, name);
      }
    }
    return [...found.values()];
  }

  async *#scan(pattern: string): AsyncGenerator<string[]> {
    let cursor = '0';
    do {
      const [next, keys] = await this.#ask(() =>
        this.#redis.scan(cursor, { match: pattern, count: SCAN_COUNT }),
      );
      if (keys.length > 0) yield keys;
      cursor = String(next);
    } while (cursor !== '0');
  }

  async #ask<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      throw new DeployError(`Redis: ${reasonOf(error).split(', command was:')[0]}`);
    }
  }
}
