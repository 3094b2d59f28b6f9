/**
 * Hocuspocus as its documentation sets it up: the database extension, with `REDIS_URL` the Redis one too (by
 * which several servers talk to each other), everything else as it comes.
 * Environment: `DATABASE_URL`, `REDIS_URL`, `PORT` (a free one without it). Prints one line of
 * JSON when it listens.
 */
import inspector from 'node:inspector';
import { Database } from '@hocuspocus/extension-database';
import { Redis } from '@hocuspocus/extension-redis';
import { Server } from '@hocuspocus/server';
import pg from 'pg';
import { z } from 'zod';

const env = z
  .object({ DATABASE_URL: z.string(), REDIS_URL: z.url().optional(), PORT: z.coerce.number().default(0) })
  .parse(process.env);
const redisUrl = env.REDIS_URL === undefined ? null : new URL(env.REDIS_URL);
const pool = new pg.Pool({ connectionString: env.DATABASE_URL });

const server = new Server({
  port: env.PORT,
  address: '127.0.0.1',
  quiet: true,
  extensions: [
    ...(redisUrl ? [new Redis({ host: redisUrl.hostname, port: Number(redisUrl.port) })] : []),
    new Database({
      async fetch({ documentName }) {
        const { rows } = await pool.query<{ state: Buffer }>('select state from documents where name = $1', [
          documentName,
        ]);
        return rows[0]?.state ?? null;
      },
      async store({ documentName, state }) {
        await pool.query(
          `insert into documents (name, state) values ($1, $2)
           on conflict (name) do update set state = excluded.state`,
          [documentName, state],
        );
      },
    }),
  ],
});
await server.listen();
inspector.open(0, '127.0.0.1');
process.stdout.write(`${JSON.stringify({ url: server.webSocketURL, inspectorUrl: inspector.url() })}\n`);
