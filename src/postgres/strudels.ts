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
  StrudelStats,
  TagCount,
} from '../domain/strudels.ts';
import { MESSAGE_ROLES } from '../domain/types.ts';
import { saysNoAi as isNoAi } from '../protocol/ai-signals.ts';
import { MAX_LISTED_CONVERSATION_CHARS } from '../protocol/limits.ts';
import type { Database } from './client.ts';
import { SYSTEM_USER_ID } from './schema.ts';
import { bigint, ms, nullableBigint, pageOf, rowsOf } from './sql.ts';

const messageRow = z.object({
  id: z.string(),
  role: z.enum(MESSAGE_ROLES),
  content: z.string(),
  isActionable: z.boolean(),
  isCodeResponse: z.boolean(),
  clarifyingQuestions: z.array(z.string()),
  createdAtMs: bigint,
}) satisfies z.ZodType<StrudelMessage>;

/** Uses of one user within this time are one. */
const USE_INTERVAL = sql.raw(`interval '10 minutes'`);
const MAX_SEARCH_WORDS = 8;
/** Most tags that are listed. */
const MAX_LISTED_TAGS = 200;

/** Whether a signal says "no AI": the same as in `src/protocol/ai-signals.ts`. */
const saysNoAi = (signal: string) =>
  sql.raw(`(regexp_replace(lower(coalesce(${signal}, '')), '[^a-z]', '', 'g') like 'noai%')`);

/** Whether what a strudel was made from forbids the AI. @param t its alias, or the table's name. */
function forbiddenByOrigin(t: string): SQL {
  return sql`coalesce(
    (select ${saysNoAi('p.cc_signal')} or p.inherits_no_ai from strudels p where p.id = ${sql.raw(t)}.forked_from),
    ${sql.raw(t)}.inherits_no_ai
  )`;
}

/**
 * Whether a strudel `t` must not be given to the AI. What it was made from is asked as it is now, and as it
 * was then where it isn't there any more.
 */
const isAiForbidden = sql`(${saysNoAi('t.cc_signal')} or ${forbiddenByOrigin('t')})`;

/**
 * What a strudel keeps of the one it is made from, as the CTE `parent`: no row when its maker can't read
 * that. Locked, or it might be deleted before the reference to it is there.
 */
const parentFor = (userId: string, forkedFrom: string | null) => sql`
  parent as (
    select p.id, p.title, (select u.name from users u where u.id = p.user_id) as author, p.cc_signal,
      ${saysNoAi('p.cc_signal')} or p.inherits_no_ai as forbids_ai
    from strudels p
    where p.id = ${forkedFrom}::uuid and (p.is_public or p.user_id = ${userId}::uuid)
    for key share of p
  )`;

/** Counts a use of each strudel of the CTE `used`, for all but its author. */
const countUses = (userId: string | null) => sql`
  insert into strudel_uses as u (strudel_id, user_id)
  select id, coalesce(${userId}::uuid, ${SYSTEM_USER_ID}::uuid) from used
  where is_public and user_id is distinct from ${userId}::uuid
  on conflict (strudel_id, user_id) do update set uses = u.uses + 1, last_used_at = now()
  where u.last_used_at < now() - ${USE_INTERVAL}`;

