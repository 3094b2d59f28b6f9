/** Saved strudels in Postgres. Each method is one statement. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Page } from '../domain/page.ts';
import type {
  NewStrudel,
  SavedStrudel,
  StrudelChange,
  StrudelMessage,
  StrudelQuery,
  StrudelRepository,
} from '../domain/strudels.ts';
import { MESSAGE_ROLES } from '../domain/types.ts';
import { MAX_LISTED_CONVERSATION_CHARS } from '../protocol/limits.ts';
import type { Database } from './client.ts';
import { bigint, ms, pageOf, rowsOf } from './sql.ts';

const messageRow = z.object({
  id: z.string(),
  role: z.enum(MESSAGE_ROLES),
  content: z.string(),
  isActionable: z.boolean(),
  isCodeResponse: z.boolean(),
  clarifyingQuestions: z.array(z.string()),
  createdAtMs: bigint,
}) satisfies z.ZodType<StrudelMessage>;

const columns = sql`t.id, t.user_id as "userId", t.title, t.code, t.description, t.tags, t.categories,
  t.is_public as "isPublic", t.license, t.cc_signal as "ccSignal", t.forked_from as "forkedFrom",
  (select p.cc_signal from strudels p where p.id = t.forked_from) as "parentCcSignal",
  (select u.name from users u where u.id = t.user_id) as "authorName",
  ${ms('t.created_at')} as "createdAtMs", ${ms('t.updated_at')} as "updatedAtMs"`;

/**
 * The conversation of a strudel `t`, as {@link rowSchema} reads it.
 * @param all where its messages are.
 * @param shown those of them that are shown, if not all are.
 */
const conversationIn = (all: SQL, shown: SQL = all) => sql`
  (select count(*) from ${all} m where m.strudel_id = t.id and m.role = 'assistant')::integer as "aiAssists",
  coalesce((
    select json_agg(json_build_object(
      'id', m.id, 'role', m.role, 'content', m.content, 'isActionable', m.is_actionable,
      'isCodeResponse', m.is_code_response, 'clarifyingQuestions', m.clarifying_questions,
      'createdAtMs', ${ms('m.created_at')}
    ) order by m.created_at, m.id)
    from ${shown} m where m.strudel_id = t.id
  ), '[]'::json) as conversation`;

const stored = sql`strudel_messages`;

/** The newest messages, as far as a list shows them: pages of whole conversations would have no bound. */
const newest = sql`(
  select * from (
    select n.*, sum(char_length(n.content)) over (order by n.created_at desc, n.id desc) as chars
    from strudel_messages n where n.strudel_id = t.id
  ) n
  where n.chars <= ${sql.raw(String(MAX_LISTED_CONVERSATION_CHARS))}
)`;

/** Whether a user may make a strudel from another; from none, always. */
const mayFork = (userId: string, forkedFrom: string | null): SQL => sql`(
  ${forkedFrom}::uuid is null or exists (
    select from strudels p where p.id = ${forkedFrom}::uuid and (p.is_public or p.user_id = ${userId}::uuid)
  )
)`;

const rowSchema = z
  .object({
    id: z.string(),
    userId: z.string(),
    title: z.string(),
    code: z.string(),
    description: z.string().nullable(),
    tags: z.array(z.string()),
    categories: z.array(z.string()),
    isPublic: z.boolean(),
    license: z.string().nullable(),
    ccSignal: z.string().nullable(),
    forkedFrom: z.string().nullable(),
    parentCcSignal: z.string().nullable(),
    authorName: z.string().nullable(),
    aiAssists: z.number(),
    createdAtMs: bigint,
    updatedAtMs: bigint,
    conversation: z.array(messageRow),
  })
  .transform(({ conversation, ...strudel }): SavedStrudel => ({ strudel, conversation }));

