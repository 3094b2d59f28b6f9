/** Postgres goes away, or somebody holds its rows. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { redirty } from '../../../deploy/redirty.ts';
import type { Fault } from '../fault.ts';
import { patiently } from '../until.ts';

const DOWN_MS: [number, number] = [0, 3_000];
const LOCK_MS = 10_000;
/** How old a backup is when it is restored. */
const BACKUP_AGE_MS: [number, number] = [500, 4_000];
const BACKUP = `
  drop table if exists backup_sessions, backup_messages;
  create table backup_sessions as select id, code, code_rev, receipts from sessions;
  create table backup_messages as select session_id, id from session_messages`;
/** At once, and without the triggers: it isn't a change that anybody made. */
const RESTORE_CODE = `
  update sessions s set code = b.code, code_rev = b.code_rev, receipts = b.receipts
  from backup_sessions b where b.id = s.id`;
const RESTORE_MESSAGES = `
  delete from session_messages m
  where not exists (select from backup_messages b where b.session_id = m.session_id and b.id = m.id)
  returning m.id`;

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
  {
    name: 'postgres-restored',
    what: 'Postgres becomes what it was up to 4 s ago, as from a backup; then npm run redirty',
    // Where Postgres stands in for Redis, it alone has what was acknowledged.
    parts: ['postgres', 'neonHttp', 'redis', 'redisRest'],
    async run({ world, random, gone }) {
      await patiently('a backup is made', () => world.database.query(BACKUP));
      await delay(random.int(...BACKUP_AGE_MS));
      const client = new pg.Client({ connectionString: world.stack.databaseUrl });
      await client.connect();
      try {
        await client.query('begin');
        await client.query('lock table sessions, session_messages in exclusive mode');
        await client.query('set local session_replication_role = replica');
        await client.query(RESTORE_CODE);
        const { rows } = await client.query<{ id: string }>(RESTORE_MESSAGES);
        await client.query('commit');
        for (const { id } of rows) gone.add(id);
      } finally {
        await client.end();
      }
      const target = { url: world.stack.workerUrl, flushSecret: world.stack.flushSecret };
      await patiently('everything is marked', () => redirty(target));
    },
  },
];
