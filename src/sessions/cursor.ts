/** Cursors of lists that are newest first: where a page ended, opaque to callers. */
import { z } from 'zod';

const positionSchema = z.tuple([z.number().int(), z.uuid()]);

/** The last item of a page: its time in milliseconds, and its id to settle ties. */
export interface Position {
  atMs: number;
  id: string;
}

export function encodeCursor({ atMs, id }: Position): string {
  return btoa(JSON.stringify([atMs, id])).replaceAll('=', '');
}

/** null for what isn't a cursor. */
export function decodeCursor(cursor: string): Position | null {
  try {
    const [atMs, id] = positionSchema.parse(JSON.parse(atob(cursor)));
    return { atMs, id };
  } catch {
    return null;
  }
}

/** What a query parameter must be. */
export const cursorSchema = z.string().refine((cursor) => decodeCursor(cursor) !== null, 'is not a cursor');
