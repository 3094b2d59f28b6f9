/** Pieces of SQL for queries that Drizzle's builder can't express. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Cursor } from '../domain/page.ts';

/** A time as milliseconds since the epoch. The column has that precision, so nothing is rounded. */
export const ms = (column: string): SQL => sql.raw(`(extract(epoch from ${column}) * 1000)::bigint`);

/** A time that a query gives by {@link ms}. */
export const msColumn = z.coerce.number();
/** The same, where it may be null. */
export const nullableMsColumn = z.union([z.null(), msColumn]);

/**
 * Whether an entry comes after the cursor in a list; anything does without one.
 * @param columns the time and the id, as `t.created_at, t.id`.
 * @param order `<` in a list that is newest first.
 */
export function isAfter(columns: string, order: '<' | '>', cursor: Cursor | undefined): SQL {
  if (cursor === undefined) return sql`true`;
  const place = sql`(to_timestamp(${cursor.atMs}::bigint / 1000.0), ${cursor.id}::uuid)`;
  return sql`(${sql.raw(columns)}) ${sql.raw(order)} ${place}`;
}
