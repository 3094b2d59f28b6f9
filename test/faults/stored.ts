/** What Postgres holds of all sessions. */
import type { Pool } from 'pg';
import type { StoredSession } from './checks.ts';

export async function readStored(database: Pool): Promise<Map<string, StoredSession>> {
  const sessions = await database.query<{ id: string; code: string; code_rev: string }>(
    'select id, code, code_rev from sessions',
  );
  const messages = await database.query<{
    session_id: string;
    id: string;
    content: string;
    position: string;
  }>('select session_id, id, content, position from session_messages order by position, id');
  const stored = new Map<string, StoredSession>(
    sessions.rows.map((row) => [row.id, { code: row.code, rev: Number(row.code_rev), messages: [] }]),
  );
  for (const row of messages.rows) {
    stored
      .get(row.session_id)
      ?.messages.push({ id: row.id, content: row.content, position: Number(row.position) });
  }
  return stored;
}