const columns = sql`t.id, t.user_id as "userId", t.title, t.code, t.description, t.tags, t.categories,
  t.is_public as "isPublic", t.license, t.cc_signal as "ccSignal", t.forked_from as "forkedFrom",
  case when t.forked_from is null then t.parent_cc_signal
    else (select p.cc_signal from strudels p where p.id = t.forked_from) end as "parentCcSignal",
  t.parent_title as "parentTitle", t.parent_author as "parentAuthor", ${isAiForbidden} as "isAiForbidden",
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
    parentTitle: z.string().nullable(),
    parentAuthor: z.string().nullable(),
    isAiForbidden: z.boolean(),
    authorName: z.string().nullable(),
    aiAssists: z.number(),
    createdAtMs: bigint,
    updatedAtMs: bigint,
    conversation: z.array(messageRow),
  })
  .transform(({ conversation, ...strudel }): SavedStrudel => ({ strudel, conversation }));

const statsRow = z.object({
  uses: bigint,
  users: bigint,
  lastUsedAtMs: nullableBigint,
  forks: bigint,
}) satisfies z.ZodType<StrudelStats>;

const tagRow = z.object({ tag: z.string(), count: bigint }) satisfies z.ZodType<TagCount>;

export class PostgresStrudels implements StrudelRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async create(input: NewStrudel): Promise<SavedStrudel> {
    const isFork = input.forkedFrom !== null;
    const kept = (column: string, said: string | null) => sql`
      case when p.id is null then ${isFork ? said : null}::text else ${sql.raw(`p.${column}`)} end`;
    const saved = await this.#saved(sql`
      with ${parentFor(input.userId, input.forkedFrom)}, t as (
        insert into strudels
          (user_id, title, code, description, tags, categories, is_public, license, cc_signal, forked_from,
           parent_title, parent_author, parent_cc_signal, inherits_no_ai)
        select
          ${input.userId}::uuid, ${input.title}::text, ${input.code}::text, ${input.description}::text,
          ${sql.param(input.tags)}::text[], ${sql.param(input.categories)}::text[], ${input.isPublic}::boolean,
          ${input.license}::text, ${input.ccSignal}::text, p.id,
          ${kept('title', input.parentTitle)}, ${kept('author', input.parentAuthor)},
          ${kept('cc_signal', input.parentCcSignal)},
          coalesce(p.forbids_ai, ${isFork && isNoAi(input.parentCcSignal)}::boolean)
        from (values (1)) one left join parent p on true
        returning *
      ), said as (${insertConversation(input.conversation)})
      select ${columns}, ${conversationIn(sql`said`)} from t`);
    if (!saved) throw new Error('Postgres returned no row of a strudel that it has stored');
    return saved;
  }

  get(id: string, readerId: string | null): Promise<SavedStrudel | null> {
    return this.#saved(sql`
      select ${columns}, ${conversationIn(stored)} from strudels t
      where t.id = ${id}::uuid and (t.is_public or t.user_id = ${readerId}::uuid)`);
  }

  use(id: string, userId: string | null): Promise<SavedStrudel | null> {
    return this.#saved(sql`
      with used as (
        select * from strudels t where t.id = ${id}::uuid and (t.is_public or t.user_id = ${userId}::uuid)
      ), counted as (${countUses(userId)})
      select ${columns}, ${conversationIn(stored)} from used t`);
  }

  async useWithAi(ids: readonly string[], userId: string | null): Promise<{ isForbidden: boolean } | null> {
    const row = z.object({ isForbidden: z.boolean().nullable() });
    const [found] = await rowsOf(
      this.#db,
      sql`
        with given as (
          select t.*, ${isAiForbidden} as forbids from strudels t where t.id = any(${sql.param([...ids])}::uuid[])
        ),
        used as (select * from given where not exists (select from given where forbids)),
        counted as (${countUses(userId)})
        select bool_or(forbids) as "isForbidden" from given`,
      row,
    );
    const isForbidden = found?.isForbidden ?? null;
    return isForbidden === null ? null : { isForbidden };
  }

  tags(): Promise<TagCount[]> {
    return rowsOf(
      this.#db,
      sql`
        select g.tag, count(*) as count from strudels t, unnest(t.tags) as g (tag)
        where t.is_public group by g.tag order by count(*) desc, g.tag limit ${MAX_LISTED_TAGS}::integer`,
      tagRow,
    );
  }

  async stats(id: string): Promise<StrudelStats | null> {
    const [found] = await rowsOf(
      this.#db,
      sql`
        select coalesce(sum(u.uses), 0)::bigint as uses,
          count(u.user_id) filter (where u.user_id <> ${SYSTEM_USER_ID}::uuid) as users,
          ${ms('max(u.last_used_at)')} as "lastUsedAtMs",
          (select count(*) from strudels f where f.forked_from = t.id) as forks
        from strudels t left join strudel_uses u on u.strudel_id = t.id
        where t.id = ${id}::uuid and t.is_public
        group by t.id`,
      statsRow,
    );
    return found ?? null;
  }

  list({ userId, search = '', tags = [], ...page }: StrudelQuery): Promise<Page<SavedStrudel>> {
    const list = {
      columns: sql`${columns}, ${conversationIn(stored, newest)}`,
      from: sql`strudels t`,
      where: sql`${userId === null ? sql`t.is_public` : sql`t.user_id = ${userId}::uuid`}
        and ${tags.length === 0 ? sql`true` : sql`t.tags @> ${sql.param([...tags])}::text[]`}
        and ${sql.join([sql`true`, ...wordsOf(search).map(isIn)], sql` and `)}`,
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
      forkedFrom === undefined ? [] : originSets(change, forkedFrom),
      isPublic === undefined ? [] : sql`is_public = ${isPublic}::boolean`,
      sql`updated_at = now()`,
    ].flat();
    const replacement =
      conversation === undefined
        ? sql``
        : sql`, unsaid as (delete from strudel_messages m using t where m.strudel_id = t.id),
          said as (${insertConversation(conversation)})`;
    return this.#saved(sql`
      with ${parentFor(ownerId, forkedFrom ?? null)}, t as (
        update strudels set ${sql.join(sets, sql`, `)}
        where id = ${id}::uuid and user_id = ${ownerId}::uuid
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

/**
 * What an update sets of the strudel that this one is made from. Where its owner can't read that any more, a
 * reference that is there stays, and so does what is known of it, unless the change says it anew.
 */
function originSets(change: StrudelChange, forkedFrom: string | null): SQL[] {
  const isThere = sql`exists (select from parent)`;
  // Of what was made from nothing that is named, or from the one that is named again.
  const isTheSame = sql`coalesce(strudels.forked_from = ${forkedFrom}::uuid, ${forkedFrom !== null}::boolean)`;
  const kept = (column: string, parentColumn: string, said: string | null | undefined) => sql`
    ${sql.raw(column)} = case
      when ${isThere} then (select ${sql.raw(parentColumn)} from parent)
      when ${forkedFrom}::uuid is null then null
      when ${said ?? null}::text is not null then ${said ?? null}::text
      when ${isTheSame} then strudels.${sql.raw(column)}
    end`;
  return [
    sql`forked_from = case
      when ${isThere} or strudels.forked_from = ${forkedFrom}::uuid then ${forkedFrom}::uuid
    end`,
    kept('parent_title', 'title', change.parentTitle),
    kept('parent_author', 'author', change.parentAuthor),
    kept('parent_cc_signal', 'cc_signal', change.parentCcSignal),
    // Who names another origin, or none, doesn't make an author's "no AI" void.
    sql`inherits_no_ai = ${forbiddenByOrigin('strudels')} or coalesce(
      (select forbids_ai from parent), ${forkedFrom !== null && isNoAi(change.parentCcSignal)}::boolean
    )`,
  ];
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

/** The different words of a search, no more than {@link MAX_SEARCH_WORDS}. */
function wordsOf(search: string): string[] {
  return [...new Set(search.split(/\s+/).filter((word) => word !== ''))].slice(0, MAX_SEARCH_WORDS);
}

/** Whether a word is in what a strudel `t` says of itself. */
function isIn(word: string): SQL {
  const pattern = sql`${`%${escapeLike(word)}%`}::text`;
  return sql`(
    t.title ilike ${pattern} or t.description ilike ${pattern}
    or exists (select from unnest(t.tags) as g (tag) where g.tag ilike ${pattern})
    or exists (select from users u where u.id = t.user_id and u.name ilike ${pattern})
  )`;
}

/** Text that LIKE takes as it is. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
