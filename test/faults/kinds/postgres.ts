/** Postgres goes away, or somebody holds its rows. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Fault } from '../fault.ts';

const DOWN_MS: [number, number] = [0, 3_000];
const LOCK_MS = 10_000;

export const postgresFaults: readonly Fault[] = [
  {
    name: 'postgres-stop',
    what: 'Postgres shut down, then started',
    parts: ['postgres'],
    async run({ world: { stack }, random }) {
      await stack.control.stop('postgres');
      await delay(random.int(...DOWN_MS));
      await stack.control.start('postgres');
    },
  },
  {
    name: 'postgres-kill',
    what: 'kill -9 Postgres, then started',
    parts: ['postgres'],
    async run({ world: { stack }, random }) {
      await stack.control.kill('postgres');
      await delay(random.int(...DOWN_MS));
      await stack.control.start('postgres');
    },
  },
  {
    name: 'postgres-restart',
    what: 'Postgres restarted',
    parts: ['postgres'],
    async run({ world: { stack } }) {
      await stack.control.restart('postgres');
    },
  },
  {
    name: 'postgres-lock',
    what: "another transaction holds the flush's rows for 10 s",
    parts: ['postgres'],
    async run({ world, random, sessions }) {
      const ids = random.some(sessions, Math.ceil(sessions.length / 2)).map(({ ledger }) => ledger.sessionId);
      const client = new pg.Client({ connectionString: world.stack.databaseUrl });
      await client.connect();
      try {
        await client.query('begin');
        await client.query('select id from sessions where id = any($1::uuid[]) order by id for update', [
          ids,
        ]);
        await delay(LOCK_MS);
        await client.query('rollback');
      } finally {
        await client.end();
      }
    },
  },
];
