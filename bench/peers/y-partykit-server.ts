/** y-partykit with a load and a save callback, everything else as it comes. */
import { sql } from 'drizzle-orm';
import type * as Party from 'partykit/server';
import { onConnect } from 'y-partykit';
import * as Y from 'yjs';
import { z } from 'zod';
import { connectNeon, type Database } from '../../src/postgres/client.ts';

const envSchema = z.object({ DATABASE_URL: z.string(), NEON_FETCH_ENDPOINT: z.string() });
const rowsSchema = z.array(z.object({ state: z.string() }));
const TIMEOUT_MS = 60_000;

let database: Database | undefined;

function databaseOf(env: Record<string, unknown>): Database {
  const { DATABASE_URL, NEON_FETCH_ENDPOINT } = envSchema.parse(env);
  database ??= connectNeon({
    databaseUrl: DATABASE_URL,
    fetchEndpoint: NEON_FETCH_ENDPOINT,
    timeoutMs: TIMEOUT_MS,
  });
  return database;
}

export default class YjsServer implements Party.Server {
  readonly #room: Party.Room;

  constructor(room: Party.Room) {
    this.#room = room;
  }

  /** The stack waits for `/health`. */
  static async onFetch(): Promise<Response> {
    return new Response('ok');
  }

  onConnect(connection: Party.Connection) {
    const room = this.#room;
    const db = databaseOf(room.env);
    return onConnect(connection, room, {
      async load() {
        const found = await db.execute(
          sql`select encode(state, 'base64') as state from documents where name = ${room.id}`,
        );
        const [row] = rowsSchema.parse(found.rows);
        if (!row) return null;
        const doc = new Y.Doc();
        Y.applyUpdate(doc, fromBase64(row.state));
        return doc;
      },
      callback: {
        async handler(doc) {
          const state = toBase64(Y.encodeStateAsUpdate(doc));
          await db.execute(sql`
            insert into documents (name, state) values (${room.id}, decode(${state}, 'base64'))
            on conflict (name) do update set state = excluded.state`);
        },
      },
    });
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replaceAll('\n', '')), (char) => char.charCodeAt(0));
}
