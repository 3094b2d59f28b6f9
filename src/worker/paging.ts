/** The query of a list: how many, and from where on. */
import { z } from 'zod';
import { cursorSchema } from '../domain/page.ts';

const DEFAULT_ENTRIES = 50;
const MAX_ENTRIES = 100;

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_ENTRIES).default(DEFAULT_ENTRIES),
  /** `next` of the page before. */
  cursor: cursorSchema.optional(),
});
