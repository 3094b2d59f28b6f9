/** The installed Postgres behind the HTTP server: its life and death, and what callers see of it. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NeonDbError, neon, neonConfig } from '@neondatabase/serverless';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PostgresEngine } from '../../dev/neon/engine-postgres.ts';
import {
  findPostgres,
  PostgresStartError,
  type RunningPostgres,
  startPostgres,
} from '../../dev/neon/real-postgres.ts';
import { startNeonServer } from '../../dev/neon/server.ts';
import { WAIT } from '../support/wait.ts';

if ((await findPostgres()) === null) {
  test('without an installed server, starting one says what is missing', async () => {
    await expect(startPostgres({ dataDir: join(tmpdir(), 'none'), log: () => {} })).rejects.toThrow(
      /initdb and postgres/,
    );
  });
} else {
  describe('the installed server', () => {
    let folder: string;
    let cleanUps: (() => Promise<unknown>)[];

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'backbeat-postgres-'));
      cleanUps = [() => rm(folder, { recursive: true, force: true })];
    });

    afterEach(async () => {
      for (const cleanUp of cleanUps.reverse()) await cleanUp();
    });

    async function start(options: { port?: number; password?: string } = {}): Promise<RunningPostgres> {
      const server = await startPostgres({ dataDir: folder, log: () => {}, ...options });
      cleanUps.push(server.stop);
      return server;
    }

    async function serve(databaseUrl: string, maxConnections = 10) {
      const engine = new PostgresEngine({ databaseUrl, maxConnections, log: () => {} });
      const server = await startNeonServer({ engine, log: () => {} });
      cleanUps.push(async () => {
        await server.close();
        await engine.close();
      });
      neonConfig.fetchEndpoint = server.fetchEndpoint;
      return { sql: neon(databaseUrl), server };
    }

    const failure = (query: PromiseLike<unknown>) =>
      Promise.resolve(query).then(
        () => {
          throw new Error('expected a failure');
        },
        (error: unknown) => {
          if (error instanceof NeonDbError) return error;
          throw error;
        },
      );

    test('its pid is the postmaster’s, and it is durable and on loopback only', async () => {
      const server = await start();
      const { sql } = await serve(server.url);
      const [row] =
        await sql`SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS sync,
        current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
        current_setting('TimeZone') AS zone, split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int AS pid`;
      expect(row).toEqual({
        fsync: 'on',
        sync: 'on',
        addresses: '127.0.0.1',
        sockets: '',
        zone: 'UTC',
        pid: server.pid,
      });
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
      await expect(
        new pg.Client({ connectionString: server.url.replace('backbeat', 'wrong') }).connect(),
      ).rejects.toMatchObject({
        code: '28P01',
      });
    });

    test('keeps its data and password over a stop and a start', async () => {
      const first = await start({ password: 'p@ss/word' });
      await (await serve(first.url)).sql`CREATE TABLE kept AS SELECT 7 AS n`;
      await first.stop();
      expect(await readdir(folder)).not.toContain('postmaster.pid');
      const second = await start({ password: 'p@ss/word' });
      expect(await (await serve(second.url)).sql`SELECT n FROM kept`).toEqual([{ n: 7 }]);
    });

    test('killed while the HTTP server has connections, and started again: requests fail, then succeed by themselves', async () => {
      const first = await start();
      const port = Number(new URL(first.url).port);
      const { sql } = await serve(first.url);
      await sql`CREATE TABLE kept (n int)`;
      await Promise.all(Array.from({ length: 5 }, (_, n) => sql`INSERT INTO kept VALUES (${n})`));
      const hanging = failure(sql`SELECT pg_sleep(60)`);
      await vi.waitUntil(
        async () => (await sql`SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)'`).length > 0,
        WAIT,
      );
      first.child.kill('SIGKILL');
      // The backends notice that the postmaster is gone and end, each when it does: until then it answers.
      await hanging;
      await vi.waitUntil(
        () =>
          sql`SELECT 1`.then(
            () => false,
            (error: Error) => error.message.includes('HTTP status 500'),
          ),
        WAIT,
      );

      await start({ port });
      expect(await sql`SELECT count(*)::int AS n FROM kept`).toEqual([{ n: 5 }]);
    });

    test('an orderly shutdown ends requests with 57P01', async () => {
      const server = await start();
      const { sql } = await serve(server.url);
      const hanging = failure(sql`SELECT pg_sleep(60)`);
      await vi.waitUntil(
        async () => (await sql`SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)'`).length > 0,
        WAIT,
      );
      await server.stop();
      expect(await hanging).toMatchObject({ code: '57P01', severity: 'FATAL' });
    });

    test('a caller that goes away has its query cancelled, also when that held the only connection', async () => {
      const { sql } = await serve((await start()).url, 1);
      const gone = new AbortController();
      const hanging = sql.query('SELECT pg_sleep(60)', [], { fetchOptions: { signal: gone.signal } });
      const waiting = sql`SELECT 1 AS a`;
      const failed = failure(hanging);
      gone.abort();
      await failed;
      // Answered long before the minute is over.
      expect(await waiting).toEqual([{ a: 1 }]);
    });

    test('a second server on the same folder is refused, and the first one goes on', async () => {
      const first = await start();
      await expect(startPostgres({ dataDir: folder, log: () => {} })).rejects.toThrow(PostgresStartError);
      expect(await (await serve(first.url)).sql`SELECT 1 AS a`).toEqual([{ a: 1 }]);
    });

    test('a taken port is named', async () => {
      const first = await start();
      const other = `${folder}-other`;
      cleanUps.push(() => rm(other, { recursive: true, force: true }));
      const port = Number(new URL(first.url).port);
      await expect(startPostgres({ dataDir: other, port, log: () => {} })).rejects.toThrow(
        /Address already in use/,
      );
    });

    test('an initialisation that was interrupted leaves nothing that is taken for a cluster', async () => {
      const half = `${folder}.init`;
      const child = spawn('mkdir', ['-p', join(half, 'base')]);
      await new Promise((done) => child.once('close', done));
      expect(await (await serve((await start()).url)).sql`SELECT 1 AS a`).toEqual([{ a: 1 }]);
      await expect(stat(half)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });
}
