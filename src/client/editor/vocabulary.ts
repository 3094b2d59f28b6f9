/** What may be written in a pattern, as the player says it. It may say more while the editor is open. */
import { completionStatus, startCompletion } from '@codemirror/autocomplete';
import { type EditorState, StateEffect, StateField } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import type { SoundName } from '../../protocol/player.ts';

export interface Vocabulary {
  /** Functions, and methods of patterns. */
  functions: readonly string[];
  sounds: readonly SoundName[];
}

const KIT = ['bd', 'sd', 'hh', 'oh', 'cp', 'rim', 'lt', 'mt', 'ht', 'cr'];
const SYNTHS = ['sine', 'sawtooth', 'square', 'triangle', 'supersaw', 'white', 'pink', 'brown', 'noise'];

/** Until the player has said anything: the sounds that need no network. */
const AT_FIRST: Vocabulary = {
  functions: [],
  sounds: [
    ...KIT.map((name): SoundName => ({ name, kind: 'kit', variations: 1 })),
    ...SYNTHS.map((name): SoundName => ({ name, kind: 'synth', variations: 1 })),
  ],
};

const set = StateEffect.define<Vocabulary>();

export const vocabularyField = StateField.define<Vocabulary>({
  create: () => AT_FIRST,
  update(vocabulary, { effects }) {
    return effects.reduce((now, effect) => (effect.is(set) ? effect.value : now), vocabulary);
  },
});

/** Completion knows these from now on. @param names the player's `names` */
export function setVocabulary(view: EditorView, names: Vocabulary): void {
  view.dispatch({ effects: set.of({ functions: names.functions, sounds: names.sounds }) });
  // An open list is of what was known before.
  if (completionStatus(view.state) !== null) startCompletion(view);
}

export const vocabularyOf = (state: EditorState): Vocabulary =>
  state.field(vocabularyField, false) ?? AT_FIRST;
