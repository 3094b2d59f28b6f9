/**
 * Strudel's most used words, with what they take, a sentence and an example: for completion and for help in
 * the editor. Loaded when either is first needed.
 */
import { EFFECTS } from './effects.ts';
import type { ReferenceEntry } from './entry.ts';
import { SOURCES } from './sources.ts';
import { TIME } from './time.ts';

export type { ReferenceEntry } from './entry.ts';

export const REFERENCE: readonly ReferenceEntry[] = [...SOURCES, ...TIME, ...EFFECTS];

const byName = new Map(
  REFERENCE.flatMap((entry) => [entry.name, ...entry.aliases].map((name) => [name, entry])),
);

/** What is said of a word, by its name or an alias. */
export const entryOf = (name: string): ReferenceEntry | undefined => byName.get(name);
