/**
 * Shows which sounds of what plays aren't heard: each is underlined, with the words below its line. It is a
 * warning, as the rest plays on. It goes when its sound is typed over, and when it is heard.
 */
import { type ChangeDesc, type EditorState, type Range, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view';
import { LineWords } from './line-words.ts';
import { played, type SoundingPlace, sounding } from './sounding.ts';

export interface UnheardSound {
  message: string;
  /** In the code that plays. */
  places: readonly SoundingPlace[];
}

/** Where it stands in the text. */
interface Shown {
  message: string;
  ranges: readonly { from: number; to: number }[];
}

interface Unheard {
  shown: readonly Shown[];
  marks: DecorationSet;
}

const NONE: Unheard = { shown: [], marks: Decoration.none };
const set = StateEffect.define<readonly UnheardSound[]>();
const mark = Decoration.mark({ class: 'cm-unheard' });

export const unheardMarks = StateField.define<Unheard>({
  create: () => NONE,
  update(value, { docChanged, changes, effects, state }) {
    let { shown } = value;
    if (docChanged) shown = moved(shown, changes);
    for (const effect of effects) {
      // What is evaluated anew says itself what isn't heard.
      if (effect.is(played)) shown = NONE.shown;
      if (effect.is(set)) shown = effect.value.flatMap((sound) => inText(state, sound) ?? []);
    }
    if (shown.length === 0) return NONE;
    return shown === value.shown ? value : { shown, marks: marksOf(state, shown) };
  },
  provide: (field) => [
    EditorView.decorations.from(field, ({ marks }) => marks),
    EditorView.baseTheme({
      '.cm-unheard': { textDecoration: 'underline wavy light-dark(#a66b00, #f0b429) 1px' },
      // Its turn comes, and it isn't heard.
      '.cm-unheard .cm-sounding': { outline: '2px dashed light-dark(#a66b00, #f0b429)' },
      '.cm-unheard-words': {
        color: 'light-dark(#6b4500, #ffd98f)',
        backgroundColor: '#f0b42917',
        borderLeft: '3px solid #d99a1c',
        padding: '2px 10px',
        fontSize: '0.9em',
        whiteSpace: 'pre-wrap',
      },
    }),
  ],
});

/**
 * @param sounds all that isn't heard now
 * @returns those whose places aren't in the text any more: they aren't shown
 */
export function showUnheard<Sound extends UnheardSound>(
  view: EditorView,
  sounds: readonly Sound[],
): readonly Sound[] {
  view.dispatch({ effects: set.of(sounds) });
  return sounds.filter((sound) => inText(view.state, sound) === null);
}

/** @returns null where nothing of it is in the text as it was played */
function inText(state: EditorState, { message, places }: UnheardSound): Shown | null {
  const { toText } = state.field(sounding);
  if (!toText) return null;
  const kept = places
    .filter(({ start, end }) => start < end && end <= toText.length)
    .flatMap(({ start, end }) => rangeAfter(toText, start, end));
  return kept.length === 0 ? null : { message, ranges: kept };
}

function moved(shown: readonly Shown[], changes: ChangeDesc): readonly Shown[] {
  return shown.flatMap(({ message, ranges }) => {
    const kept = ranges.flatMap(({ from, to }) => rangeAfter(changes, from, to));
    return kept.length === 0 ? [] : [{ message, ranges: kept }];
  });
}

/** @returns none where the name was changed; a letter more at its end makes another one of it, too */
function rangeAfter(changes: ChangeDesc, from: number, to: number): { from: number; to: number }[] {
  let isChanged = false;
  changes.iterChangedRanges((begin, end, newBegin, newEnd) => {
    const isWithin = begin < to && end > from;
    const isAdded = newBegin < newEnd && begin <= to && end >= from;
    isChanged ||= isWithin || isAdded;
  }, true);
  return isChanged ? [] : [{ from: changes.mapPos(from, 1), to: changes.mapPos(to, -1) }];
}

function marksOf({ doc }: EditorState, shown: readonly Shown[]): DecorationSet {
  const marks: Range<Decoration>[] = [];
  for (const { message, ranges } of shown) {
    for (const { from, to } of ranges) marks.push(mark.range(from, to));
    const first = Math.min(...ranges.map(({ from }) => from));
    const words = Decoration.widget({
      widget: new LineWords(message, 'cm-unheard-words', 'status'),
      block: true,
      side: 1,
    });
    marks.push(words.range(doc.lineAt(first).to));
  }
  return Decoration.set(marks, true);
}
