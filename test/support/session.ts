/** Sessions and people on a running stack, in one line each. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { vi } from 'vitest';
import { z } from 'zod';
import { signSessionToken } from '../../src/access/session-token.ts';
import type { Role } from '../../src/domain/types.ts';
import { RawClient, type RawClientOptions } from './raw-client.ts';

interface StackAddresses {
  roomUrl: string;
  workerUrl: string;
  databaseUrl: string;
  redisRestUrl: string;
  redisRestToken: string;
  flushSecret: string;
  jwtSecret: string;
  keyPrefix: string;
  neonFetchEndpoint: string;
}

const createdSchema = z.object({ id: z.string(), token: z.string() });

/** Longer than any pause after which a room does something by itself, but for its alarm. */
const QUIET_MS = 2_500;

export interface StoredSession {
  code: string;
  rev: number;
  messages: string[];
}

/** What a test does with a stack, besides starting and stopping it. */
export class Scene {
  readonly #stack: StackAddresses;
  readonly #database: pg.Pool;
  readonly #clients: RawClient[] = [];

  constructor(stack: StackAddresses) {
    this.#stack = stack;
    this.#database = new pg.Pool({ connectionString: stack.databaseUrl, max: 1 });
    // An engine that a test takes down cuts its connections; the next query opens a new one.
    this.#database.on('error', () => {});
  }

  /** Makes a session over the API. */
  async session(body: { code?: string; title?: string } = {}): Promise<{ id: string; token: string }> {
    const response = await fetch(`${this.#stack.workerUrl}/api/v1/sessions`, {
      method: 'POST',
      body: JSON.stringify({ display_name: 'Ada', ...body }),
    });
    return createdSchema.parse(await response.json());
  }

  /**
   * Gives somebody anonymous a place in a session, and returns their token; in none, if
   * there is no such session.
   */
  async token(sessionId: string, role: Role, displayName: string = role): Promise<string> {
    const participantId = randomUUID();
    await this.#database.query(
      `insert into anonymous_participants (id, session_id, display_name, role, join_method, expires_at)
       select $1, id, $3, $4, 'grant', now() + interval '1 day' from sessions where id = $2`,
      [participantId, sessionId, displayName, role],
    );
    return signSessionToken(
      { sessionId, participantId, role, displayName, userId: null, avatarUrl: null },
      this.#stack.jwtSecret,
    );
  }

  /** Joins a session and waits for its state; closed at the end of the test by `leave`. */
  async join(
    sessionId: string,
    role: Role = 'host',
    over: Partial<RawClientOptions> = {},
  ): Promise<Awaited<ReturnType<typeof RawClient.join>>> {
    const token = over.token ?? (await this.token(sessionId, role));
    return this.enter({ sessionId, token, connectionId: randomUUID(), ...over });
  }

  /** Joins with exactly these options, and waits for the session's state. */
  async enter(
    options: Omit<RawClientOptions, 'roomUrl'>,
  ): Promise<Awaited<ReturnType<typeof RawClient.join>>> {
    const client = await RawClient.join({ roomUrl: this.#stack.roomUrl, ...options });
    this.#clients.push(client);
    return client;
  }

  /** What Postgres holds of a session. */
  async stored(sessionId: string): Promise<StoredSession | null> {
    const { rows } = await this.#database.query<{ code: string; code_rev: string }>(
      'select code, code_rev from sessions where id = $1',
      [sessionId],
    );
    const messages = await this.#database.query<{ content: string }>(
      'select content from session_messages where session_id = $1 order by created_at',
      [sessionId],
    );
    const row = rows[0];
    return row
      ? { code: row.code, rev: Number(row.code_rev), messages: messages.rows.map((m) => m.content) }
      : null;
  }

  async sql(text: string, values: unknown[] = []): Promise<void> {
    await this.#database.query(text, values);
  }

  /** The rows of a query, in the shape that the test expects them in. */
  async rows<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#database.query<Row>(text, values)).rows;
  }

  /** One Redis command over the same REST API as the rooms use. */
  async redis(...command: string[]): Promise<unknown> {
    const response = await fetch(this.#stack.redisRestUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#stack.redisRestToken}` },
      body: JSON.stringify(command),
    });
    return z.object({ result: z.unknown() }).parse(await response.json()).result;
  }

  key(name: string): string {
    return `${this.#stack.keyPrefix}${name}`;
  }

  async isDirty(sessionId: string): Promise<boolean> {
    return (await this.redis('ZSCORE', this.key('dirty'), sessionId)) !== null;
  }

  /** A request to the Worker with the flush secret. */
  async worker(method: string, path: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.#stack.workerUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#stack.flushSecret}` },
    });
    return { status: response.status, body: await response.json() };
  }

  /** Counters of the local fronts: what Upstash and Neon would have been asked, and billed. */
  async counters(): Promise<{ commands: number; statements: number }> {
    const ask = async (url: string) => (await fetch(new URL('/_stats', url))).json();
    return {
      commands: z.object({ commands: z.number() }).parse(await ask(this.#stack.redisRestUrl)).commands,
      statements: z.object({ statements: z.number() }).parse(await ask(this.#stack.neonFetchEndpoint))
        .statements,
    };
  }

  /**
   * Waits until nothing is asked of the stores any more: rooms write down who came and went a second later.
   */
  async quiet(): Promise<void> {
    let last = await this.counters();
    let sinceMs = Date.now();
    await vi.waitUntil(
      async () => {
        const now = await this.counters();
        if (now.commands !== last.commands || now.statements !== last.statements) sinceMs = Date.now();
        last = now;
        return Date.now() - sinceMs > QUIET_MS;
      },
      { timeout: 20_000, interval: 100 },
    );
  }

  /** Everybody leaves. */
  async leave(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.#database.end();
  }
}
