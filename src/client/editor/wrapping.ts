/**
 * Wraps lines, unless one of them is very long. A browser lays a wrapped line out anew as a whole with each
 * key, which took a fifth of a second for one of 90 KB; of a line that isn't wrapped only what is in sight,
 * and a thousand characters to each side, is there. Scrolling sideways is what that costs.
 */
import {
  Compartment,
  type EditorState,
  type Extension,
  StateField,
  type Text,
  type Transaction,
} from '@codemirror/state';
import { EditorView } from '@codemirror/view';

/** As long as forty lines of a wide window. */
export const MAX_WRAPPED_CHARS = 4_000;

const hasLongLine = StateField.define<boolean>({
  create: ({ doc }: EditorState) => isLongIn(doc),
  update(hadLongLine, { docChanged, changes, state }: Transaction) {
    if (!docChanged) return hadLongLine;
    // It may be the one that was made shorter.
    if (hadLongLine) return isLongIn(state.doc);
    let isLong = false;
    changes.iterChangedRanges((_fromA, _toA, fromB, toB) => {
      for (let at = fromB; !isLong && at <= toB; ) {
        const line = state.doc.lineAt(at);
        isLong = line.length > MAX_WRAPPED_CHARS;
        at = line.to + 1;
      }
    });
    return isLong;
  },
});

function isLongIn(doc: Text): boolean {
  if (doc.length <= MAX_WRAPPED_CHARS) return false;
  for (const line of doc.iterLines()) if (line.length > MAX_WRAPPED_CHARS) return true;
  return false;
}

const WRAPPED = { class: 'cm-lineWrapping' };
const NOT_WRAPPED = {};
const NOTHING: Extension = [];

export const wrapping: Extension = [
  hasLongLine,
  // As `EditorView.lineWrapping` does it.
  EditorView.contentAttributes.compute([hasLongLine], (state) =>
    state.field(hasLongLine) ? NOT_WRAPPED : WRAPPED,
  ),
];

/** Something that is left out while a line is very long: what costs time for each word of it. */
export function whileWrapped(extension: Extension): Extension {
  const place = new Compartment();
  return [
    hasLongLine,
    place.of(extension),
    EditorView.updateListener.of(({ view, state }) => {
      const wanted = isWrapped(state) ? extension : NOTHING;
      if (place.get(state) !== wanted) view.dispatch({ effects: place.reconfigure(wanted) });
    }),
  ];
}

/** Whether lines are wrapped, in a state with `wrapping`. */
export const isWrapped = (state: EditorState): boolean => !state.field(hasLongLine);
