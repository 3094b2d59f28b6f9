/** Lists page by page: a page is continued from its last entry's place in the order, so entries that come or go meanwhile shift nothing. */
import { z } from 'zod';

/** An entry's place in a list that is ordered by a time, then by id. */
export interface Cursor {
  atMs: number;
  id: string;
}

export interface Page<T> {
  items: T[];
  /** Where the next page begins; null at the list's end. */
  next: Cursor | null;
}

export interface PageRequest {
  limit: number;
  cursor?: Cursor | undefined;
}

/** A cursor as callers see it: `<ms>.<uuid>`. They hand it back as it is. */
export function encodeCursor(cursor: Cursor | null): string | null {
  return cursor && `${cursor.atMs}.${cursor.id}`;
}

export const cursorSchema = z
  .string()
  .regex(/^\d{1,15}\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/, 'is not a cursor')
  .transform((text): Cursor => {
    const [atMs = '', id = ''] = text.split('.');
    return { atMs: Number(atMs), id };
  });

/** The page in the answer to a query for one entry more than the page may have: that one says whether there is a next. */
export function pageOf<T>(entries: readonly T[], limit: number, placeOf: (entry: T) => Cursor): Page<T> {
  const items = entries.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last !== undefined && entries.length > limit ? placeOf(last) : null };
}
