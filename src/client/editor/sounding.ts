/**
 * Marks in the code what sounds. What plays was evaluated some time ago: its places move with the text, and
 * what was typed over isn't marked.
 */
import { type ChangeDesc, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view';
import { difference, textOf } from '../../merging/index.ts';

/** A place in the code that plays, in UTF-16 units. */
export interface SoundingPlace {
  start: number;
  end: number;
}

/** The code that plays from now on; null: nothing does. */
export const played = StateEffect.define<string | null>();
const places = StateEffect.define<readonly SoundingPlace[]>();

interface Sounding {
  /** From the code that plays to the text as it is; null: nothing plays. */
  toText: ChangeDesc | null;
  marks: DecorationSet;
}

const SILENT: Sounding = { toText: null, marks: Decoration.none };
const mark = Decoration.mark({ class: 'cm-sounding' });

export const sounding = StateField.define<Sounding>({
  create: () => SILENT,
  update(value, { docChanged, changes, effects, startState }) {
    let { toText, marks } = value;
    for (const effect of effects) {
      if (effect.is(played)) {
        toText = effect.value === null ? null : difference(textOf(effect.value), startState.doc).desc;
        marks = Decoration.none;
      }
    }
    if (docChanged) {
      toText = toText?.composeDesc(changes.desc) ?? null;
      marks = marks.map(changes);
    }
    for (const effect of effects) {
      if (effect.is(places)) marks = toText ? marksOf(effect.value, toText) : Decoration.none;
    }
    return toText === value.toText && marks === value.marks ? value : { toText, marks };
  },
  provide: (field) => [
    EditorView.decorations.from(field, ({ marks }) => marks),
    EditorView.baseTheme({
      '.cm-sounding': {
        outline: '2px solid var(--sounding, #7ee0b5)',
        outlineOffset: '0',
        borderRadius: '3px',
      },
    }),
  ],
});

/** @param code what plays from now on; null: nothing does. */
export function showPlayed(view: EditorView, code: string | null): void {
  view.dispatch({ effects: played.of(code) });
}

/** @param sounds where what sounds is, in the code that {@link showPlayed} named. */
export function showSounding(view: EditorView, sounds: readonly SoundingPlace[]): void {
  view.dispatch({ effects: places.of(sounds) });
}

function marksOf(sounds: readonly SoundingPlace[], toText: ChangeDesc): DecorationSet {
  const changed: { from: number; to: number }[] = [];
  toText.iterChangedRanges((from, to) => changed.push({ from, to }), true);
  const isChanged = ({ start, end }: SoundingPlace) =>
    changed.some(({ from, to }) => from < end && to > start);
  const ranges = sounds
    .filter((place) => place.start < place.end && place.end <= toText.length && !isChanged(place))
    .map(({ start, end }) => mark.range(toText.mapPos(start, 1), toText.mapPos(end, -1)));
  return Decoration.set(ranges, true);
}
