/**
 * What the newest answer of an AI changed: shown in the text, and taken back by one command, whatever was
 * typed since. Pure: no view.
 */
import { invertedEffects, isolateHistory } from '@codemirror/commands';
import {
  type ChangeSet,
  type EditorState,
  MapMode,
  StateEffect,
  StateField,
  type Text,
  type Transaction,
  type TransactionSpec,
} from '@codemirror/state';
import type { RemoteChange } from './ports.ts';
import { remoteChange } from './remote-change.ts';

export interface Range {
  from: number;
  to: number;
}

/** One place that an answer changed. */
interface Place {
  /** What remains of the text that the answer put in; apart where others typed inside it. */
  inserted: readonly Range[];
  /** What the answer took away, and would come back. */
  removed: Text;
  /** Where that comes back if nothing was put in. */
  at: number;
}

/** An answer that can be taken back. */
export interface Answer {
  /** Who asked for it. */
  author: RemoteChange['author'];
  isOwnRequest: boolean;
  /** Never empty. */
  places: readonly Place[];
}

type Asker = Pick<Answer, 'author' | 'isOwnRequest'>;

/** With the changes of its transaction an answer (again); in the history, what a redo brings. */
const answerMade = StateEffect.define<Asker>();
/** The answer is taken back by this transaction, or was dismissed. */
const answerGone = StateEffect.define<Asker>();

const GONE_WITH: ReadonlySet<string | undefined> = new Set(['loaded_strudel', 'forked']);

export const answerField = StateField.define<Answer | null>({
  create: () => null,
  update(answer, transaction) {
    const remote = transaction.annotation(remoteChange);
    if (remote?.source === 'ai') return answerIn(transaction, remote);
    if (GONE_WITH.has(remote?.source)) return null;
    let next = answer && transaction.docChanged ? moved(answer, transaction.changes) : answer;
    for (const effect of transaction.effects) {
      if (effect.is(answerGone)) next = null;
      if (effect.is(answerMade)) next = answerIn(transaction, effect.value);
    }
    return next;
  },
});

/** So that undo and redo of the answer, or of taking it back, know what they do. */
export const answerInHistory = invertedEffects.of((transaction) => {
  const remote = transaction.annotation(remoteChange);
  if (remote?.source === 'ai') return [answerGone.of(remote)];
  return transaction.effects.flatMap((effect) => {
    if (effect.is(answerMade)) return [answerGone.of(effect.value)];
    // Undoing a dismissal would mark text that nothing was done to.
    return effect.is(answerGone) && transaction.docChanged ? [answerMade.of(effect.value)] : [];
  });
});

function answerIn({ changes, startState, docChanged }: Transaction, asker: Asker): Answer | null {
  if (!docChanged) return null;
  const places: Place[] = [];
  changes.iterChanges((fromA, toA, fromB, toB) => {
    places.push({
      inserted: fromB < toB ? [{ from: fromB, to: toB }] : [],
      removed: startState.doc.slice(fromA, toA),
      at: fromB,
    });
  });
  return { author: asker.author, isOwnRequest: asker.isOwnRequest, places };
}

function moved(answer: Answer, changes: ChangeSet): Answer | null {
  const places = answer.places.flatMap((place) => {
    const after = movedPlace(place, changes);
    return after ? [after] : [];
  });
  return places.length > 0 ? { ...answer, places } : null;
}

/** @returns null when nothing is left to take back there. */
function movedPlace(place: Place, changes: ChangeSet): Place | null {
  if (place.inserted.length > 0) {
    const inserted = place.inserted.flatMap((range) => survivors(range, changes));
    // A participant who replaced all of the answer's text wants theirs.
    return inserted[0] ? { ...place, inserted, at: inserted[0].from } : null;
  }
  const at = changes.mapPos(place.at, -1, MapMode.TrackDel);
  return at === null || isPutBack(place, changes) ? null : { ...place, at };
}

/** Another participant took the answer back, and so what it had removed is there again. */
function isPutBack({ at, removed }: Place, changes: ChangeSet): boolean {
  let isBack = false;
  changes.iterChanges((fromA, toA, _fromB, _toB, inserted) => {
    isBack ||= fromA <= at && at <= toA && inserted.eq(removed);
  });
  return isBack;
}

/** What a change leaves of a range: the pieces between what it deletes and what it inserts. */
function survivors(range: Range, changes: ChangeSet): Range[] {
  const pieces: Range[] = [];
  let from = range.from;
  const close = (to: number) => {
    if (from < to) pieces.push({ from: changes.mapPos(from, 1), to: changes.mapPos(to, -1) });
  };
  changes.iterChangedRanges((fromA, toA) => {
    if (toA < from || fromA >= range.to) return;
    close(Math.max(from, fromA));
    from = Math.max(from, toA);
  }, true);
  close(range.to);
  return pieces;
}

/** The newest answer that can be taken back; null when there is none. */
export function newestAnswer(state: EditorState): Answer | null {
  return state.field(answerField, false) ?? null;
}

interface Target {
  state: EditorState;
  dispatch(transaction: Transaction): void;
}

/**
 * Takes back what the newest answer changed, and nothing else: what was typed since stays, also inside the
 * answer's text. It is an edit of this participant, and one step of undo.
 * @returns false when there is nothing to take back, or the editor is read-only.
 */
export function takeBackAnswer({ state, dispatch }: Target): boolean {
  const answer = newestAnswer(state);
  if (!answer || state.readOnly) return false;
  const changes = answer.places.flatMap(({ inserted, removed, at }) => {
    const [first = { from: at, to: at }, ...others] = inserted;
    return [{ ...first, insert: removed }, ...others];
  });
  dispatch(
    state.update({
      changes,
      effects: answerGone.of(answer),
      annotations: isolateHistory.of('full'),
      userEvent: 'undo.answer',
    } satisfies TransactionSpec),
  );
  return true;
}

/** Keeps the answer's text, and marks it no more. @returns false when there is none. */
export function dismissAnswer({ state, dispatch }: Target): boolean {
  const answer = newestAnswer(state);
  if (!answer) return false;
  dispatch(state.update({ effects: answerGone.of(answer) }));
  return true;
}
