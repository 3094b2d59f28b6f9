/**
 * Completion of patterns: Strudel's words with their help, the names of sounds, drum machines, scales, notes
 * and chords inside their texts, and the code's own names.
 */
import {
  acceptCompletion,
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  completionStatus,
  insertBracket,
  pickedCompletion,
  startCompletion,
} from '@codemirror/autocomplete';
import { localCompletionSource } from '@codemirror/lang-javascript';
import { type Extension, Prec } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import type { SoundName } from '../../protocol/player.ts';
import { placeAt, type StringPlace, type WordPlace } from './code-place.ts';
import { helpCard, helpLook } from './help-card.ts';
import { banksOf, CHORDS, NOTES, ROOTS, SCALES, VOWELS } from './mini-words.ts';
import { MONOSPACE, PAGE_COLORS, SANS_SERIF } from './page-colors.ts';
import type { ReferenceEntry } from './reference/index.ts';
import { loadReference } from './reference-loading.ts';
import { type Vocabulary, vocabularyField, vocabularyOf } from './vocabulary.ts';

/** Words that the reference has come before those that only the player names. */
const UNKNOWN_BOOST = -20;
/** How many steps of a scale `n` offers: two octaves. */
const STEPS = 15;

type Text = (before: string, vocabulary: Vocabulary, isExplicit: boolean) => Offer | null;

interface Offer {
  /** How much of the text before the position is being completed. */
  typed: string;
  options: readonly Completion[];
  validFor: RegExp;
}

/** What each function's text may contain. */
const TEXTS: ReadonlyMap<string, Text> = new Map([
  ['s', soundsIn],
  ['sound', soundsIn],
  ['bank', banksIn],
  ['scale', scalesIn],
  ['note', notesIn],
  ['n', stepsIn],
  ['chord', chordsIn],
  ['vowel', vowelsIn],
]);
const TAKERS: ReadonlySet<string> = new Set(TEXTS.keys());

/** What CodeMirror calls the help beside a list in a narrow window. */
const narrowInfo = (within: string) =>
  ['left', 'right'].map((side) => `${within}.cm-completionInfo.cm-completionInfo-${side}-narrow`).join(', ');

export const patternCompletion: Extension = [
  vocabularyField,
  autocompletion({
    override: [completePattern, localNames],
    icons: false,
    optionClass: ({ type }) => (type ? `cm-completion-${type}` : ''),
  }),
  Prec.high(keymap.of([{ key: 'Tab', run: takeChosen }])),
  helpLook,
  // Before a theme's own, whichever the page brings.
  Prec.high(
    EditorView.theme({
      '.cm-tooltip': {
        border: `1px solid ${PAGE_COLORS.line}`,
        borderRadius: '8px',
        backgroundColor: PAGE_COLORS.panel,
        color: PAGE_COLORS.text,
        boxShadow: '0 6px 24px #0006',
        // Over the carets of others.
        zIndex: '20',
      },
      '.cm-tooltip.cm-tooltip-autocomplete > ul': {
        font: `14px/1.45 ${MONOSPACE}`,
        maxHeight: 'min(16em, 40vh)',
        borderRadius: '8px',
      },
      '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px' },
      '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
        backgroundColor: `color-mix(in srgb, ${PAGE_COLORS.accent} 28%, ${PAGE_COLORS.panel})`,
        color: PAGE_COLORS.text,
      },
      '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700', color: PAGE_COLORS.accent },
      '.cm-completionDetail': { font: `12px ${SANS_SERIF}`, color: PAGE_COLORS.muted },
      '[aria-selected] .cm-completionDetail': { color: PAGE_COLORS.text },
      '.cm-tooltip.cm-completionInfo': { padding: '0' },
      // Where there is no room beside the list, below it, or above one that is itself above the text.
      [narrowInfo('')]: {
        left: '0',
        right: 'auto',
        top: '100% !important',
        bottom: 'auto !important',
        width: '100%',
        maxWidth: '100%',
      },
      [narrowInfo('.cm-tooltip-above ')]: { top: 'auto !important', bottom: '100% !important' },
      '@media (pointer: coarse)': {
        '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '14px 12px' },
      },
    }),
  ),
];

/**
 * With a list open, Tab takes what is chosen; else it moves the focus on, as everywhere. A list that has just
 * opened takes nothing yet, but the focus stays.
 */
