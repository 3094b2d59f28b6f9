/**
 * The one statement by which sessions' code and messages reach Postgres: from a flush, or from a room that
 * falls back.
 */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { WriteRefusedError } from '../domain/errors.ts';
import { encodeReceipts } from '../domain/receipts.ts';
import { encodeTransport } from '../domain/transport.ts';
import { isSaid, type SessionMessage, type SessionWrite, type WriteOutcome } from '../domain/types.ts';
import { versionOf } from '../domain/versions.ts';
import { isStorable } from '../protocol/text.ts';
import { writeVersions } from './versions.ts';

/** JavaScript can't parse the year 10000 and later as Postgres prints them. */
const YEAR_10000_MS = Date.UTC(10_000, 0);

/**
 * The statement that writes `writes`, at most one for each session.
 *
 * It is one statement, hence one transaction with no client in its middle, and it relies on this:
 * - `locked` takes the rows' locks in id order and skips those another transaction holds, so two flushes
 *   neither wait for each other nor deadlock. It also reads each row as it is once locked, newer than the
 *   statement's snapshot maybe, so whether a write is newer is judged by what is really there.
 * - Code is taken only under a greater revision than the row's, and with it its receipts and what plays. A
 *   room that was superseded can't win: its revisions are of a lower term.
 * - Users and strudels that messages point to may have been deleted since. Their rows are locked against
 *   deletion, and a reference to one that is gone becomes null, so that it can't fail the batch.
 * - A message lands once, by its id. What a replaced room had under way may land after it was sent again to
 *   the next room, which shows it in another place: the greater position, which is the later room's, stays
 *   whichever comes first. Under another's text or user the id was taken from the message that has it, which
 *   stays as it is.
 * - Versions come as messages, and go into a table of their own, which {@link writeVersions} keeps small.
 * - A repeated write finds its revision no newer, its messages by their ids, and its activity no later: no
 *   row changes.
 *
 * @throws {TypeError} when two writes are for the same session: which one would win were not defined.
 * @throws {WriteRefusedError} 22021 when a text can't be stored as it is: Neon would answer with an error
 *   that doesn't tell it from an outage; 22008 when a time could be stored, but not be read back.
 */
export function writeSessionsStatement(writes: readonly SessionWrite[]): SQL {
  refuseDuplicates(writes);
  refuseUnstorable(writes);
  const ids = writes.map((write) => write.sessionId);
  const messages = writes.flatMap(({ sessionId, messages }) =>
    messages.filter(isSaid).map((message) => ({ sessionId, message })),
  );
  const versions = writes.flatMap(({ sessionId, messages }) =>
    messages.flatMap((message) => {
      const version = versionOf(message);
      return version ? [{ sessionId, ...version }] : [];
    }),
  );
  const field = <T>(pick: (message: SessionMessage) => T) =>
    sql.param(messages.map(({ message }) => pick(message)));

  const transports = writes.map(({ code }) => code && encodeTransport(code.transport));
  const userIds = distinct([
    ...writes.map((write) => write.code?.editorId),
    ...messages.map(({ message }) => message.userId),
    ...versions.map((version) => version.userId),
  ]);
  const strudelIds = distinct(messages.map(({ message }) => message.strudelId));

  return sql`
    with v as (
      select * from unnest(
        ${sql.param(ids)}::uuid[],
        ${sql.param(writes.map((write) => write.code?.code ?? null))}::text[],
        ${sql.param(writes.map((write) => write.code?.rev ?? null))}::bigint[],
        ${sql.param(writes.map((write) => write.code?.editorId ?? null))}::uuid[],
        ${sql.param(writes.map(lastActivityMs))}::bigint[],
        ${sql.param(writes.map((write) => write.code && encodeReceipts(write.code.receipts)))}::text[],
        ${sql.param(transports.map((stored) => stored?.transport ?? null))}::text[],
        ${sql.param(transports.map((stored) => stored?.played ?? null))}::text[]
      ) as v (id, code, rev, editor_id, active_ms, receipts, transport, played)
    ),
    m as (
      select * from unnest(
        ${sql.param(messages.map(({ sessionId }) => sessionId))}::uuid[],
        ${field((message) => message.id)}::uuid[],
        ${field((message) => message.type)}::text[],
        ${field((message) => message.role)}::text[],
        ${field((message) => message.userId)}::uuid[],
        ${field((message) => message.displayName)}::text[],
        ${field((message) => message.avatarUrl)}::text[],
        ${field((message) => message.content)}::text[],
        ${field((message) => message.isActionable)}::boolean[],
        ${field((message) => message.isCodeResponse)}::boolean[],
        ${field((message) => message.strudelId)}::uuid[],
        ${field((message) => message.createdAtMs)}::bigint[],
        ${field((message) => message.position)}::bigint[]
      ) with ordinality as m (
        session_id, id, message_type, role, user_id, display_name, avatar_url, content,
        is_actionable, is_code_response, strudel_id, created_ms, position, ordinal
      )
    ),
    locked as materialized (
      select s.id, s.code_rev
      from sessions s
      where s.id = any(${sql.param(ids)}::uuid[])
      order by s.id
      for no key update skip locked
    ),
    known_users as materialized (
      select u.id from users u where u.id = any(${sql.param(userIds)}::uuid[]) order by u.id for key share
    ),
    known_strudels as materialized (
      select t.id from strudels t where t.id = any(${sql.param(strudelIds)}::uuid[]) order by t.id for key share
    ),
    judged as (
      select
        v.*,
        coalesce(v.rev > l.code_rev, false) as is_newer,
        v.editor_id in (select id from known_users) as editor_is_known
      from v
      join locked l on l.id = v.id
    ),
    upd as (
      update sessions s
      set
        code = case when j.is_newer then j.code else s.code end,
        code_rev = case when j.is_newer then j.rev else s.code_rev end,
        receipts = case when j.is_newer then j.receipts::jsonb else s.receipts end,
        transport = case when j.is_newer then j.transport else s.transport end,
        played_code = case when j.is_newer then j.played else s.played_code end,
        last_editor_id = case
          when not j.is_newer then s.last_editor_id
          when j.editor_is_known then j.editor_id
        end,
        last_activity = greatest(s.last_activity, to_timestamp(j.active_ms / 1000.0)),
        updated_at = now()
      from judged j
      where s.id = j.id and (j.is_newer or to_timestamp(j.active_ms / 1000.0) > s.last_activity)
      returning s.id, s.code_rev
    ),
    ins as (
      insert into session_messages (
        session_id, id, message_type, role, user_id, display_name, avatar_url, content,
        is_actionable, is_code_response, strudel_id, created_at, position
      )
      select distinct on (m.session_id, m.id)
        m.session_id, m.id, m.message_type, m.role, u.id, m.display_name, m.avatar_url, m.content,
        m.is_actionable, m.is_code_response, t.id, to_timestamp(m.created_ms / 1000.0), m.position
      from m
      join judged j on j.id = m.session_id
      left join known_users u on u.id = m.user_id
      left join known_strudels t on t.id = m.strudel_id
      order by m.session_id, m.id, m.ordinal
      on conflict (session_id, id) do update
      set created_at = excluded.created_at, position = excluded.position
      where session_messages.position < excluded.position
        and session_messages.content = excluded.content
        and session_messages.user_id is not distinct from excluded.user_id
    )${versions.length > 0 ? writeVersions(versions) : sql.empty()}
    select
      w.position,
      case
        when l.id is not null then 'written'
        when exists (select from sessions s where s.id = w.id) then 'busy'
        else 'missing'
      end as status,
      coalesce(upd.code_rev, l.code_rev) as rev
    from unnest(${sql.param(ids)}::uuid[]) with ordinality as w (id, position)
    left join locked l on l.id = w.id
    left join upd on upd.id = w.id
    order by w.position`;
}

