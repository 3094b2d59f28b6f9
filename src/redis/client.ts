/**
 * The one way to Redis: Upstash's HTTP client, set up so that what goes in comes out unchanged, and its
 * errors made ours.
 */
import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis/cloudflare';
import type { z } from 'zod';
import { StorageUnavailableError } from '../domain/errors.ts';
import { scripts } from './scripts.generated.ts';
import { UpstashRest } from './upstash-rest.ts';

export type ScriptName = keyof typeof scripts;

interface RedisOptions {
  url: string;
  token: string;
  timeoutMs: number;
  /** Called before each request, a repeated one too; what it throws keeps the request from being sent. */
  onRequest?: (() => void) | undefined;
}

class Client extends Redis {
  constructor(options: RedisOptions) {
    super({
      url: options.url,
      token: options.token,
      // Left on, code such as `123` or `{}` would come back as a number or an object.
      automaticDeserialization: false,
      // Rooms have one command in flight; what gathers commands into pipelines would only cost them time.
      enableAutoPipelining: false,
      enableTelemetry: false,
    });
    this.client = new UpstashRest(options);
  }
}

export class RedisScripts {
  readonly #redis: Redis;
  readonly #scripts = new Map<ScriptName, ReturnType<Redis['createScript']>>();

  constructor(options: RedisOptions) {
    this.#redis = new Client(options);
  }

  /**
   * Runs a script by its SHA, sending its text only when Redis doesn't have it yet, and parses the reply.
   * @throws {StorageUnavailableError} Redis is out of reach, too slow, or refuses; the script may have run or
   * not.
   */
  async run<T extends z.ZodType>(
    name: ScriptName,
    keys: string[],
    args: string[],
    reply: T,
  ): Promise<z.infer<T>> {
    const result = await this.call(name, () => this.#script(name).exec(keys, args));
    const parsed = reply.safeParse(result);
    if (!parsed.success) {
      throw new StorageUnavailableError('redis', `${name}: unexpected reply`, { cause: parsed.error });
    }
    return parsed.data;
  }

  /** Runs plain commands with the same error handling. */
  async call<T>(what: string, command: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await command(this.#redis);
    } catch (error) {
      throw new StorageUnavailableError('redis', `${what}: ${reasonOf(error)}`);
    }
  }

  /**
   * A limit that all instances share: `max` within each window. Ask it within {@link call}.
   * @param prefix of its keys.
   */
  fixedWindow(max: number, window: '1 m' | '1 h' | '1 d', prefix: string): Ratelimit {
    return new Ratelimit({
      redis: this.#redis,
      limiter: Ratelimit.fixedWindow(max, window),
      prefix,
      // The client has its own timeout; here a slow Redis would count as a yes.
      timeout: 0,
      ephemeralCache: false,
      enableTelemetry: false,
    });
  }

  #script(name: ScriptName): ReturnType<Redis['createScript']> {
    let script = this.#scripts.get(name);
    if (!script) {
      script = this.#redis.createScript(scripts[name]);
      this.#scripts.set(name, script);
    }
    return script;
  }
}

/**
 * The client's messages quote the whole command, people's code included, and its errors' causes quote
 * replies: only the leading words of Redis' own error may leave this file.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  if (error.name === 'UpstashError')
    return error.message.split(', command was:')[0]?.slice(0, 120) ?? 'refused';
  if (error.name === 'RequestBudgetError') return error.message;
  if (error.name === 'UpstashJSONParseError') return 'the answer is not JSON';
  return 'out of reach';
}
