/** The embedded engine: many clients on one session, and what is left of it after a kill. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { neon, neonConfig } from '@neondatabase/serverless';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConnectionLostError } from '../../dev/neon/engine.ts';
import { PgliteEngine } from '../../dev/neon/engine-pglite.ts';
import { type NeonServer, startNeonServer } from '../../dev/neon/server.ts';
import {
  type NeonProcess,
  NeonProcessError,
  spawnNeonProcess,
  startNeonProcess,
} from '../support/neon-process.ts';
import { WAIT } from '../support/wait.ts';

describe('clients by HTTP and by postgres:// at once', () => {
  let engine: PgliteEngine;
  let server: NeonServer;
  let sql: ReturnType<typeof neon<false, false>>;
  let clients: pg.Client[];
  const stopped = vi.fn();

  beforeAll(async () => {
    const log = () => {};
    engine = await PgliteEngine.open({
      ...{ dataDir: null, password: 'p@ss/word', idleInTransactionMs: 200, onStopped: stopped, log },
    });
    server = await startNeonServer({ engine, log });
    neonConfig.fetchEndpoint = server.fetchEndpoint;
    sql = neon(engine.databaseUrl);
  });

  afterAll(async () => {
    await server?.close();
    await engine?.close();
    expect(stopped).not.toHaveBeenCalled();
  });

  beforeEach(async () => {
    clients = [];
    await sql`CREATE TABLE t (id int PRIMARY KEY)`;
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
    await sql`DROP TABLE t`;
  });

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: engine.databaseUrl });
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return client;
  }

  const ids = async () => (await sql`SELECT id FROM t ORDER BY id`).map((row) => row.id);

  /** Starts a request and resolves once the server has handed it to the engine. */
  async function handedOver<T>(start: () => PromiseLike<T>): Promise<{ answer: Promise<T> }> {
    const { statements } = server.stats;
    const answer = Promise.resolve(start());
    await vi.waitUntil(() => server.stats.statements > statements, { ...WAIT, interval: 1 });
    return { answer };
  }

  test('a request does not become part of a transaction that a client has open', async () => {
    const client = await connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO t VALUES (1)');
    const { answer } = await handedOver(() => sql`INSERT INTO t VALUES (2)`);
    expect((await client.query('SELECT id FROM t')).rows).toEqual([{ id: 1 }]);
    await client.query('ROLLBACK');
    await answer;
    expect(await ids()).toEqual([2]);
  });

  test('a client that dies in a transaction leaves nothing behind and blocks nobody', async () => {
    const client = await connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO t VALUES (1)');
    const { answer } = await handedOver(() => sql`INSERT INTO t VALUES (2)`);
    socketOf(client).destroy();
    await answer;
    expect(await ids()).toEqual([2]);
  });

  test('a client that idles in a transaction while others wait is turned out', async () => {
    const client = await connect();
    const ended = endOf(client);
    await client.query('BEGIN');
    await client.query('INSERT INTO t VALUES (1)');
    await sql`INSERT INTO t VALUES (2)`;
    await ended;
    expect(await ids()).toEqual([2]);
  });

  test('a client that dies while it waits never gets what it asked for', async () => {
    const [holder, waiter] = [await connect(), await connect()];
    await holder.query('BEGIN');
    waiter.query('INSERT INTO t VALUES (1)').catch(() => {});
    // The server reads to the end of the connection before it closes its own side.
    const closed = once(socketOf(waiter), 'close');
    socketOf(waiter).end();
    await closed;
    await holder.query('INSERT INTO t VALUES (2)');
    await holder.query('COMMIT');
    expect(await ids()).toEqual([2]);
  });

  test('a text that begins with U+FEFF is the same on both ways', async () => {
    const texts = ['\ufeffs("bd")', '\ufeff', '\ufeff\ufeff', 'a\ufeff', '', '♪ 𝄞'];
    const client = await connect();
    for (const text of texts) {
      const asked = 'SELECT $1::text AS t, jsonb_build_object($1::text, $1::text) AS j, NULL AS n';
      const row = { t: text, j: { [text]: text }, n: null };
      expect([text, await sql.query(asked, [text])]).toEqual([text, [row]]);
      expect((await client.query(asked, [text])).rows).toEqual([row]);
    }
  });

  test('statements of many clients never mix', async () => {
    const many = await Promise.all(Array.from({ length: 8 }, connect));
    const work = many.map(async (client, c) => {
      for (let i = 0; i < 20; i += 1) {
        const value = c * 1000 + i;
        // Parse, Bind and Execute of one client must not meet those of another; texts differ so
        // that a mix-up shows.
        const [mine, other] = await Promise.all([
          client.query(`SELECT $1::int AS v, ${c} AS c`, [value]),
          sql.query(`SELECT $1::text AS t, ${i} AS i`, [`${value}`]),
        ]);
        expect(mine.rows).toEqual([{ v: value, c }]);
        expect(other).toEqual([{ t: `${value}`, i }]);
      }
    });
    await Promise.all(work);
  });

  test('two clients may prepare statements of one name', async () => {
    const [a, b] = [await connect(), await connect()];
    const ask = (client: pg.Client, text: string) => client.query({ name: 'mine', text, values: ['1'] });
    expect((await ask(a, "SELECT 'a' || $1 AS v")).rows).toEqual([{ v: 'a1' }]);
    expect((await ask(b, "SELECT 'b' || $1 AS v")).rows).toEqual([{ v: 'b1' }]);
    expect((await ask(a, "SELECT 'a' || $1 AS v")).rows).toEqual([{ v: 'a1' }]);
    await a.end();
    expect((await ask(b, "SELECT 'b' || $1 AS v")).rows).toEqual([{ v: 'b1' }]);
  });

  test('an error in a client’s statement leaves it and the others going', async () => {
    const client = await connect();
    await expect(client.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' });
    await expect(client.query('SELEC')).rejects.toMatchObject({ code: '42601' });
    expect((await client.query('SELECT $1::int AS v', [1])).rows).toEqual([{ v: 1 }]);
    expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }]);
  });

  test('what a client set is put back when it leaves', async () => {
    const client = await connect();
    await client.query("SET search_path TO pg_catalog; SET default_transaction_isolation TO 'serializable'");
    await client.query('CREATE TEMP TABLE mine (a int)');
    await client.end();
    // The server cleans up after the client has seen the end; the next client waits for that.
    await connect();
    await vi.waitFor(async () => {
      const [row] =
        await sql`SELECT current_setting('default_transaction_isolation') AS level, to_regclass('mine') AS t`;
      expect(row).toEqual({ level: 'read committed', t: null });
    }, WAIT);
  });

  test('large parameters arrive whole, in whatever pieces they come', async () => {
    const client = await connect();
    const text = '🎵x'.repeat(500_000);
    const { rows } = await client.query('SELECT $1::text AS text', [text]);
    expect(rows[0]?.text === text).toBe(true);
  });

  test('a wrong password and a wrong database are refused', async () => {
    const other = (change: (url: URL) => void) => {
      const url = new URL(engine.databaseUrl);
      change(url);
      return new pg.Client({ connectionString: url.href }).connect();
    };
    await expect(other((url) => (url.password = 'wrong'))).rejects.toMatchObject({ code: '28P01' });
    await expect(other((url) => (url.pathname = '/nowhere'))).rejects.toMatchObject({ code: '3D000' });
  });

  test('what is no Postgres message ends that connection only', async () => {
    const client = await connect();
    const ended = endOf(client);
    socketOf(client).write(Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff]));
    await ended;
    expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }]);
  });
});

