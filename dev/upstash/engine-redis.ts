/** An engine over TCP: a real Redis or Valkey. */
import { Command, Redis, ReplyError } from 'ioredis';
import {
  type CommandArgs,
  EngineUnavailableError,
  type RedisEngine,
  RedisError,
  type Reply,
} from './engine.ts';

/**
 * The driver reshapes arguments or replies of these into objects, going by the name in lower case. In upper
 * case they pass as they are.
 */
const REWRITTEN_BY_DRIVER = new Set(['mset', 'msetnx', 'hset', 'hmset', 'hgetall']);

export interface RedisTcpEngineOptions {
  /** `redis://host:port/db`, or a path to a socket. */
  url: string;
  /** A command that takes longer fails as unavailable; it may still take effect. Default: 1,500 ms. */
  commandTimeoutMs?: number;
  /** Longest pause between two attempts to connect. Default: 250 ms. */
  maxReconnectDelayMs?: number;
}

/**
 * What the driver hands out, in this project's terms. Its types promise nothing here, so
 * each shape is looked at.
 */
function toReply(value: unknown): Reply {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || Buffer.isBuffer(value)) return value;
  if (typeof value === 'string') return Buffer.from(value);
  if (Array.isArray(value)) return value.map(toReply);
  if (value instanceof Error) return new RedisError(value.message);
  throw new TypeError(`unexpected reply of type ${typeof value}`);
}

/**
 * Connects to a Redis over TCP. While it is out of reach, calls fail at once instead of queueing, and the
 * connection is tried again until it is there.
 */
export function createRedisEngine(options: RedisTcpEngineOptions): RedisEngine {
  const { url, commandTimeoutMs = 1_500, maxReconnectDelayMs = 250 } = options;
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    // A command that was in flight when the connection broke may have taken effect: repeating it is
    // the caller's decision.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 1_000,
    retryStrategy: (attempt) => Math.min(attempt * 25, maxReconnectDelayMs),
    // The caller's requests are concurrent already; the engine only has to keep their order.
    noDelay: true,
  });
  let lastError = 'not connected';
  redis.on('error', (error: Error) => {
    if (error.message !== lastError) console.error(`[upstash] redis: ${error.message}`);
    lastError = error.message;
  });
  redis.on('ready', () => {
    lastError = 'not connected';
  });

  /** Everything that is written in one tick goes out in one system call. */
  function corked<T>(write: () => T): T {
    const { stream } = redis;
    if (stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => stream.uncork());
    }
    return write();
  }

  function send([name, ...args]: CommandArgs): Promise<Reply> {
    const given = String(name);
    const sent = REWRITTEN_BY_DRIVER.has(given.toLowerCase()) ? given.toUpperCase() : given;
    const command = new Command(sent, args, { replyEncoding: null });
    redis.sendCommand(command);
    return command.promise.then(toReply, (error: Error) => {
      if (error instanceof ReplyError) return new RedisError(error.message);
      throw new EngineUnavailableError(error.message, { cause: error });
    });
  }

  function assertReady(): void {
    if (redis.status !== 'ready') throw new EngineUnavailableError(lastError);
  }

  return {
    kind: 'redis',
    async call(args) {
      assertReady();
      return corked(() => send(args));
    },
    async multi(commands) {
      assertReady();
      // MULTI and its commands are written in one go on the only connection, so nothing of another
      // request gets between them.
      const replies = corked(() => [send(['MULTI']), ...commands.map(send), send(['EXEC'])]);
      const settled = await Promise.all(replies);
      const executed = settled.at(-1) ?? null;
      if (Array.isArray(executed)) return executed;
      const culprit = settled.slice(1, -1).find((reply) => reply instanceof RedisError);
      if (culprit instanceof RedisError) {
        return new RedisError(`EXECABORT Transaction discarded because of: ${culprit.message}`);
      }
      return executed instanceof RedisError ? executed : new RedisError('ERR the transaction was discarded');
    },
    async close() {
      redis.disconnect();
    },
  };
}
