/** Patterns to begin with, from a first beat to whole tunes. They need no network. */
import { BEATS } from './beats.ts';
import type { Example } from './example.ts';
import { NOTES_AND_RHYTHMS } from './notes.ts';
import { SHAPING } from './shaping.ts';
import { TUNES } from './tunes.ts';

export type { Example } from './example.ts';

/** In the order of what one learns. */
export const EXAMPLES: readonly Example[] = [...BEATS, ...NOTES_AND_RHYTHMS, ...SHAPING, ...TUNES];
