/** The official clients against the local SQL-over-HTTP server, on each engine that this machine has. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NeonDbError, type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless';
import { eq, sql as raw } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/neon-http';
import { bigint, customType, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres, type RunningPostgres, startPostgres } from '../../dev/neon/real-postgres.ts';
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { runQuery } from '../../src/postgres/errors.ts';
import { type NeonProcess, startNeonProcess } from '../support/neon-process.ts';

const run = promisify(execFile);
const hasPsql = await run('psql', ['--version']).then(
  () => true,
  () => false,
);
const engines = (await findPostgres()) === null ? (['pglite'] as const) : (['pglite', 'postgres'] as const);

describe.each(engines)('%s', (engine) => {
  let front: NeonProcess;
  let server: RunningPostgres | null = null;
  let folder: string | null = null;
  let sql: NeonQueryFunction<false, false>;

  beforeAll(async () => {
    if (engine === 'postgres') {
      folder = await mkdtemp(join(tmpdir(), 'backbeat-neon-'));
      server = await startPostgres({ dataDir: folder, log: () => {} });
    }
    front = await startNeonProcess(server === null ? { PGLITE_DIR: 'memory' } : { DATABASE_URL: server.url });
    neonConfig.fetchEndpoint = front.fetchEndpoint;
    sql = neon(front.databaseUrl);
  });

  afterAll(async () => {
    await front?.stop();
    await server?.stop();
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  });

  /** A request as no driver sends it. */
  async function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
    const response = await fetch(front.fetchEndpoint, {
      method: 'POST',
      body,
      headers: { 'Neon-Connection-String': front.databaseUrl, ...headers },
    });
    return { status: response.status, body: await response.json(), headers: response.headers };
  }

  const ask = (query: string, params: unknown[] = [], headers: Record<string, string> = {}) =>
    post(JSON.stringify({ query, params }), headers);

  async function refusal(query: PromiseLike<unknown>): Promise<NeonDbError> {
    const error = await Promise.resolve(query).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof NeonDbError)) throw new Error(`expected a NeonDbError, not ${error}`);
    return error;
  }

  describe('values', () => {
    test.each([
      ['int2', 'int2', -32768, -32768],
      ['int4', 'int4', 2147483647, 2147483647],
      ['int8', 'int8', '9223372036854775807', '9223372036854775807'],
      ['numeric', 'numeric', '12345678901234567890.123456789', '12345678901234567890.123456789'],
      ['float8', 'float8', 0.1, 0.1],
      ['float8 NaN', 'float8', 'NaN', Number.NaN],
      ['float8 infinity', 'float8', '-Infinity', Number.NEGATIVE_INFINITY],
      ['bool true', 'bool', true, true],
      ['bool false', 'bool', false, false],
      ['text', 'text', 'Ünï 🎵 "q" \\ \n\t\'', 'Ünï 🎵 "q" \\ \n\t\''],
      ['empty text', 'text', '', ''],
      ['null', 'text', null, null],
      ['json', 'json', { a: [1, null, 'x"y'] }, { a: [1, null, 'x"y'] }],
      ['jsonb', 'jsonb', { n: 1, s: '🎵' }, { n: 1, s: '🎵' }],
      ['uuid', 'uuid', '0190a5d0-5b5e-7bb0-8f6e-1c2d3e4f5a6b', '0190a5d0-5b5e-7bb0-8f6e-1c2d3e4f5a6b'],
      ['bytea', 'bytea', Buffer.from([0, 1, 127, 128, 255]), Buffer.from([0, 1, 127, 128, 255])],
      [
        'text[]',
        'text[]',
        ['a', 'b,c', '"q"', '\\', null, 'NULL', ''],
        ['a', 'b,c', '"q"', '\\', null, 'NULL', ''],
      ],
      ['int4[]', 'int4[]', [1, null, -3], [1, null, -3]],
      ['int8[]', 'int8[]', ['9223372036854775807'], ['9223372036854775807']],
      ['empty array', 'text[]', [], []],
      [
        'nested array',
        'int4[]',
        [
          [1, 2],
          [3, 4],
        ],
        [
          [1, 2],
          [3, 4],
        ],
      ],
    ])('%s goes in and comes out unchanged', async (_name, type, value, expected) => {
      const [row] = await sql.query(`SELECT $1::${type} AS v`, [value]);
      expect(row).toEqual({ v: expected });
    });

    test('timestamptz goes in and comes out unchanged', async () => {
      const time = new Date(1_700_000_000_123);
      const [row] = await sql`SELECT ${time}::timestamptz AS v`;
      // Drizzle, once used, has the driver leave times as text for the whole process.
      expect(new Date(row?.v)).toEqual(time);
    });

    test('arrays of texts and bigints spread over rows through unnest', async () => {
      const ids = ['1', '9007199254740993'];
      const codes = ['s("bd*2")', 'note("c\\\\e")\n'];
      const rows = await sql`SELECT * FROM unnest(${ids}::int8[], ${codes}::text[]) AS u(id, code)`;
      expect(rows).toEqual([
        { id: ids[0], code: codes[0] },
        { id: ids[1], code: codes[1] },
      ]);
    });
  });

  describe('results', () => {
    test('arrayMode gives rows as arrays, and keeps columns of one name apart', async () => {
      const asArrays = neon(front.databaseUrl, { arrayMode: true });
      expect(await asArrays`SELECT 1 AS a, 2 AS a`).toEqual([[1, 2]]);
    });

    test('fullResults tells command, count and fields', async () => {
      const full = neon(front.databaseUrl, { fullResults: true });
      await sql`CREATE TABLE full_results (id int PRIMARY KEY, name varchar(20))`;
      expect(await full`INSERT INTO full_results VALUES (1, 'a'), (2, 'b')`).toMatchObject({
        command: 'INSERT',
        rowCount: 2,
        rows: [],
        fields: [],
      });
      const selected = await full`SELECT id, name FROM full_results ORDER BY id`;
      expect(selected).toMatchObject({ command: 'SELECT', rowCount: 2, rowAsArray: false });
      expect(selected.fields).toEqual([
        expect.objectContaining({ name: 'id', dataTypeID: 23, columnID: 1, dataTypeSize: 4, format: 'text' }),
        expect.objectContaining({ name: 'name', dataTypeID: 1043, columnID: 2, dataTypeModifier: 24 }),
      ]);
      expect(selected.fields[0]?.tableID).toBeGreaterThan(0);
      expect(await full`UPDATE full_results SET name = 'c'`).toMatchObject({
        command: 'UPDATE',
        rowCount: 2,
      });
      expect(await full`CREATE TABLE full_results_2 (a int)`).toMatchObject({
        command: 'CREATE',
        rowCount: null,
      });
      expect(await full`SELECT 1 WHERE false`).toMatchObject({ command: 'SELECT', rowCount: 0, rows: [] });
      expect(await full.query('')).toMatchObject({ command: '', rowCount: null, rows: [], fields: [] });
    });

    test('without the raw-text header values have JSON types, and rows are objects', async () => {
      const { body } = await ask(
        `SELECT true AS b, 1::int2 AS i2, 2::int4 AS i4, 3::int8 AS i8, 1.5::float8 AS f, 'NaN'::float8 AS nan,
                1.10::numeric AS n, '{"big":12345678901234567890}'::json AS j, null::text AS nil, 'x"y' AS t,
                ARRAY[true,null] AS ba, ARRAY[[1,2],[3,4]] AS ia, ARRAY['a,b','"','NULL',null] AS ta,
                ARRAY['{"a":[1]}'::jsonb] AS ja, '[0:1]={5,6}'::int4[] AS bounded, '{}'::text[] AS empty`,
      );
      expect(body.rowAsArray).toBe(false);
      expect(body.rows).toEqual([
        {
          ...{ b: true, i2: 1, i4: 2, i8: '3', f: 1.5, nan: 'NaN', n: '1.10' },
          j: JSON.parse('{"big":12345678901234567890}'),
          ...{ nil: null, t: 'x"y', ba: [true, null] },
          ia: [
            [1, 2],
            [3, 4],
          ],
          ...{ ta: ['a,b', '"', 'NULL', null], ja: [{ a: [1] }], bounded: [5, 6], empty: [] },
        },
      ]);
    });

    test('a statement can ask for arrays itself', async () => {
      const { body } = await post(
        JSON.stringify({
          queries: [
            { query: 'SELECT 1 AS a', arrayMode: true },
            { query: 'SELECT 1 AS a', params: [], arrayMode: false },
          ],
        }),
        { 'Neon-Array-Mode': 'true', 'Neon-Raw-Text-Output': 'true' },
      );
      expect(body.results.map((result: { rows: unknown }) => result.rows)).toEqual([[['1']], [{ a: '1' }]]);
    });

    test('parameters may be JSON numbers, booleans, objects and arrays', async () => {
      const { body } = await ask(
        'SELECT $1::int4 AS i, $2::bool AS b, $3::jsonb AS j, $4::text[] AS a, $5::int4[] AS n, $6::jsonb[] AS o',
        [7, true, { k: [1, 'x'] }, ['a"b', null, 'c\\d', '{}'], [[1], [2]], [{ q: '"' }]],
      );
      expect(body.rows).toEqual([
        { i: 7, b: true, j: { k: [1, 'x'] }, a: ['a"b', null, 'c\\d', '{}'], n: [[1], [2]], o: [{ q: '"' }] },
      ]);
    });
  });

  describe('transactions', () => {
    beforeAll(async () => {
      await sql`CREATE TABLE tx (id int PRIMARY KEY)`;
    });

    test('all statements of a batch see one another and are kept', async () => {
      const results = await sql.transaction([
        sql`INSERT INTO tx VALUES (1)`,
        sql`SELECT count(*)::int AS n FROM tx WHERE id = 1`,
      ]);
      expect(results).toEqual([[], [{ n: 1 }]]);
      expect(await sql`SELECT id FROM tx WHERE id = 1`).toEqual([{ id: 1 }]);
    });

    test('the first error takes back the whole batch', async () => {
      const error = await refusal(
        sql.transaction([
          sql`INSERT INTO tx VALUES (2)`,
          sql`INSERT INTO tx VALUES (2)`,
          sql`INSERT INTO tx VALUES (3)`,
        ]),
      );
      expect(error.code).toBe('23505');
      expect(await sql`SELECT id FROM tx WHERE id IN (2, 3)`).toEqual([]);
    });

    test('an error at COMMIT is reported, and takes back the whole batch', async () => {
      await sql`CREATE TABLE deferred (id int PRIMARY KEY REFERENCES tx DEFERRABLE INITIALLY DEFERRED)`;
      const error = await refusal(sql.transaction([sql`INSERT INTO deferred VALUES (99)`]));
      expect(error).toMatchObject({ code: '23503', table: 'deferred' });
      expect(await sql`SELECT * FROM deferred`).toEqual([]);
    });

    test.each([
      ['ReadUncommitted', 'read uncommitted'],
      ['ReadCommitted', 'read committed'],
      ['RepeatableRead', 'repeatable read'],
      ['Serializable', 'serializable'],
    ] as const)('isolation level %s', async (isolationLevel, name) => {
      const [rows] = await sql.transaction(
        [
          sql`SELECT current_setting('transaction_isolation') AS level, current_setting('transaction_read_only') AS ro`,
        ],
        { isolationLevel },
      );
      expect(rows).toEqual([{ level: name, ro: 'off' }]);
    });

    test('read only and deferrable', async () => {
      const [rows] = await sql.transaction(
        [
          sql`SELECT current_setting('transaction_read_only') AS ro, current_setting('transaction_deferrable') AS df`,
        ],
        { isolationLevel: 'Serializable', readOnly: true, deferrable: true },
      );
      expect(rows).toEqual([{ ro: 'on', df: 'on' }]);
      const error = await refusal(sql.transaction([sql`INSERT INTO tx VALUES (4)`], { readOnly: true }));
      expect(error.code).toBe('25006');
      const [written] = await sql.transaction([sql`INSERT INTO tx VALUES (5) RETURNING id`], {
        readOnly: false,
      });
      expect(written).toEqual([{ id: 5 }]);
    });

    test('an unknown isolation level is refused', async () => {
      const answer = await post('{"queries":[]}', { 'Neon-Batch-Isolation-Level': 'Snapshot' });
      expect(answer).toMatchObject({ status: 400, body: { message: 'invalid isolation level' } });
    });

    test('a BEGIN of its own does not leak into the next request', async () => {
      await sql`BEGIN`;
      await Promise.all(Array.from({ length: 20 }, (_, i) => sql`INSERT INTO tx VALUES (${100 + i})`));
      await sql`ROLLBACK`;
      expect(await sql`SELECT count(*)::int AS n FROM tx WHERE id >= 100`).toEqual([{ n: 20 }]);
    });
  });

  describe('errors', () => {
    test('a duplicate key names its constraint, table and key', async () => {
      await sql`CREATE TABLE keyed (id int CONSTRAINT keyed_unique UNIQUE)`;
      await sql`INSERT INTO keyed VALUES (1)`;
      expect(await refusal(sql`INSERT INTO keyed VALUES (1)`)).toMatchObject({
        code: '23505',
        severity: 'ERROR',
        schema: 'public',
        table: 'keyed',
        constraint: 'keyed_unique',
        detail: 'Key (id)=(1) already exists.',
        routine: '_bt_check_unique',
      });
    });

    test('a missing column names the table and column', async () => {
      await sql`CREATE TABLE strict (a int, b int NOT NULL)`;
      expect(await refusal(sql`INSERT INTO strict (a) VALUES (1)`)).toMatchObject({
        code: '23502',
        table: 'strict',
        column: 'b',
      });
    });

    test('an undefined table has its position', async () => {
      const error = await refusal(sql.query('SELECT * FROM nowhere'));
      expect(error).toMatchObject({
        code: '42P01',
        position: '15',
        message: 'relation "nowhere" does not exist',
      });
    });

    test('an error inside a function has its context', async () => {
      await sql`CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1/0; END'`;
      const error = await refusal(sql`SELECT broken()`);
      expect(error.code).toBe('22012');
      expect(error.where).toContain('PL/pgSQL function broken()');
    });

    test('U+0000 can be neither text nor jsonb', async () => {
      expect((await refusal(sql.query('SELECT $1::text', ['a\0b']))).code).toBe('22021');
      expect((await refusal(sql.query('SELECT $1::jsonb', [JSON.stringify({ a: '\0' })]))).code).toBe(
        '22P05',
      );
    });

    test('a query text with U+0000 is refused rather than cut short', async () => {
      expect((await refusal(sql.query('SELECT 1\0; and the rest'))).message).toBe(
        'string contains embedded null',
      );
    });

    test('several statements in one text are refused', async () => {
      expect((await refusal(sql.query('SELECT 1; SELECT 2'))).code).toBe('42601');
      expect((await refusal(sql.query('SELECT $1::int; SELECT 2', [1]))).code).toBe('42601');
    });

    test('COPY from stdin is refused, and the database goes on', async () => {
      expect((await refusal(sql.query('/* x */ COPY pg_class FROM STDIN'))).code).toBe('0A000');
      expect((await refusal(sql.query('COPY (SELECT 1) TO STDOUT'))).code).toBe('0A000');
      expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }]);
    });

    test('too few parameters are refused, and the connection goes on', async () => {
      expect((await refusal(sql.query('SELECT $1::int, $2::int', [1]))).code).toBe('08P01');
      expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }]);
    });
  });

  describe('requests', () => {
    test('a wrong password or user is refused without a code, a wrong database as Postgres would', async () => {
      const url = new URL(front.databaseUrl);
      const changed = (change: (url: URL) => void) => {
        const other = new URL(url);
        change(other);
        return refusal(neon(other.href)`SELECT 1`);
      };
      expect(await changed((u) => (u.password = 'wrong'))).toMatchObject({
        code: '',
        message: "password authentication failed for user 'postgres'",
      });
      expect(await changed((u) => (u.username = 'nobody'))).toMatchObject({ code: '' });
      expect(await changed((u) => (u.pathname = '/nowhere'))).toMatchObject({ code: '3D000' });
    });

    test('a missing or malformed connection string is refused', async () => {
      expect((await ask('SELECT 1', [], { 'Neon-Connection-String': 'mysql://a:b@c/d' })).status).toBe(400);
      expect((await ask('SELECT 1', [], { 'Neon-Connection-String': 'postgres://' })).status).toBe(400);
      const response = await fetch(front.fetchEndpoint, { method: 'POST', body: '{"query":"SELECT 1"}' });
      expect(response.status).toBe(400);
    });

    test.each([
      ['no JSON', 'nonsense'],
      ['neither query nor queries', '{}'],
      ['a query that is no string', '{"query":1}'],
      ['a lone surrogate', '{"query":"SELECT $1","params":["\\ud800"]}'],
      ['bytes that are no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ])('a body with %s is a 400', async (_name, body) => {
      expect((await post(body)).status).toBe(400);
    });

    test('a body beyond 64 MB is a 413', async () => {
      const response = await fetch(front.fetchEndpoint, {
        method: 'POST',
        body: Buffer.alloc(64 * 1024 * 1024 + 1, 0x20),
        headers: { 'Neon-Connection-String': front.databaseUrl },
      });
      expect(response.status).toBe(413);
    });

    test('another path is a 404, another method a 405', async () => {
      expect((await fetch(new URL('/other', front.fetchEndpoint))).status).toBe(404);
      expect((await fetch(front.fetchEndpoint)).status).toBe(405);
    });

    test('5 MB go in and come out unchanged', async () => {
      const text = 'Ünï 🎵\n'.repeat(500_000);
      const [row] = await sql`SELECT ${text}::text AS text`;
      expect(row?.text === text).toBe(true);
    });

    test('many requests at once each get their own answer', async () => {
      const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => sql`SELECT ${i}::int AS i`));
      expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => [{ i }]));
    });

    test('batches at once are each a transaction of their own', async () => {
      await sql`CREATE TABLE counter (n int)`;
      await sql`INSERT INTO counter VALUES (0)`;
      await Promise.all(
        Array.from({ length: 20 }, () =>
          sql.transaction([sql`SELECT n FROM counter FOR UPDATE`, sql`UPDATE counter SET n = n + 1`]),
        ),
      );
      expect(await sql`SELECT n FROM counter`).toEqual([{ n: 20 }]);
    });

    test('the counters tell what reached the database', async () => {
      const stats = async () => (await fetch(new URL('/_stats', front.fetchEndpoint))).json();
      const before = await stats();
      await sql`SELECT 1`;
      await sql.transaction([sql`SELECT 1`, sql`SELECT 2`]);
      await post('nonsense');
      const after = await stats();
      expect(after.requests - before.requests).toBe(3);
      expect(after.transactions - before.transactions).toBe(2);
      expect(after.statements - before.statements).toBe(3);
      expect(after.bytesIn).toBeGreaterThan(before.bytesIn);
      expect(after.bytesOut).toBeGreaterThan(before.bytesOut);
    });
  });

  test('drizzle-orm/neon-http selects, inserts and batches', async () => {
    const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
    const jams = pgTable('jams', {
      id: uuid().primaryKey(),
      title: text().notNull(),
      rev: bigint({ mode: 'number' }).notNull(),
      plays: integer(),
      meta: jsonb().$type<{ tags: string[] }>(),
      blob: bytea(),
      at: timestamp({ withTimezone: true, mode: 'date' }).notNull(),
    });
    const db = drizzle(neon(front.databaseUrl));
    await db.execute(raw`CREATE TABLE jams (id uuid PRIMARY KEY, title text NOT NULL, rev int8 NOT NULL, plays int,
                         meta jsonb, blob bytea, at timestamptz NOT NULL)`);
    const row = {
      id: '0190a5d0-5b5e-7bb0-8f6e-1c2d3e4f5a6b',
      title: 'jam "one"',
      rev: 9007199254740991,
      plays: null,
      meta: { tags: ['a', 'b'] },
      blob: Buffer.from([0, 255]),
      at: new Date(1_700_000_000_123),
    };
    expect(await db.insert(jams).values(row).returning()).toEqual([row]);
    const [updated, selected] = await db.batch([
      db.update(jams).set({ plays: 1 }).where(eq(jams.id, row.id)).returning({ plays: jams.plays }),
      db.select().from(jams),
    ]);
    expect(updated).toEqual([{ plays: 1 }]);
    expect(selected).toEqual([{ ...row, plays: 1 }]);
    await expect(
      db.batch([db.update(jams).set({ plays: 2 }), db.insert(jams).values(row)]),
    ).rejects.toMatchObject({ code: '23505' });
    expect(await db.select({ plays: jams.plays }).from(jams)).toEqual([{ plays: 1 }]);
  });

  if (hasPsql) {
    test('psql opens the same database by its URL', async () => {
      await sql`CREATE TABLE seen (a text)`;
      await sql`INSERT INTO seen VALUES ('by http')`;
      const { stdout } = await run('psql', [
        front.databaseUrl,
        ...[
          '-At',
          '-v',
          'ON_ERROR_STOP=1',
          '-c',
          'SELECT a FROM seen',
          '-c',
          "INSERT INTO seen VALUES ('by psql')",
        ],
      ]);
      expect(stdout).toContain('by http');
      expect(await sql`SELECT a FROM seen ORDER BY a`).toEqual([{ a: 'by http' }, { a: 'by psql' }]);
    });
  }

  test('it says it is ready in one line, and ends with 0 on SIGTERM', async () => {
    const own = await startNeonProcess(
      server === null ? { PGLITE_DIR: 'memory' } : { DATABASE_URL: server.url },
    );
    expect(own.engine).toBe(engine);
    expect(await neon(own.databaseUrl)`SELECT 1 AS a`).toEqual([{ a: 1 }]);
    expect(await own.stop()).toBe(0);
    expect(own.stdout().trim().split('\n')).toHaveLength(1);
  });
});

test('what goes beyond Neon’s limits, or comes with a wrong password, is an outage to us', async () => {
  const limited = await startNeonProcess({
    PGLITE_DIR: 'memory',
    MAX_RESPONSE_BYTES: '1000',
    MAX_STORAGE_BYTES: '1000',
  });
  const ask = async (query: string, databaseUrl = limited.databaseUrl) => {
    const database = connectNeon({ databaseUrl, fetchEndpoint: limited.fetchEndpoint, timeoutMs: 30_000 });
    return runQuery(() => database.execute(query));
  };
  try {
    await ask('select 1');
    await expect(ask("select repeat('x', 2000)")).rejects.toThrow(
      new StorageUnavailableError('postgres', 'HTTP status 507'),
    );
    // What can't be written now waits; it isn't given up.
    await expect(ask('create table t (x int)')).rejects.toThrow(/^postgres: SQLSTATE 53100/);
    const wrong = new URL(limited.databaseUrl);
    wrong.password = 'wrong';
    await expect(ask('select 1', wrong.href)).rejects.toThrow(
      new StorageUnavailableError('postgres', 'password authentication failed'),
    );
  } finally {
    await limited.stop();
  }
});
