/**
 * A record, kept by triggers in the run's own database, of everything that ever happened to
 * sessions' code and messages.
 */
import type { Pool } from 'pg';

const TRIGGERS = `
create table if not exists audit_code (
  position bigint generated always as identity primary key,
  session_id uuid not null, old_rev bigint not null, new_rev bigint not null, code text not null,
  at timestamptz not null default clock_timestamp()
);
create table if not exists audit_messages (
  position bigint generated always as identity primary key,
  session_id uuid not null, message_id uuid not null, operation text not null
);
create or replace function audit_code() returns trigger language plpgsql as $$
begin
  insert into audit_code (session_id, old_rev, new_rev, code) values (new.id, old.code_rev, new.code_rev, new.code);
  return null;
end $$;
create or replace function audit_messages() returns trigger language plpgsql as $$
begin
  -- A later room accepted it, in a place and at a time of its own.
  if tg_op = 'UPDATE' and new.position > old.position
    and to_jsonb(new) - 'created_at' - 'position' = to_jsonb(old) - 'created_at' - 'position' then return null; end if;
  insert into audit_messages (session_id, message_id, operation)
  values (coalesce(new.session_id, old.session_id), coalesce(new.id, old.id), tg_op);
  return null;
end $$;
create or replace trigger audit_code after update on sessions for each row
  when (old.code_rev is distinct from new.code_rev or old.code is distinct from new.code) execute function audit_code();
create or replace trigger audit_messages after insert or update or delete on session_messages for each row
  execute function audit_messages();
`;

export interface CodeChange {
  oldRev: number;
  newRev: number;
  code: string;
  atMs: number;
}

export interface MessageChange {
  messageId: string;
  operation: string;
}

export interface AuditTrail {
  /** By session id, oldest first. */
  code: Map<string, CodeChange[]>;
  messages: Map<string, MessageChange[]>;
}

export async function installAudit(database: Pool): Promise<void> {
  await database.query(TRIGGERS);
}

export async function readAudit(database: Pool): Promise<AuditTrail> {
  const code = await database.query<{
    session_id: string;
    old_rev: string;
    new_rev: string;
    code: string;
    at: Date;
  }>('select session_id, old_rev, new_rev, code, at from audit_code order by position');
  const messages = await database.query<{ session_id: string; message_id: string; operation: string }>(
    'select session_id, message_id, operation from audit_messages order by position',
  );
  const trail: AuditTrail = { code: new Map(), messages: new Map() };
  for (const row of code.rows) {
    push(trail.code, row.session_id, {
      oldRev: Number(row.old_rev),
      newRev: Number(row.new_rev),
      code: row.code,
      atMs: row.at.getTime(),
    });
  }
  for (const row of messages.rows) {
    push(trail.messages, row.session_id, { messageId: row.message_id, operation: row.operation });
  }
  return trail;
}

/** Forgets everything, and all sessions with it. */
export async function clearAudit(database: Pool): Promise<void> {
  await database.query('delete from sessions');
  await database.query('truncate audit_code, audit_messages');
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
