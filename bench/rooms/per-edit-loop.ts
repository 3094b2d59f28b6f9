/** The flush loop of the per-edit design: every five seconds, session by session. Runs until it is ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from '@upstash/redis';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { parseConfig, storageSchema } from '../../src/config.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { codeKey, dirtyCodeKey, dirtyMessagesKey, messagesKey } from './per-edit-keys.ts';

const INTERVAL_MS = 5_000;

const config = parseConfig(storageSchema, process.env);
const redis = new Redis({
  url: config.UPSTASH_REDIS_REST_URL,
  token: config.UPSTASH_REDIS_REST_TOKEN,
  automaticDeserialization: false,
  enableTelemetry: false,
});
const db = connectNeon({
  databaseUrl: config.DATABASE_URL,
  fetchEndpoint: config.NEON_FETCH_ENDPOINT,
  timeoutMs: config.POSTGRES_TIMEOUT_MS,
});

const codeSchema = z.object({ code: z.string(), rev: z.number() });
const messageSchema = z.object({ id: z.uuid(), content: z.string(), created_ms: z.number() });

async function flushCode(id: string): Promise<void> {
  const text = await redis.get<string>(codeKey(id));
  if (text !== null) {
    const { code, rev } = codeSchema.parse(JSON.parse(text));
    await db.execute(
      sql`update sessions set code = ${code}, code_rev = ${rev}, last_activity = now() where id = ${id}`,
    );
  }
  await redis.srem(dirtyCodeKey, id);
}

async function flushMessages(id: string): Promise<void> {
  const texts = await redis.lrange<string>(messagesKey(id), 0, -1);
  for (const text of texts) {
    const { id: messageId, content, created_ms } = messageSchema.parse(JSON.parse(text));
    await db.execute(sql`
      insert into session_messages (session_id, id, message_type, role, display_name, content, created_at)
      values (${id}, ${messageId}, 'chat', 'user', 'Ada', ${content}, to_timestamp(${created_ms}::bigint / 1000.0))`);
  }
  await redis.ltrim(messagesKey(id), texts.length, -1);
  await redis.srem(dirtyMessagesKey, id);
}

for (;;) {
  await delay(INTERVAL_MS);
  try {
    for (const id of await redis.smembers(dirtyCodeKey)) await flushCode(id);
    for (const id of await redis.smembers(dirtyMessagesKey)) await flushMessages(id);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
}
