/** Shapes that routes of several kinds share. */
import * as z from 'zod';
import { DEFAULT_PAGE_ENTRIES, MAX_PAGE_ENTRIES, MAX_PAGE_OFFSET } from '../limits.ts';

export const uuid = z.uuid().toLowerCase();

export const instant = z.iso.datetime().meta({ description: 'ISO 8601, in UTC' });

/** The path's parameters of routes that are about one thing. */
export const ofOne = z.object({ id: uuid });

export const pageQuery = z.object({
  limit: z.coerce.number<number>().int().min(1).max(MAX_PAGE_ENTRIES).default(DEFAULT_PAGE_ENTRIES),
  offset: z.coerce.number<number>().int().min(0).max(MAX_PAGE_OFFSET).default(0),
});

export const pagination = z
  .object({
    limit: z.number().int(),
    offset: z.number().int(),
    total: z.number().int().meta({ description: 'entries of the whole list' }),
    has_more: z.boolean(),
  })
  .meta({ id: 'Pagination' });

/** The reply of what is done and has nothing to show. */
export const done = z.object({ message: z.string() }).meta({ id: 'Done' });

/** Every refusal's body. The message is for people. */
export const errorReply = z
  .object({ error: z.string(), message: z.string(), details: z.string().optional() })
  .meta({ id: 'Error' });
