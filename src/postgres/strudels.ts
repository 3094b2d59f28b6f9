/** Saved strudels in Postgres. Each method is one statement. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { StorageUnavailableError } from '../domain/errors.ts';
import { type Page, pageOf } from '../domain/page.ts';
import type {
  NewStrudel,
  Strudel,
  StrudelChange,
  StrudelMessage,
  StrudelQuery,
  StrudelRepository,
} from '../domain/strudels.ts';
import { MESSAGE_ROLES } from '../domain/types.ts';
import type { Database } from './client.ts';
import { ask } from './errors.ts';
import { isAfter, ms, msColumn } from './sql.ts';

const columns = sql`t.id, t.user_id, t.title, t.code, t.description, t.tags, t.is_public,
  ${ms('t.created_at')} as created_ms, ${ms('t.updated_at')} as updated_ms`;

const rowSchema = z
  .object({
    id: z.string(),
    user_id: z.string(),
    title: z.string(),
    code: z.string(),
    description: z.string().nullable(),
    tags: z.array(z.string()),
    is_public: z.boolean(),
    created_ms: msColumn,
    updated_ms: msColumn,
  })
  .transform(
    (row): Strudel => ({
      id: row.id,
      userId: row.user_id,
      title: row.title,
      code: row.code,
      description: row.description,
      tags: row.tags,
      isPublic: row.is_public,
      createdAtMs: row.created_ms,
      updatedAtMs: row.updated_ms,
    }),
  );

const messageSchema = z
  .object({
    role: z.enum(MESSAGE_ROLES),
    content: z.string(),
    is_actionable: z.boolean(),
    is_code_response: z.boolean(),
    created_ms: msColumn,
  })
  .transform(
    (row): StrudelMessage => ({
      role: row.role,
      content: row.content,
      isActionable: row.is_actionable,
      isCodeResponse: row.is_code_response,
      createdAtMs: row.created_ms,
    }),
  );

export class PostgresStrudels implements StrudelRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async create(input: NewStrudel): Promise<Strudel> {
    const [strudel] = await this.#rows(sql`
      with t as (
        insert into strudels (user_id, title, code, description, tags, is_public)
        values (
          ${input.userId}::uuid, ${input.title}::text, ${input.code}::text, ${input.description}::text,
          ${sql.param(input.tags)}::text[], ${input.isPublic}::boolean
        )
        returning *
      ), said as (${insertConversation(input.conversation)})
      select ${columns} from t`);
    if (strudel === undefined) throw new StorageUnavailableError('postgres', 'an insert returned no row');
    return strudel;
  }

  async get(id: string, readerId: string | null) {
    const result = await ask(() =>
      this.#db.execute(sql`
        select ${columns}, coalesce((
          select json_agg(json_build_object(
            'role', m.role, 'content', m.content, 'is_actionable', m.is_actionable,
            'is_code_response', m.is_code_response, 'created_ms', ${ms('m.created_at')}
          ) order by m.created_at, m.id)
          from strudel_messages m where m.strudel_id = t.id
        ), '[]'::json) as conversation
        from strudels t
        where t.id = ${id}::uuid and (t.is_public or t.user_id = ${readerId}::uuid)`),
    );
    const [row] = result.rows;
    if (row === undefined) return null;
    const { conversation } = z.object({ conversation: z.array(messageSchema) }).parse(row);
    return { strudel: rowSchema.parse(row), conversation };
  }

  async list({ userId, search, tag, limit, cursor }: StrudelQuery): Promise<Page<Strudel>> {
    const strudels = await this.#rows(sql`
      select ${columns} from strudels t
      where ${userId === null ? sql`t.is_public` : sql`t.user_id = ${userId}::uuid`}
        and ${search === undefined ? sql`true` : sql`t.title ilike ${`%${escapeLike(search)}%`}::text`}
        and ${tag === undefined ? sql`true` : sql`${tag}::text = any(t.tags)`}
        and ${isAfter('t.updated_at, t.id', '<', cursor)}
      order by t.updated_at desc, t.id desc
      limit ${limit + 1}::integer`);
    return pageOf(strudels, limit, ({ updatedAtMs, id }) => ({ atMs: updatedAtMs, id }));
  }

  async update(id: string, ownerId: string, change: StrudelChange): Promise<Strudel | null> {
    const { title, code, description, tags, isPublic, conversation } = change;
    const sets = [
      title === undefined ? [] : sql`title = ${title}::text`,
      code === undefined ? [] : sql`code = ${code}::text`,
      description === undefined ? [] : sql`description = ${description}::text`,
      tags === undefined ? [] : sql`tags = ${sql.param(tags)}::text[]`,
      isPublic === undefined ? [] : sql`is_public = ${isPublic}::boolean`,
      sql`updated_at = now()`,
    ].flat();
    const replacement =
      conversation === undefined
        ? sql``
        : sql`, unsaid as (delete from strudel_messages m using t where m.strudel_id = t.id),
          said as (${insertConversation(conversation)})`;
    const [strudel] = await this.#rows(sql`
      with t as (
        update strudels set ${sql.join(sets, sql`, `)}
        where id = ${id}::uuid and user_id = ${ownerId}::uuid
        returning *
      )${replacement}
      select ${columns} from t`);
    return strudel ?? null;
  }

  async delete(id: string, ownerId: string): Promise<boolean> {
    const result = await ask(() =>
      this.#db.execute(
        sql`delete from strudels where id = ${id}::uuid and user_id = ${ownerId}::uuid returning id`,
      ),
    );
    return result.rows.length > 0;
  }

  async #rows(query: SQL): Promise<Strudel[]> {
    const result = await ask(() => this.#db.execute(query));
    return z.array(rowSchema).parse(result.rows);
  }
}

/** Adds a conversation to the strudel of the CTE `t`; a millisecond apart, so that its order is kept. */
function insertConversation(conversation: NewStrudel['conversation']): SQL {
  const field = <T>(pick: (message: NewStrudel['conversation'][number]) => T) =>
    sql.param(conversation.map(pick));
  return sql`
    insert into strudel_messages (strudel_id, user_id, role, content, is_actionable, is_code_response, created_at)
    select t.id, case when m.role = 'user' then t.user_id end, m.role, m.content, m.is_actionable, m.is_code_response,
      now() + make_interval(secs => m.position / 1000.0)
    from t, unnest(
      ${field(({ role }) => role)}::text[],
      ${field(({ content }) => content)}::text[],
      ${field(({ isActionable }) => isActionable)}::boolean[],
      ${field(({ isCodeResponse }) => isCodeResponse)}::boolean[]
    ) with ordinality as m (role, content, is_actionable, is_code_response, position)`;
}

/** Text that LIKE takes as it is. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
