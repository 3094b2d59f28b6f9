/** Pieces of SQL for queries that Drizzle's builder can't express. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Page, PageRequest } from '../domain/page.ts';
import type { Database } from './client.ts';
import { runQuery } from './errors.ts';

/** A time as milliseconds since the epoch. The column has that precision, so nothing is rounded. */
export const ms = (column: string): SQL => sql.raw(`(extract(epoch from ${column}) * 1000)::bigint`);

/** A number that a query gives as bigint, such as a time by {@link ms}. */
export const bigint = z.coerce.number();
/** The same, where it may be null. */
export const nullableBigint = z.union([z.null(), bigint]);

/** A list: which rows of what, in which order. */
interface List {
  columns: SQL;
  from: SQL;
  where: SQL;
  /** It has to settle ties, so that pages don't overlap. */
  order: SQL;
}

/** The rows of one statement, each parsed. */
export async function rowsOf<T extends z.ZodType>(
  db: Database,
  statement: SQL,
  row: T,
): Promise<z.output<T>[]> {
  const { rows } = await runQuery(() => db.execute(statement));
  return z.array(row).parse(rows);
}

/**
 * As {@link rowsOf}, with statements of the same key one after the other: each sees what those before it did.
 * One that only waits for a row doesn't: it goes on with all other rows as they were when it began.
 */
export async function rowsInTurn<T extends z.ZodType>(
  db: Database,
  key: string,
  statement: SQL,
  row: T,
): Promise<z.output<T>[]> {
  const turn = sql`select pg_advisory_xact_lock(hashtextextended(${key}::text, 0))`;
  const [, { rows }] = await runQuery(() => db.batch([db.execute(turn), db.execute(statement)]));
  return z.array(row).parse(rows);
}

/**
 * Bytes of one page's rows at most, as an answer encodes them: Neon's HTTP gives no more than 10 MB, and has
 * run the statement by then. One row is given all the same; none here comes near it.
 */
export const MAX_PAGE_BYTES = 4_000_000;

/** What a text takes in an answer, with quotes and escapes. JSON is text there, so it has them twice. */
export const encodedBytes = (text: SQL): SQL => sql`octet_length(to_json(${text})::text)`;

/**
 * One page of a list, and the count of all of it, in one statement. It has fewer rows than asked for where
 * these are large: the next page begins after those that it has.
 */
export async function pageOf<T extends z.ZodType>(
  db: Database,
  { columns, from, where, order }: List,
  { limit, offset }: PageRequest,
  row: T,
): Promise<Page<z.output<T>>> {
  const statement = sql`
    select (select count(*) from ${from} where ${where})::integer as total,
      coalesce((
        select json_agg(fitting.entry order by fitting.nth) from (
          select e.entry, e.nth, sum(${encodedBytes(sql`e.entry::text`)}) over (order by e.nth) as bytes from (
            select row_to_json(r) as entry, row_number() over () as nth from (
              select ${columns} from ${from} where ${where} order by ${order}
              limit ${limit}::integer offset ${offset}::integer
            ) r
          ) e
        ) fitting
        where fitting.nth = 1 or fitting.bytes <= ${sql.raw(String(MAX_PAGE_BYTES))}
      ), '[]'::json) as items`;
  const [page] = await rowsOf(db, statement, z.object({ total: z.number(), items: z.array(row) }));
  return page ?? { total: 0, items: [] };
}
