/** A look into Redis past its HTTP front, so that looking isn't counted as the system's commands. */
import { Redis } from 'ioredis';

export interface RedisCounters {
  /** As Redis counts them: those that scripts call are in. */
  commands: number;
  netBytes: number;
}

export class RedisMeter {
  readonly redis: Redis;
  readonly #prefix: string;
  #own = 0;

  constructor(redisUrl: string, keyPrefix: string) {
    this.redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
    this.redis.on('error', () => {});
    this.#prefix = keyPrefix;
  }

  async dirtySessions(): Promise<number> {
    this.#own += 1;
    return this.redis.zcard(`${this.#prefix}dirty`);
  }

  /** Age of the session that has been dirty longest in milliseconds; 0 when none is. */
  async oldestDirtyMs(): Promise<number> {
    this.#own += 2;
    const [[seconds, micros], oldest] = await Promise.all([
      this.redis.time(),
      this.redis.zrange(`${this.#prefix}dirty`, 0, 0, 'WITHSCORES'),
    ]);
    const since = oldest[1];
    if (since === undefined) return 0;
    return Math.max(0, Number(seconds) * 1000 + Number(micros) / 1000 - Number(since));
  }

  async counters(): Promise<RedisCounters> {
    this.#own += 1;
    const own = this.#own;
    const info = await this.redis.info('stats');
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    return {
      commands: field('total_commands_processed') - own,
      netBytes: field('total_net_input_bytes') + field('total_net_output_bytes'),
    };
  }

  close(): void {
    this.redis.disconnect();
  }
}