test('a database that has stopped says so, for good, and acknowledges nothing', async () => {
  const stopped = vi.fn();
  const engine = await PgliteEngine.open({ dataDir: null, password: 'x', onStopped: stopped, log: () => {} });
  const { signal } = new AbortController();
  // Deeper than WebAssembly's stack.
  const deep = `SELECT ${'1+'.repeat(30_000)}1`;
  await expect(engine.query({ text: deep, params: [] }, signal)).rejects.toThrow(ConnectionLostError);
  expect(stopped).toHaveBeenCalledOnce();
  await expect(engine.query({ text: 'SELECT 1', params: [] }, signal)).rejects.toThrow(ConnectionLostError);
  const batch = engine.transaction(
    [{ text: 'SELECT 1', params: [] }],
    { readOnly: false, deferrable: false },
    signal,
  );
  await expect(batch).rejects.toThrow(ConnectionLostError);
});

describe('a folder', () => {
  let folder: string;
  let running: NeonProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backbeat-pglite-'));
    running = [];
  });

  afterEach(async () => {
    await Promise.all(running.map((process) => process.kill()));
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<NeonProcess> {
    const process = await startNeonProcess({ PGLITE_DIR: folder });
    running.push(process);
    neonConfig.fetchEndpoint = process.fetchEndpoint;
    return process;
  }

  test('keeps what was answered through kill -9 in the middle of writing, and through an orderly end', async () => {
    const first = await start();
    const sql = neon(first.databaseUrl);
    await sql`CREATE TABLE kept (id int PRIMARY KEY)`;
    const answered: number[] = [];
    const writing = (async () => {
      for (let id = 0; ; id += 1) {
        await sql`INSERT INTO kept VALUES (${id})`;
        answered.push(id);
      }
    })().catch(() => {});
    await vi.waitUntil(() => answered.length >= 50, WAIT);
    await first.kill();
    await writing;

    const second = await start();
    const rows = await neon(second.databaseUrl)`SELECT id FROM kept ORDER BY id`;
    const kept = rows.map((row) => row.id);
    // One more may be there: written, but killed before the answer.
    expect(kept.slice(0, answered.length)).toEqual(answered);
    expect(kept.length - answered.length).toBeLessThanOrEqual(1);
    expect(await second.stop()).toBe(0);

    const third = await start();
    expect(await neon(third.databaseUrl)`SELECT count(*)::int AS n FROM kept`).toEqual([{ n: kept.length }]);
    expect(await third.stop()).toBe(0);
  });

  test('is open to one process at a time', async () => {
    const first = await start();
    const error = await start().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof NeonProcessError)) throw new Error(`expected a refusal, not ${error}`);
    expect(error.exitCode).toBe(1);
    expect(error.log).toContain(`is in use by process ${first.child.pid}`);
    neonConfig.fetchEndpoint = first.fetchEndpoint;
    expect(await neon(first.databaseUrl)`SELECT 1 AS a`).toEqual([{ a: 1 }]);
  });

  test('that was killed while it was being made is made anew', async () => {
    const child = await spawnNeonProcess({ PGLITE_DIR: folder });
    const closed = once(child, 'close');
    // The mark appears first, the database's files after it, the version file among them.
    await vi.waitUntil(() => readFile(join(folder, 'pgdata', 'PG_VERSION')).catch(() => null), {
      ...WAIT,
      interval: 1,
    });
    child.kill('SIGKILL');
    await closed;
    // As it would be had it died early in the copying, which the kill may have been too late for.
    await writeFile(join(folder, 'unfinished'), '');
    await rm(join(folder, 'pgdata', 'base'), { recursive: true, force: true });
    const process = await start();
    expect(await neon(process.databaseUrl)`SELECT 1 AS a`).toEqual([{ a: 1 }]);
  });
});

test('the process ends when its parent is gone', async () => {
  const parent = await spawnNeonProcess({ PGLITE_DIR: 'memory' });
  const gone = once(parent, 'close');
  if (parent.pid === undefined) throw new Error('not started');
  const process = await startNeonProcess({ PGLITE_DIR: 'memory', PARENT_PID: String(parent.pid) });
  const ended = once(process.child, 'close');
  parent.kill('SIGKILL');
  await gone;
  expect(await ended).toEqual([0, null]);
});

test.each([
  ['neither engine', {}],
  ['both engines', { PGLITE_DIR: 'memory', DATABASE_URL: 'postgres://a:b@127.0.0.1/c' }],
])('a configuration with %s is refused', async (_name, env) => {
  const blank = { PGLITE_DIR: '', DATABASE_URL: '' };
  await expect(startNeonProcess({ ...blank, ...env })).rejects.toMatchObject({ exitCode: 2 });
});

/** Not `once`: that one rejects at the error which comes before the end. */
function endOf(client: pg.Client): Promise<void> {
  return new Promise((resolve) => client.once('end', () => resolve()));
}

function socketOf(client: pg.Client): Duplex {
  const { stream } = client.connection;
  return stream;
}
