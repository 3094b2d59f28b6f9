/** A real Postgres behind the HTTP server, by a pool of connections. */
import pg from 'pg';
import {
  beginStatement,
  ConnectError,
  ConnectionLostError,
  pickSqlErrorFields,
  type SqlEngine,
  SqlError,
  type SqlStatement,
  type StatementResult,
  type TransactionOptions,
} from './engine.ts';

export interface PostgresEngineOptions {
  readonly databaseUrl: string;
  /** Connections at most; further requests wait for one. */
  readonly maxConnections?: number;
  /** How long a request waits for a connection, in milliseconds. */
  readonly connectTimeoutMs?: number;
  readonly log: (line: string) => void;
}

/** Values stay as Postgres sent them: the driver at the other end parses them. */
const rawText: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

/** An engine on a running Postgres. Connects on demand, and again by itself after Postgres was away. */
export class PostgresEngine implements SqlEngine {
  readonly name = 'postgres';
  readonly databaseUrl: string;
  readonly #pool: pg.Pool;
  readonly #log: (line: string) => void;

  constructor({ databaseUrl, maxConnections = 10, connectTimeoutMs = 10_000, log }: PostgresEngineOptions) {
    this.databaseUrl = databaseUrl;
    this.#log = log;
    this.#pool = new pg.Pool({
      connectionString: databaseUrl,
      max: maxConnections,
      connectionTimeoutMillis: connectTimeoutMs,
      application_name: 'backbeat-neon-http',
    });
    // An idle connection that breaks (Postgres went away) is the pool's to replace; unhandled, it
    // would end the process.
    this.#pool.on('error', (error) => log(`postgres: idle connection lost: ${error.message}`));
  }

  query(statement: SqlStatement, signal: AbortSignal): Promise<StatementResult> {
    return this.#withClient(signal, (client) => run(client, statement));
  }

  transaction(
    statements: readonly SqlStatement[],
    options: TransactionOptions,
    signal: AbortSignal,
  ): Promise<StatementResult[]> {
    return this.#withClient(signal, async (client) => {
      await run(client, { text: beginStatement(options), params: [] });
      const results: StatementResult[] = [];
      for (const statement of statements) results.push(await run(client, statement));
      await run(client, { text: 'COMMIT', params: [] });
      return results;
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #withClient<T>(signal: AbortSignal, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    // Gone while it waited for the connection: no client would learn of the result.
    if (signal.aborted) {
      client.release();
      throw new ConnectionLostError('query was cancelled');
    }
    // Once out of the pool, a connection's own error event has no other listener; the query
    // rejects all the same.
    const ignore = () => {};
    client.on('error', ignore);
    const stopWatching = this.#cancelOnAbort(client, signal);
    let reusable = false;
    try {
      const result = await work(client);
      // A statement such as a bare BEGIN leaves a transaction open, which must not leak into another request.
      reusable = isIdle(client);
      return result;
    } catch (error) {
      throw toEngineError(error);
    } finally {
      await stopWatching();
      client.off('error', ignore);
      // Closing the connection rolls back whatever it left open.
      client.release(!reusable);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (cause) {
      const fields = cause instanceof pg.DatabaseError ? pickSqlErrorFields(cause) : {};
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new ConnectError(`could not connect to the database: ${message}`, fields, { cause });
    }
  }

  /**
   * Cancels what `client` runs when the caller goes away, as Neon's proxy does; otherwise a statement that
   * waits for a lock would hold its connection after its caller had given up.
   * @returns to be awaited before the connection is used for anything else: a late cancel would hit
   *   the wrong statement.
   */
  #cancelOnAbort(client: pg.PoolClient, signal: AbortSignal): () => Promise<void> {
    let cancelled: Promise<void> = Promise.resolve();
    const cancel = () => {
      const pid = 'processID' in client ? client.processID : undefined;
      if (typeof pid === 'number') cancelled = this.#cancel(pid);
    };
    signal.addEventListener('abort', cancel, { once: true });
    return async () => {
      signal.removeEventListener('abort', cancel);
      await cancelled;
    };
  }

  async #cancel(pid: number): Promise<void> {
    // A connection of its own: the pool may be exhausted by the very statements that are to be cancelled.
    const client = new pg.Client({ connectionString: this.databaseUrl, connectionTimeoutMillis: 2_000 });
    try {
      await client.connect();
      await client.query('SELECT pg_cancel_backend($1)', [pid]);
    } catch (error) {
      this.#log(`postgres: could not cancel a query: ${error instanceof Error ? error.message : error}`);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function run(client: pg.PoolClient, statement: SqlStatement): Promise<StatementResult> {
  const config = {
    text: statement.text,
    values: [...statement.params],
    rowMode: 'array' as const,
    types: rawText,
    // Also without parameters: the simple protocol would run several statements in one
    // string, which Neon refuses.
    queryMode: 'extended',
  };
  const result: pg.QueryArrayResult<(string | null)[]> = await client.query(config);
  return {
    command: result.command ?? '',
    rowCount: result.rowCount,
    rows: result.rows,
    fields: result.fields.map((field) => ({
      name: field.name,
      tableID: field.tableID,
      columnID: field.columnID,
      dataTypeID: field.dataTypeID,
      dataTypeSize: field.dataTypeSize,
      dataTypeModifier: field.dataTypeModifier,
    })),
  };
}

/**
 * The type package lacks the method, so it is looked up; without it the connection counts as not reusable.
 */
function isIdle(client: pg.PoolClient): boolean {
  if (!('getTransactionStatus' in client) || typeof client.getTransactionStatus !== 'function') return false;
  return client.getTransactionStatus() === 'I';
}

function toEngineError(error: unknown): Error {
  if (error instanceof pg.DatabaseError)
    return new SqlError(error.message, pickSqlErrorFields(error), { cause: error });
  if (error instanceof Error) return new ConnectionLostError(error.message, { cause: error });
  return new ConnectionLostError(String(error));
}
