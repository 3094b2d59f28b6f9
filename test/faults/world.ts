/** Everything a run works on: the real stack behind a proxy, and direct lines to its stores. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { isAlive, type ProcessInfo, processTree } from '../../dev/process-table.ts';
import { signSessionToken } from '../../src/access/session-token.ts';
import { decodeReceipts } from '../../src/domain/receipts.ts';
import type { CodeWrite, Role } from '../../src/domain/types.ts';
import { SYSTEM_USER_ID } from '../../src/postgres/schema.ts';
import { RedisScripts } from '../../src/redis/client.ts';
import { type DeadLetter, deadLetterSchema } from '../../src/redis/dead-letter.ts';
import { type Keys, keysFor } from '../../src/redis/keys.ts';
import { SessionBuffer } from '../../src/redis/session-buffer.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { installAudit } from './audit.ts';
import type { StoredSession } from './checks.ts';
import { FaultProxy } from './proxy.ts';
import { readStored } from './stored.ts';

/** Shorter than in production, so that a fault's recovery takes seconds; their proportions are kept. */
const TUNING = {
  BACKBEAT_CRON_MS: '2000',
  COMMIT_MIN_MS: '50',
  // With fewer dirty, the rooms flush by their alarms and the sweeper takes what they leave.
  SWEEP_ABOVE_SESSIONS: '10',
  FLUSH_ALARM_MS: '1500',
  FLUSH_INTERVAL_MS: '1000',
  SWEEP_LEASE_MS: '3000',
  REDIS_TIMEOUT_MS: '1000',
  POSTGRES_TIMEOUT_MS: '4000',
  BREAKER_RETRY_MS: '500',
  COMMIT_FALLBACK_MS: '200',
};
/** How far a session's hash says that it is. */
const PROGRESS = ['term', 'rev', 'flushed', 'put_aside', 'last_commit', 'rewrite'] as const;
export const REDIS_TIMEOUT_MS = Number(TUNING.REDIS_TIMEOUT_MS);
export const POSTGRES_TIMEOUT_MS = Number(TUNING.POSTGRES_TIMEOUT_MS);
export const SWEEP_LEASE_MS = Number(TUNING.SWEEP_LEASE_MS);

export class World {
  readonly stack: Stack;
  readonly proxy: FaultProxy;
  readonly database: pg.Pool;
  /** Redis by its own protocol, past the fronts. */
  readonly redis: Redis;
  readonly keys: Keys;
  /** The buffer as a room has it, past the proxy: by it a fault is another room. */
  readonly buffer: SessionBuffer;
  /**
   * Processes of the stack, past ones too: one that outlived its parent is no longer found
   * below the supervisor.
   */
  readonly #processes: ProcessInfo[] = [];

  private constructor(stack: Stack, proxy: FaultProxy, redisUrl: string) {
    this.stack = stack;
    this.proxy = proxy;
    this.database = new pg.Pool({ connectionString: stack.databaseUrl, max: 4 });
    // A fault may take the engine down under an idle connection; the next query opens a new one.
    this.database.on('error', () => {});
    this.redis = new Redis(redisUrl, { maxRetriesPerRequest: null, retryStrategy: () => 100 });
    this.redis.on('error', () => {});
    this.keys = keysFor(stack.keyPrefix);
    this.buffer = new SessionBuffer({
      redis: new RedisScripts({ url: stack.redisRestUrl, token: stack.redisRestToken, timeoutMs: 10_000 }),
      keys: this.keys,
      cleanTtlS: 3_600,
    });
  }

  /** @param tuning the stack's variables; by default times that make a fault's recovery short. */
  static async start(tuning: Record<string, string> = TUNING): Promise<World> {
    const proxy = new FaultProxy();
    const url = await proxy.listen();
    try {
      const stack = await startStack({ ...tuning, BACKBEAT_PROXY: url }, ['--redis=real', '--postgres=real']);
      if (stack.redisUrl === null) throw new Error('faults need a real Redis');
      const world = new World(stack, proxy, stack.redisUrl);
      await installAudit(world.database);
      return world;
    } catch (error) {
      proxy.close();
      throw error;
    }
  }

