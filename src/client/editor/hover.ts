/** Help for the function under the pointer, or by a key for the one at the caret. */
import { type EditorState, type Extension, StateEffect, StateField } from '@codemirror/state';
import { type Command, EditorView, hoverTooltip, keymap, showTooltip, type Tooltip } from '@codemirror/view';
import { callsAround, type Word, wordAt } from './code-place.ts';
import { helpCard, helpInWords, helpLook } from './help-card.ts';
import type { ReferenceEntry } from './reference/index.ts';
import { loadReference, type Reference } from './reference-loading.ts';

const HOVER_MS = 400;

const set = StateEffect.define<Tooltip | null>();

/** The help that a key has opened. It goes when the caret moves or the text changes. */
const shown = StateField.define<Tooltip | null>({
  create: () => null,
  update(tooltip, { docChanged, selection, effects }) {
    const now = docChanged || selection ? null : tooltip;
    return effects.reduce((found, effect) => (effect.is(set) ? effect.value : found), now);
  },
  provide: (field) => showTooltip.from(field),
});

function tooltipOf({ from, to, name }: Word, entry: ReferenceEntry): Tooltip {
  return { pos: from, end: to, above: true, create: () => ({ dom: helpCard(entry, name) }) };
}

/** The function at the caret; else the innermost around it that there is help for. */
function findHelp(state: EditorState, { entryOf }: Reference): [Word, ReferenceEntry] | null {
  const { head } = state.selection.main;
  const here = wordAt(state, head);
  for (const word of [...(here ? [here] : []), ...callsAround(state, head)]) {
    const entry = entryOf(word.name);
    if (entry) return [word, entry];
  }
  return null;
}

async function openHelp(view: EditorView): Promise<void> {
  const { doc, selection } = view.state;
  const reference = await loadReference();
  // A participant who has typed meanwhile wants no help any more.
  if (view.state.doc !== doc || !view.state.selection.eq(selection)) return;
  const found = findHelp(view.state, reference);
  if (!found) {
    view.dispatch({ effects: EditorView.announce.of('No help for this word') });
    return;
  }
  const [word, entry] = found;
  view.dispatch({
    effects: [set.of(tooltipOf(word, entry)), EditorView.announce.of(helpInWords(entry, word.name))],
  });
}

/** Shows the help of the function at the caret, or of the call around it, and reads it out. */
export const showHelp: Command = (view) => {
  void openHelp(view);
  return true;
};

/** @returns false when none is shown, so that Escape goes on to what else it is for */
const hideHelp: Command = (view) => {
  if (!view.state.field(shown, false)) return false;
  view.dispatch({ effects: set.of(null) });
  return true;
};

/** Help by pointer and by F1 or Ctrl/⌘ + Shift + Space; Escape closes it. */
export const functionHelp: Extension = [
  shown,
  hoverTooltip(
    async (view, position) => {
      const word = wordAt(view.state, position);
      if (!word) return null;
      const entry = (await loadReference()).entryOf(word.name);
      return entry ? tooltipOf(word, entry) : null;
    },
    { hoverTime: HOVER_MS, hideOnChange: true },
  ),
  keymap.of([
    { key: 'F1', run: showHelp },
    { key: 'Mod-Shift-Space', run: showHelp },
    { key: 'Escape', run: hideHelp },
  ]),
  helpLook,
];
