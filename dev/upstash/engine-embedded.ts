/**
 * An engine inside this process, for machines without a Redis. It keeps its data in a directory
 * when it is given one.
 */

import { type CommandTable, hasArity, wrongArity } from './embedded/command.ts';
import { hashCommands } from './embedded/hashes.ts';
import { Journal } from './embedded/journal.ts';
import { keyCommands } from './embedded/keys.ts';
import { type DataLimits, type Effect, Keyspace } from './embedded/keyspace.ts';
import { scriptCommands } from './embedded/script-commands.ts';
import { ScriptRunner } from './embedded/scripts.ts';
import { type ServerState, serverCommands } from './embedded/server-commands.ts';
import { sortedSetCommands } from './embedded/sorted-sets.ts';
import { stringCommands } from './embedded/strings.ts';
import { toBytes, toReply, type Value } from './embedded/value.ts';
import {
  type CommandArgs,
  EngineUnavailableError,
  type RedisEngine,
  RedisError,
  type Reply,
} from './engine.ts';

const EXPIRY_INTERVAL_MS = 1_000;

export interface EmbeddedEngineOptions {
  /** Where the data is kept; null for memory only. One process at a time may use a directory. */
  directory: string | null;
  /** Milliseconds since the epoch. Default: the system's clock. */
  now?: () => number;
  /** Default: what Upstash allows a record, and any amount of data. They may change while it runs. */
  limits?: Readonly<DataLimits>;
}

/** Upstash's limit of one record on all plans but the largest, on 28 November 2026. */
export const MAX_RECORD_BYTES = 100_000_000;

interface Waiting {
  settle(): void;
  fail(error: Error): void;
}

/**
 * Starts an embedded engine: strings, hashes, sorted sets, expiry, Lua scripts and transactions, with Redis'
 * replies and error texts. Other types are unknown commands to it.
 *
 * Commands run to their end one after the other, scripts and transactions too. With a directory a reply is
 * given only once the change is written to the journal, so what was acknowledged survives the process being
 * killed. Loaded scripts don't, as in Redis.
 * @throws {JournalCorruptError} the directory's data is damaged.
 */
export async function createEmbeddedEngine(options: EmbeddedEngineOptions): Promise<RedisEngine> {
  const { directory, now = Date.now } = options;
  const keyspace = new Keyspace(
    options.limits ?? { maxRecordBytes: MAX_RECORD_BYTES, maxDataBytes: Number.POSITIVE_INFINITY },
  );
  keyspace.nowMs = now();
  const state: ServerState = { startedAtMs: keyspace.nowMs, commandsProcessed: 0 };

  const dataCommands: CommandTable = {
    ...stringCommands,
    ...hashCommands,
    ...sortedSetCommands,
    ...keyCommands,
    ...serverCommands(state),
  };
  const scripts = await ScriptRunner.create(([name = '', ...args]) => {
    const key = name.toLowerCase();
    const command = lookup(dataCommands, key);
    if (command === undefined) {
      const isForbidden = lookup(commands, key) !== undefined;
      throw new RedisError(
        isForbidden
          ? 'ERR This Redis command is not allowed from script'
          : 'ERR Unknown Redis command called from script',
      );
    }
    if (!hasArity(command, args.length + 1)) {
      throw new RedisError('ERR Wrong number of args calling Redis command from script');
    }
    return command.run(keyspace, args);
  });
  const commands: CommandTable = { ...dataCommands, ...scriptCommands(scripts) };

  const journal = directory === null ? null : new Journal(directory);
  if (journal !== null) {
    for (const effects of journal.replay()) for (const effect of effects) keyspace.apply(effect);
    journal.compact(keyspace.snapshot());
  }

  let lines: Effect[][] = [];
  let waiting: Waiting[] = [];
  let failure: Error | null = null;
  let isScheduled = false;
  let isClosed = false;

  /** Writes what a tick has changed in one go, then answers all callers who were waiting for it. */
  function flush(): void {
    isScheduled = false;
    const [written, answered] = [lines, waiting];
    [lines, waiting] = [[], []];
    try {
      if (failure) throw failure;
      if (written.length > 0) journal?.append(written);
      if (journal?.wantsCompaction) journal.compact(keyspace.snapshot());
    } catch (error) {
      // Memory is ahead of the disk now. Going on would acknowledge what a restart forgets, so it ends here.
      failure ??= new EngineUnavailableError('the journal cannot be written', { cause: error });
      console.error('[upstash] journal', error);
      for (const { fail } of answered) fail(failure);
      return;
    }
    for (const { settle } of answered) settle();
  }

  /**
   * Runs `work` at once; its result is handed out when its changes are safe, and the changes of
   * everything it may have seen.
   */
  function commit<T>(work: () => T): Promise<T> {
    if (isClosed || failure) return Promise.reject(failure ?? new EngineUnavailableError('closed'));
    keyspace.nowMs = now();
    const result = work();
    const effects = keyspace.takeEffects();
    if (journal === null) return Promise.resolve(result);
    if (effects.length > 0) lines.push(effects);
    // A read may have seen a change that isn't written yet; only when there is none it need not wait.
    else if (lines.length === 0) return Promise.resolve(result);
    return new Promise((resolve, reject) => {
      waiting.push({ settle: () => resolve(result), fail: reject });
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    });
  }

  /** @throws {RedisError} there is no such command, or not with so many arguments. */
  function check([name = '', ...args]: string[]): void {
    const key = name.toLowerCase();
    const command = lookup(commands, key);
    if (command === undefined) {
      const shown = args.map((arg) => `'${arg.slice(0, 128)}' `).join('');
      throw new RedisError(`ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${shown}`);
    }
    if (!hasArity(command, args.length + 1)) throw wrongArity(key);
  }

  function execute(args: string[]): Value {
    try {
      check(args);
      state.commandsProcessed += 1;
      const [name = '', ...rest] = args;
      return lookup(commands, name.toLowerCase())?.run(keyspace, rest) ?? null;
    } catch (error) {
      if (error instanceof RedisError) return error;
      throw error;
    }
  }

  const expiryTimer = setInterval(() => {
    commit(() => keyspace.removeExpired()).catch(() => {
      // Told to callers already, and again with each of their calls.
    });
  }, EXPIRY_INTERVAL_MS).unref();

  return {
    kind: 'embedded',
    async call(args: CommandArgs): Promise<Reply> {
      return commit(() => toReply(execute(args.map(toBytes))));
    },
    async multi(given: readonly CommandArgs[]): Promise<Reply[] | RedisError> {
      const queued = given.map((args) => args.map(toBytes));
      return commit(() => {
        for (const args of queued) {
          try {
            check(args);
          } catch (error) {
            if (!(error instanceof RedisError)) throw error;
            const text = toReply(error);
            return text instanceof RedisError
              ? new RedisError(`EXECABORT Transaction discarded because of: ${text.message}`)
              : error;
          }
        }
        return queued.map((args) => toReply(execute(args)));
      });
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      clearInterval(expiryTimer);
      if (waiting.length > 0 || lines.length > 0) flush();
      journal?.close();
      scripts.close();
    },
  };
}

/** Own properties only: a command named `constructor` is unknown. */
function lookup(table: CommandTable, name: string) {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