  /** Makes sessions, past the API: their making is not what is tried here. */
  async makeSessions(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => randomUUID());
    await this.database.query(
      'insert into sessions (id, host_user_id) select id, $2 from unnest($1::uuid[]) as id',
      [ids, SYSTEM_USER_ID],
    );
    return ids;
  }

  /** Gives somebody anonymous a place in a session, and returns their token. */
  async token(sessionId: string, role: Role, displayName: string): Promise<string> {
    const participantId = randomUUID();
    await this.database.query(
      `insert into anonymous_participants (id, session_id, display_name, role, join_method, expires_at)
       values ($1, $2, $3, $4, 'grant', now() + interval '1 day')`,
      [participantId, sessionId, displayName, role],
    );
    return signSessionToken(
      { sessionId, participantId, role, displayName, userId: null, avatarUrl: null },
      this.stack.jwtSecret,
    );
  }

  stored(): Promise<Map<string, StoredSession>> {
    return readStored(this.database);
  }

  async storedRev(sessionId: string): Promise<number> {
    const { rows } = await this.database.query<{ rev: string }>(
      'select code_rev as rev from sessions where id = $1',
      [sessionId],
    );
    return Number(rows[0]?.rev ?? 0);
  }

  /** The code in Postgres, and which edits it contains. */
  async storedCode(sessionId: string): Promise<Pick<CodeWrite, 'code' | 'receipts'>> {
    const { rows } = await this.database.query<{ code: string; receipts: unknown }>(
      'select code, receipts from sessions where id = $1',
      [sessionId],
    );
    return { code: rows[0]?.code ?? '', receipts: decodeReceipts(rows[0]?.receipts ?? {}) };
  }

  async deadLetters(): Promise<DeadLetter[]> {
    const texts = await this.redis.hvals(this.keys.dead);
    return texts.map((text) => deadLetterSchema.parse(JSON.parse(text)));
  }

  dirtySessions(): Promise<number> {
    return this.redis.zcard(this.keys.dirty);
  }

  /** Of each dirty session, for who has to find out why it stays so; '' when there is none. */
  async describeDirty(): Promise<string> {
    const ids = await this.redis.zrange(this.keys.dirty, 0, -1);
    const all = ids.map(async (id) => {
      const since = Number(await this.redis.zscore(this.keys.dirty, id));
      const fields = await this.redis.hmget(this.keys.session(id), ...PROGRESS);
      const messages = await this.redis.hlen(this.keys.messages(id));
      const numbers = PROGRESS.map((name, i) => `${name} ${fields[i]}`).join(', ');
      return `${id} for ${Date.now() - since} ms: ${numbers}, ${messages} messages`;
    });
    return (await Promise.all(all)).join('; ');
  }

  /** A request to the Worker with the flush secret. @returns its status. */
  async worker(path: string): Promise<number> {
    const response = await fetch(`${this.stack.workerUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.stack.flushSecret}` },
    });
    await response.arrayBuffer();
    return response.status;
  }

  /**
   * Remembers the processes that there are now; those that are alive once everything is
   * stopped are left behind.
   */
  noteProcesses(): void {
    this.#processes.push(...processTree(this.stack.supervisorPid));
  }

  /**
   * Stops everything.
   * @returns the command lines of what is left of it: there must be none.
   */
  async stop(): Promise<string[]> {
    this.noteProcesses();
    this.redis.disconnect();
    await this.database.end();
    await this.stack.stop();
    this.proxy.close();
    const left = this.#processes.filter(isAlive).map(({ pid, command }) => `${pid} ${command}`);
    return [...new Set(left)];
  }

  /** Writes what the stack said to a file, for whoever looks into a failure. @returns the file. */
  keepLogs(folder: string, name: string): string {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}.log`);
    writeFileSync(file, this.stack.logs());
    return file;
  }
}