const outcomeRowsSchema = z.array(
  z.discriminatedUnion('status', [
    z.object({ status: z.literal('written'), rev: z.coerce.number() }),
    z.object({ status: z.enum(['busy', 'missing']) }),
  ]),
);

/** The outcomes in the statement's answer: one for each of `writes`, in their order. */
export function parseWriteOutcomes(writes: readonly SessionWrite[], rows: unknown): WriteOutcome[] {
  const outcomes = outcomeRowsSchema.length(writes.length).parse(rows);
  return writes.flatMap(({ sessionId }, i) => {
    const outcome = outcomes[i];
    return outcome === undefined ? [] : { sessionId, ...outcome };
  });
}

/**
 * When something last happened in the session, in milliseconds since the epoch; null when the write has
 * nothing in it.
 */
function lastActivityMs(write: SessionWrite): number | null {
  const times = write.messages.map((message) => message.createdAtMs);
  if (write.code !== null) times.push(write.code.editedAtMs);
  // Not Math.max(...times): a spread of many thousand arguments overflows the stack.
  return times.length === 0 ? null : times.reduce((latest, time) => Math.max(latest, time));
}

function distinct(ids: readonly (string | null | undefined)[]): string[] {
  return [...new Set(ids.flatMap((id) => id ?? []))];
}

function refuseDuplicates(writes: readonly SessionWrite[]): void {
  if (new Set(writes.map((write) => write.sessionId)).size !== writes.length) {
    throw new TypeError('a session is written at most once in a batch');
  }
}

function refuseUnstorable(writes: readonly SessionWrite[]): void {
  for (const { sessionId, code, messages } of writes) {
    const texts = messages.flatMap((m) => [m.content, m.displayName, m.avatarUrl ?? '']);
    const times = messages.map((m) => m.createdAtMs);
    if (code !== null) {
      texts.push(code.code, code.transport?.code ?? '', code.transport?.by ?? '');
      times.push(code.editedAtMs);
    }
    if (!texts.every(isStorable)) {
      throw new WriteRefusedError('22021', `a text of session ${sessionId} can't be stored as it is`);
    }
    if (!times.every(isStorableTime)) {
      throw new WriteRefusedError('22008', `a time of session ${sessionId} is out of range`);
    }
    if (messages.some((message) => message.type === 'version' && !versionOf(message))) {
      throw new WriteRefusedError('22023', `a version of session ${sessionId} is none`);
    }
  }
}

function isStorableTime(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms < YEAR_10000_MS;
}
