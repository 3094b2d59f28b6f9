/** Saved strudels in Postgres, over HTTP: what must be atomic is one statement. */
import { and, arrayContains, asc, desc, eq, ilike, or, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { StorageUnavailableError } from './errors.ts';
import type { Database } from './neon.ts';
import { ask } from './postgres-errors.ts';
import { strudelMessages, strudels } from './schema.ts';
import type {
  NewStrudel,
  Page,
  Strudel,
  StrudelChange,
  StrudelMessage,
  StrudelQuery,
  StrudelRepository,
} from './strudels.ts';

const rowSchema = z.array(
  z.object({
    id: z.string(),
    user_id: z.string(),
    title: z.string(),
    code: z.string(),
    description: z.string().nullable(),
    tags: z.array(z.string()),
    is_public: z.boolean(),
    created_ms: z.coerce.number(),
    updated_ms: z.coerce.number(),
  }),
);

const COLUMNS = sql.raw(
  'id, user_id, title, code, description, tags, is_public,' +
    ' (extract(epoch from created_at) * 1000)::bigint as created_ms,' +
    ' (extract(epoch from updated_at) * 1000)::bigint as updated_ms',
);

export class PostgresStrudels implements StrudelRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async create(input: NewStrudel): Promise<Strudel> {
    const result = await ask(() =>
      this.#db.execute(sql`
        with made as (
          insert into strudels (user_id, title, code, description, tags, is_public)
          values (
            ${input.userId}::uuid, ${input.title}::text, ${input.code}::text, ${input.description}::text,
            ${sql.param([...input.tags])}::text[], ${input.isPublic}::boolean
          )
          returning *
        ), said as (${insertConversation(input.conversation, sql`made`)})
        select ${COLUMNS} from made`),
    );
    const strudel = parseRows(result.rows)[0];
    if (strudel === undefined) throw new StorageUnavailableError('postgres', 'an insert returned no row');
    return strudel;
  }

  async get(
    id: string,
    readerId: string | null,
  ): Promise<{ strudel: Strudel; conversation: StrudelMessage[] } | null> {
    const [row] = await ask(() =>
      this.#db
        .select()
        .from(strudels)
        .where(
          and(
            eq(strudels.id, id),
            readerId === null ? strudels.isPublic : or(strudels.isPublic, eq(strudels.userId, readerId)),
          ),
        ),
    );
    if (row === undefined) return null;
    const said = await ask(() =>
      this.#db
        .select()
        .from(strudelMessages)
        .where(eq(strudelMessages.strudelId, id))
        .orderBy(asc(strudelMessages.createdAt), asc(strudelMessages.id)),
    );
    return {
      strudel: toStrudel(row),
      conversation: said.map(({ role, content, isActionable, isCodeResponse, createdAt }) => ({
        role,
        content,
        isActionable,
        isCodeResponse,
        createdAtMs: createdAt.getTime(),
      })),
    };
  }

  async list(query: StrudelQuery): Promise<Page<Strudel>> {
    const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
    const rows = await ask(() =>
      this.#db
        .select()
        .from(strudels)
        .where(
          and(
            query.userId === null ? strudels.isPublic : eq(strudels.userId, query.userId),
            query.search === undefined ? undefined : ilike(strudels.title, `%${escapeLike(query.search)}%`),
            query.tag === undefined ? undefined : arrayContains(strudels.tags, [query.tag]),
            after === null
              ? undefined
              : sql`(${strudels.updatedAt}, ${strudels.id}) < (to_timestamp(${after.atMs}::bigint / 1000.0), ${after.id}::uuid)`,
          ),
        )
        .orderBy(desc(strudels.updatedAt), desc(strudels.id))
        .limit(query.limit + 1),
    );
    const items = rows.slice(0, query.limit).map(toStrudel);
    const last = items.at(-1);
    const hasMore = rows.length > query.limit && last !== undefined;
    return { items, next: hasMore ? encodeCursor({ atMs: last.updatedAtMs, id: last.id }) : null };
  }

  async update(id: string, ownerId: string, change: StrudelChange): Promise<Strudel | null> {
    const { conversation } = change;
    const replaced =
      conversation === undefined
        ? sql``
        : sql`, gone as (delete from strudel_messages m using changed where m.strudel_id = changed.id),
              said as (${insertConversation(conversation, sql`changed`)})`;
    // A description may be set to null, so its absence has a flag of its own.
    const result = await ask(() =>
      this.#db.execute(sql`
        with changed as (
          update strudels set
            title = coalesce(${change.title ?? null}::text, title),
            code = coalesce(${change.code ?? null}::text, code),
            description = case when ${change.description !== undefined}::boolean then ${change.description ?? null}::text
              else description end,
            tags = coalesce(${change.tags === undefined ? null : sql.param([...change.tags])}::text[], tags),
            is_public = coalesce(${change.isPublic ?? null}::boolean, is_public),
            updated_at = now()
          where id = ${id}::uuid and user_id = ${ownerId}::uuid
          returning *
        )${replaced}
        select ${COLUMNS} from changed`),
    );
    return parseRows(result.rows)[0] ?? null;
  }

  async delete(id: string, ownerId: string): Promise<boolean> {
    const rows = await ask(() =>
      this.#db
        .delete(strudels)
        .where(and(eq(strudels.id, id), eq(strudels.userId, ownerId)))
        .returning({ id: strudels.id }),
    );
    return rows.length > 0;
  }
}

/** Adds a conversation to the strudel in `owner` (a CTE with its row), in order: a millisecond lies between two messages. */
function insertConversation(conversation: NewStrudel['conversation'], owner: SQL): SQL {
  const field = <T>(pick: (message: NewStrudel['conversation'][number]) => T) =>
    sql.param(conversation.map(pick));
  return sql`
    insert into strudel_messages (strudel_id, user_id, role, content, is_actionable, is_code_response, created_at)
    select o.id, case when m.role = 'user' then o.user_id end, m.role, m.content, m.is_actionable, m.is_code_response,
      now() + m.position * interval '1 millisecond'
    from ${owner} o, unnest(
      ${field(({ role }) => role)}::text[], ${field(({ content }) => content)}::text[],
      ${field(({ isActionable }) => isActionable)}::boolean[], ${field(({ isCodeResponse }) => isCodeResponse)}::boolean[]
    ) with ordinality as m (role, content, is_actionable, is_code_response, position)`;
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function parseRows(rows: unknown): Strudel[] {
  return rowSchema.parse(rows).map((row) => ({
    id: row.id,
    userId: row.user_id,
    title: row.title,
    code: row.code,
    description: row.description,
    tags: row.tags,
    isPublic: row.is_public,
    createdAtMs: row.created_ms,
    updatedAtMs: row.updated_ms,
  }));
}

function toStrudel(row: typeof strudels.$inferSelect): Strudel {
  const { id, userId, title, code, description, tags, isPublic } = row;
  return {
    id,
    userId,
    title,
    code,
    description,
    tags,
    isPublic,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}
