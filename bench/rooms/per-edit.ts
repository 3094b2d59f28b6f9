/**
 * The usual first design of a write-behind buffer, for comparison: each edit reads the session, then
 * SETs its code and SADDs its id to a set, which a loop flushes session by session. Each connection's
 * messages are handled in their order, one at a time. No epochs, no resends, no limits: it does less
 * than the product does.
 */
import { Redis } from '@upstash/redis/cloudflare';
import type * as Party from 'partykit/server';
import { z } from 'zod';
import { configSchema, parseConfig } from '../../src/config.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { parseClientMessage } from '../../src/protocol/index.ts';
import { codeKey, dirtyCodeKey, dirtyMessagesKey, messagesKey } from './per-edit-keys.ts';

const bufferedSchema = z.object({ code: z.string(), rev: z.number() });

export default class PerEditRoom implements Party.Server {
  readonly options: Party.ServerOptions = { hibernate: true };
  readonly #room: Party.Room;
  readonly #redis: Redis;
  readonly #sessions: PostgresSessionRepository;
  #queue: Promise<void> = Promise.resolve();

  constructor(room: Party.Room) {
    this.#room = room;
    const config = parseConfig(configSchema, room.env);
    this.#redis = new Redis({
      url: config.UPSTASH_REDIS_REST_URL,
      token: config.UPSTASH_REDIS_REST_TOKEN,
      automaticDeserialization: false,
      enableTelemetry: false,
    });
    this.#sessions = new PostgresSessionRepository(
      connectNeon({
        databaseUrl: config.DATABASE_URL,
        fetchEndpoint: config.NEON_FETCH_ENDPOINT,
        timeoutMs: config.POSTGRES_TIMEOUT_MS,
      }),
    );
  }

  async onConnect(connection: Party.Connection): Promise<void> {
    const { code, rev } = await this.#session();
    send(connection, 'session_state', { code, rev });
  }

  async onMessage(frame: string | ArrayBuffer | ArrayBufferView, sender: Party.Connection): Promise<void> {
    this.#queue = this.#queue.then(() =>
      this.#handle(String(frame), sender).catch(() => send(sender, 'error', { error: 'server_error' })),
    );
    await this.#queue;
  }

  async #handle(frame: string, sender: Party.Connection): Promise<void> {
    const parsed = parseClientMessage(frame);
    if (!parsed.ok) return send(sender, 'error', { error: parsed.error });
    const { message, requestId } = parsed;
    const { id } = this.#room;
    if (message.type === 'code_update') {
      if (!('code' in message.payload)) return send(sender, 'error', { error: 'validation_error' });
      const { code, cursor_line, cursor_col } = message.payload;
      const rev = (await this.#session()).rev + 1;
      await this.#redis.set(codeKey(id), JSON.stringify({ code, rev }));
      await this.#redis.sadd(dirtyCodeKey, id);
      send(sender, 'ack', { rev, request_id: requestId, durable: 'buffer' });
      this.#broadcast('code_update', { code, rev, cursor_line, cursor_col }, sender);
    } else if (message.type === 'chat_message') {
      const messageId = message.payload.id ?? crypto.randomUUID();
      const stored = { id: messageId, content: message.payload.message, created_ms: Date.now() };
      await this.#redis.rpush(messagesKey(id), JSON.stringify(stored));
      await this.#redis.sadd(dirtyMessagesKey, id);
      send(sender, 'ack', { message_id: messageId, durable: 'buffer' });
      this.#broadcast('chat_message', { id: messageId, message: stored.content });
    }
  }

  /** Postgres' row, overlaid with what is buffered. */
  async #session(): Promise<{ code: string; rev: number }> {
    const stored = await this.#sessions.getSession(this.#room.id);
    const text = await this.#redis.get<string>(codeKey(this.#room.id));
    const buffered = text === null ? null : bufferedSchema.parse(JSON.parse(text));
    return buffered ?? { code: stored?.code ?? '', rev: stored?.rev ?? 0 };
  }

  #broadcast(type: string, payload: object, except?: Party.Connection): void {
    for (const connection of this.#room.getConnections()) {
      if (connection !== except) send(connection, type, payload);
    }
  }
}

function send(connection: Party.Connection, type: string, payload: object): void {
  connection.send(JSON.stringify({ type, timestamp: new Date().toISOString(), payload }));
}