function takeChosen(view: EditorView): boolean {
  if (completionStatus(view.state) !== 'active') return false;
  acceptCompletion(view);
  return true;
}

/** Names that the code itself defines. */
function localNames(context: CompletionContext): CompletionResult | null {
  const place = placeAt(context.state, context.pos, TAKERS);
  return place?.kind === 'word' && !place.isChained ? localCompletionSource(context) : null;
}

/** The source of completions; exported for its test. */
export function completePattern(
  context: CompletionContext,
): CompletionResult | null | Promise<CompletionResult | null> {
  const { state, pos, explicit } = context;
  const place = placeAt(state, pos, TAKERS);
  if (!place) return null;
  const vocabulary = vocabularyOf(state);
  return place.kind === 'string'
    ? inText(place, pos, vocabulary, explicit)
    : words(place, pos, vocabulary, explicit);
}

function inText(
  { taker, before }: StringPlace,
  position: number,
  vocabulary: Vocabulary,
  isExplicit: boolean,
): CompletionResult | null {
  const offer = TEXTS.get(taker)?.(before, vocabulary, isExplicit);
  if (!offer || offer.options.length === 0) return null;
  const { typed, options, validFor } = offer;
  return { from: position - typed.length, options, validFor };
}

async function words(
  { from, isChained }: WordPlace,
  position: number,
  vocabulary: Vocabulary,
  isExplicit: boolean,
): Promise<CompletionResult | null> {
  if (from === position && !isChained && !isExplicit) return null;
  const { REFERENCE } = await loadReference();
  const unwanted = isChained ? 'start' : 'chained';
  const known = new Set(REFERENCE.flatMap(({ name, aliases }) => [name, ...aliases]));
  const options = [
    ...REFERENCE.filter(({ place }) => place !== unwanted).flatMap((entry) =>
      [entry.name, ...entry.aliases].map((name) => wordOption(entry, name)),
    ),
    ...vocabulary.functions
      .filter((name) => !known.has(name))
      .map((name): Completion => ({ label: name, boost: UNKNOWN_BOOST })),
  ];
  return { from, options, validFor: /^[\w$]*$/ };
}

function wordOption(entry: ReferenceEntry, name: string): Completion {
  return {
    label: name,
    type: 'word',
    ...(name === entry.name ? { detail: entry.parameters } : { detail: `= ${entry.name}`, boost: -1 }),
    info: () => helpCard(entry, name),
    apply: (view, completion, from, to) => {
      view.dispatch({
        changes: { from, to, insert: name },
        selection: { anchor: from + name.length },
        userEvent: 'input.complete',
        annotations: pickedCompletion.of(completion),
      });
      if (entry.parameters !== '') openCall(view, entry);
    },
  };
}

/** Opens the call's parentheses, and its text's quotes, as if they were typed: both close by themselves. */
function openCall(view: EditorView, { parameters, name }: ReferenceEntry): void {
  const { head } = view.state.selection.main;
  if (view.state.sliceDoc(head, head + 1) === '(') return;
  const brackets = TAKERS.has(name) ? ['(', '"'] : ['('];
  for (const bracket of brackets) {
    const typed = insertBracket(view.state, bracket);
    if (!typed) return;
    view.dispatch(typed);
  }
  if (parameters === '()') {
    const { head: inside } = view.state.selection.main;
    view.dispatch({ selection: { anchor: inside + 1 } });
  } else if (TAKERS.has(name)) startCompletion(view);
}

/** What a mini-notation's words are made of, at the end of a text. */
const lastMatch = (pattern: RegExp, text: string): string => pattern.exec(text)?.[0] ?? '';

const KINDS: Readonly<Record<SoundName['kind'], string>> = { kit: 'kit', synth: 'synth', sample: 'sample' };

const soundOptions = cached((sounds) =>
  sounds.map(
    ({ name, kind, variations }): Completion => ({
      label: name,
      type: 'sound',
      detail: variations > 1 ? `${variations} variations` : KINDS[kind],
      // What needs no network comes first.
      boost: kind === 'sample' ? 0 : 1,
    }),
  ),
);
const bankOptions = cached((sounds) =>
  banksOf(sounds).map((label): Completion => ({ label, type: 'sound', detail: 'drum machine' })),
);

