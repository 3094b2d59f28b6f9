/** Pieces of SQL for queries that Drizzle's builder can't express. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Page, PageRequest } from '../domain/page.ts';

/** A time as milliseconds since the epoch. The column has that precision, so nothing is rounded. */
export const ms = (column: string): SQL => sql.raw(`(extract(epoch from ${column}) * 1000)::bigint`);

/** A time that a query gives by {@link ms}. */
export const msColumn = z.coerce.number();
/** The same, where it may be null. */
export const nullableMsColumn = z.union([z.null(), msColumn]);

/** A list: which rows of what, in which order. */
export interface List {
  columns: SQL;
  from: SQL;
  where: SQL;
  /** It has to settle ties, so that pages don't overlap. */
  order: SQL;
}

/** The statement for one page of a list and the count of all of it. Its one row is for {@link parsePage}. */
export function pageStatement({ columns, from, where, order }: List, { limit, offset }: PageRequest): SQL {
  return sql`
    select (select count(*) from ${from} where ${where})::integer as total,
      coalesce((
        select json_agg(entry) from (
          select ${columns} from ${from} where ${where} order by ${order}
          limit ${limit}::integer offset ${offset}::integer
        ) entry
      ), '[]'::json) as items`;
}

/** @param entry a row of the list. */
export function parsePage<T extends z.ZodType>(entry: T, rows: readonly unknown[]): Page<z.output<T>> {
  const [page] = z.tuple([z.object({ total: z.number(), items: z.array(entry) })]).parse(rows);
  return page;
}
