/** Values that messages, and bodies of the HTTP API, have in common. */
import * as z from 'zod';
import { MAX_CODE_BYTES, MAX_DISPLAY_NAME_CHARS } from './limits.ts';
import { fitsBytes, isStorable, withLineFeeds } from './text.ts';

export const roleSchema = z.enum(['host', 'co-author', 'viewer']);
export type Role = z.infer<typeof roleSchema>;

/** Any text that storage keeps unchanged. */
export const storableText = z.string().refine(isStorable, 'contains U+0000 or a lone surrogate');

/** Code; its lines end with `\n`, whatever ended them where it came from. */
export const codeSchema = storableText
  .overwrite(withLineFeeds)
  .refine((code) => fitsBytes(code, MAX_CODE_BYTES), `is larger than ${MAX_CODE_BYTES} bytes of UTF-8`);

export const displayNameSchema = storableText
  .max(MAX_DISPLAY_NAME_CHARS)
  .refine((name) => name.trim() !== '', 'is blank');
