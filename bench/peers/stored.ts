/** Prints what Postgres holds of each Yjs document, one line of JSON each. Environment: `DATABASE_URL`. */
import pg from 'pg';
import * as Y from 'yjs';
import { digestOf } from '../load/document.ts';
import { TEXT } from './yjs-room.ts';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const { rows } = await client.query<{ name: string; state: Buffer }>('select name, state from documents');
for (const { name, state } of rows) {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, state);
  process.stdout.write(`${JSON.stringify({ id: name, digest: digestOf(doc.getText(TEXT).toString()) })}\n`);
}
await client.end();