function soundsIn(before: string, { sounds }: Vocabulary, isExplicit: boolean): Offer | null {
  const typed = lastMatch(/[a-zA-Z_][\w-]*(:\d*)?$/, before);
  const [name = '', number] = typed.split(':');
  if (number !== undefined) {
    const { variations = 1 } = sounds.find((sound) => sound.name === name) ?? {};
    if (variations < 2) return null;
    const options = Array.from(
      { length: variations },
      (_, index): Completion => ({
        label: String(index),
        type: 'sound',
        detail: `${name}, one of ${variations}`,
        boost: -index / variations,
      }),
    );
    return { typed: number, options, validFor: /^\d*$/ };
  }
  if (typed === '' && !isExplicit && before !== '') return null;
  return { typed, options: soundOptions(sounds), validFor: /^[\w-]*$/ };
}

function banksIn(before: string, { sounds }: Vocabulary): Offer {
  return { typed: lastMatch(/\w*$/, before), options: bankOptions(sounds), validFor: /^\w*$/ };
}

const rootOptions = ROOTS.map(
  (root): Completion => ({
    label: root,
    type: 'note',
    detail: 'root',
    apply: (view, completion, from, to) => {
      const hasColon = view.state.sliceDoc(to, to + 1) === ':';
      view.dispatch({
        changes: { from, to, insert: hasColon ? root : `${root}:` },
        selection: { anchor: from + root.length + 1 },
        userEvent: 'input.complete',
        annotations: pickedCompletion.of(completion),
      });
      startCompletion(view);
    },
  }),
);
const scaleOptions = SCALES.map(
  (label, index): Completion => ({
    label,
    type: 'note',
    // In the order of the list: the usual ones first.
    boost: -index / SCALES.length,
  }),
);

function scalesIn(before: string): Offer {
  const typed = lastMatch(/[\w#:-]*$/, before);
  const [root] = /^[a-gA-G][#b]?\d*:/.exec(typed) ?? [];
  if (root === undefined) return { typed, options: rootOptions, validFor: /^[a-gA-G]?[#b]?$/ };
  return { typed: typed.slice(root.length), options: scaleOptions, validFor: /^[\w:-]*$/ };
}

const noteOptions = NOTES.map(
  ([label, midi]): Completion => ({
    label,
    type: 'note',
    detail: `MIDI ${midi}`,
  }),
);

/** Only when asked for: a list at each letter of a melody would be in the way. */
function notesIn(before: string, _: Vocabulary, isExplicit: boolean): Offer | null {
  if (!isExplicit) return null;
  return {
    typed: lastMatch(/[a-gA-G][#b]?\d?$/, before),
    options: noteOptions,
    validFor: /^[a-gA-G]?[#b]?\d?$/,
  };
}

const stepOptions = Array.from(
  { length: STEPS },
  (_, step): Completion => ({
    label: String(step),
    type: 'note',
    detail: step === 0 ? 'the root' : step % 7 === 0 ? 'an octave up, in a scale of seven' : 'step',
    boost: -step / STEPS,
  }),
);

function stepsIn(before: string, _: Vocabulary, isExplicit: boolean): Offer | null {
  return isExplicit ? { typed: lastMatch(/\d*$/, before), options: stepOptions, validFor: /^\d*$/ } : null;
}

const chordOptions = ROOTS.flatMap((root) =>
  CHORDS.map(([symbol, name]): Completion => ({ label: `${root}${symbol}`, type: 'note', detail: name })),
);

function chordsIn(before: string, _: Vocabulary, isExplicit: boolean): Offer | null {
  const typed = lastMatch(/[A-G][#b]?[\w^+-]*$/, before);
  return typed === '' && !isExplicit ? null : { typed, options: chordOptions, validFor: /^[\w#^+-]*$/ };
}

const vowelOptions = VOWELS.map((label): Completion => ({ label, type: 'note' }));

function vowelsIn(before: string, _: Vocabulary, isExplicit: boolean): Offer | null {
  return isExplicit
    ? { typed: lastMatch(/[a-z]*$/, before), options: vowelOptions, validFor: /^[a-z]*$/ }
    : null;
}

/** There may be thousands of sounds: their options are made once for a list of them. */
function cached<T>(make: (sounds: readonly SoundName[]) => T): (sounds: readonly SoundName[]) => T {
  const made = new WeakMap<readonly SoundName[], T>();
  return (sounds) => {
    const known = made.get(sounds);
    if (known !== undefined) return known;
    const fresh = make(sounds);
    made.set(sounds, fresh);
    return fresh;
  };
}