export class PostgresStrudels implements StrudelRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  create(input: NewStrudel): Promise<SavedStrudel | null> {
    return this.#saved(sql`
      with t as (
        insert into strudels
          (user_id, title, code, description, tags, categories, is_public, license, cc_signal, forked_from)
        select
          ${input.userId}::uuid, ${input.title}::text, ${input.code}::text, ${input.description}::text,
          ${sql.param(input.tags)}::text[], ${sql.param(input.categories)}::text[], ${input.isPublic}::boolean,
          ${input.license}::text, ${input.ccSignal}::text, ${input.forkedFrom}::uuid
        where ${mayFork(input.userId, input.forkedFrom)}
        returning *
      ), said as (${insertConversation(input.conversation)})
      select ${columns}, ${conversationIn(sql`said`)} from t`);
  }

  get(id: string, readerId: string | null): Promise<SavedStrudel | null> {
    return this.#saved(sql`
      select ${columns}, ${conversationIn(stored)} from strudels t
      where t.id = ${id}::uuid and (t.is_public or t.user_id = ${readerId}::uuid)`);
  }

  list({ userId, search, tag, ...page }: StrudelQuery): Promise<Page<SavedStrudel>> {
    const list = {
      columns: sql`${columns}, ${conversationIn(stored, newest)}`,
      from: sql`strudels t`,
      where: sql`${userId === null ? sql`t.is_public` : sql`t.user_id = ${userId}::uuid`}
        and ${search === undefined ? sql`true` : sql`t.title ilike ${`%${escapeLike(search)}%`}::text`}
        and ${tag === undefined ? sql`true` : sql`${tag}::text = any(t.tags)`}`,
      order: sql`t.updated_at desc, t.id desc`,
    };
    return pageOf(this.#db, list, page, rowSchema);
  }

  update(id: string, ownerId: string, change: StrudelChange): Promise<SavedStrudel | null> {
    const {
      title,
      code,
      description,
      tags,
      categories,
      isPublic,
      license,
      ccSignal,
      forkedFrom,
      conversation,
    } = change;
    const sets = [
      title === undefined ? [] : sql`title = ${title}::text`,
      code === undefined ? [] : sql`code = ${code}::text`,
      description === undefined ? [] : sql`description = ${description}::text`,
      tags === undefined ? [] : sql`tags = ${sql.param(tags)}::text[]`,
      categories === undefined ? [] : sql`categories = ${sql.param(categories)}::text[]`,
      license === undefined ? [] : sql`license = ${license}::text`,
      ccSignal === undefined ? [] : sql`cc_signal = ${ccSignal}::text`,
      forkedFrom === undefined ? [] : sql`forked_from = ${forkedFrom}::uuid`,
      isPublic === undefined ? [] : sql`is_public = ${isPublic}::boolean`,
      sql`updated_at = now()`,
    ].flat();
    const replacement =
      conversation === undefined
        ? sql``
        : sql`, unsaid as (delete from strudel_messages m using t where m.strudel_id = t.id),
          said as (${insertConversation(conversation)})`;
    return this.#saved(sql`
      with t as (
        update strudels set ${sql.join(sets, sql`, `)}
        where id = ${id}::uuid and user_id = ${ownerId}::uuid and ${mayFork(ownerId, forkedFrom ?? null)}
        returning *
      )${replacement}
      select ${columns}, ${conversationIn(conversation === undefined ? stored : sql`said`)} from t`);
  }

  async delete(id: string, ownerId: string): Promise<boolean> {
    const statement = sql`delete from strudels where id = ${id}::uuid and user_id = ${ownerId}::uuid returning id`;
    return (await rowsOf(this.#db, statement, z.unknown())).length > 0;
  }

  async #saved(statement: SQL): Promise<SavedStrudel | null> {
    return (await rowsOf(this.#db, statement, rowSchema))[0] ?? null;
  }
}

/** Adds a conversation to the strudel of the CTE `t`; a millisecond apart, so that its order is kept. */
function insertConversation(conversation: NewStrudel['conversation']): SQL {
  const field = <T>(pick: (message: NewStrudel['conversation'][number]) => T) =>
    sql.param(conversation.map(pick));
  return sql`
    insert into strudel_messages
      (strudel_id, user_id, role, content, is_actionable, is_code_response, clarifying_questions, created_at)
    select t.id, case when m.role = 'user' then t.user_id end, m.role, m.content, m.is_actionable, m.is_code_response,
      m.questions::jsonb,
      now() + make_interval(secs => m.position / 1000.0)
    from t, unnest(
      ${field(({ role }) => role)}::text[],
      ${field(({ content }) => content)}::text[],
      ${field(({ isActionable }) => isActionable)}::boolean[],
      ${field(({ isCodeResponse }) => isCodeResponse)}::boolean[],
      ${field(({ clarifyingQuestions }) => JSON.stringify(clarifyingQuestions))}::text[]
    ) with ordinality as m (role, content, is_actionable, is_code_response, questions, position)
    returning *`;
}

/** Text that LIKE takes as it is. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
