/**
 * Formats a pattern's code by Prettier, which is loaded when it is first asked for. Texts and numbers stay as
 * they are written: Strudel reads "double" quotes as mini-notation and 'single' ones as they are, so to
 * change a quote would change the music.
 */
import { isolateHistory } from '@codemirror/commands';
import type { EditorView } from '@codemirror/view';
import { difference, textOf } from '../../merging/index.ts';

/** What came of it. With an error nothing has changed. */
export type Formatted = 'formatted' | 'unchanged' | { error: string };

/** Prettier's own work is done at a stretch; a text of another participant's meanwhile is formatted again. */
const MAX_TRIES = 3;

/**
 * Formats the editor's text, as one edit of the user's own that changes only what differs: carets stay, the
 * others' too, and one undo takes it back.
 */
export async function formatCode(view: EditorView): Promise<Formatted> {
  let formatter: typeof import('./formatter.ts');
  try {
    formatter = await import('./formatter.ts');
  } catch {
    return {
      error:
        'The formatter couldn’t be loaded. If you aren’t offline, reload the page: it is older than the server.',
    };
  }
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const { doc, readOnly } = view.state;
    if (readOnly) return { error: 'You can read this pattern, but not change it.' };
    const result = await formatter.format(doc.toString());
    if ('error' in result) return result;
    if (view.state.doc !== doc) continue;
    const changes = difference(doc, textOf(result.code), 'layout');
    if (changes.empty) return 'unchanged';
    view.dispatch({ changes, annotations: isolateHistory.of('full'), userEvent: 'format' });
    return 'formatted';
  }
  return { error: 'The pattern is being changed by others. Try again in a moment.' };
}
