/** Loads the reference when it is first needed, so that the editor's first load is without it. */
import type { ReferenceEntry } from './reference/index.ts';

export interface Reference {
  REFERENCE: readonly ReferenceEntry[];
  entryOf(name: string): ReferenceEntry | undefined;
}

const NONE: Reference = { REFERENCE: [], entryOf: () => undefined };

let loading: Promise<Reference> | null = null;

/** Where it can't be loaded (offline, or the site has a new release), there is none for now. */
export async function loadReference(): Promise<Reference> {
  loading ??= import('./reference/index.ts');
  try {
    return await loading;
  } catch {
    loading = null;
    return NONE;
  }
}
