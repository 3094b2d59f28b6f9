/**
 * What the room changed by itself and can be taken back: an answer of the AI, a switch, a restored version.
 *
 * Several participants may want that at once, and a text that each of them put in again would be there twice.
 * So it isn't an edit of theirs: the room is asked, makes it once, and everybody gets its change. Undo and
 * redo of such a change ask the room, too. Pure: no view.
 */
import { invertedEffects, isolateHistory } from '@codemirror/commands';
import {
  type ChangeSet,
  type EditorState,
  type Extension,
  MapMode,
  StateEffect,
  StateField,
  type Text,
  Transaction,
  type TransactionSpec,
} from '@codemirror/state';
import type { RemoteChange, TakeBack } from './ports.ts';
import { remoteChange } from './remote-change.ts';

export interface Range {
  from: number;
  to: number;
}

/** One place that a change of the room is about. */
interface Place {
  /** What remains of the text that was put in; apart where others typed inside it. */
  inserted: readonly Range[];
  /** What was taken away, and would come back. */
  removed: Text;
  /** Where that comes back if nothing was put in. */
  at: number;
}

export interface RoomChange {
  /** The revision that it made, which is its name. */
  rev: number;
  /** How often it was taken back and made again: even while it is in the text. */
  turn: number;
  /** Who asked for it. */
  author: RemoteChange['author'];
  isOwnRequest: boolean;
  /** What was done last: with an odd turn, the taking back. Never empty. */
  places: readonly Place[];
}

interface RoomChanges {
  /** Oldest first. */
  all: readonly RoomChange[];
  /** `rev` of the answer that is shown as the newest. */
  answer: number | null;
}

/** That a change be in the text, or not. */
export interface Wish {
  rev: number;
  isPresent: boolean;
  /** It becomes a step of undo: it isn't one that is undone or redone. */
  isStep: boolean;
}

/** The room is asked for it. */
const wished = StateEffect.define<Wish>();
/** A step of undo: the room has done this on request of this participant. */
const doneOnRequest = StateEffect.define<Omit<Wish, 'isStep'>>();
/** The answer isn't shown as the newest any more. */
const answerDismissed = StateEffect.define<null>();
/** It isn't in the text as it is known here: others have taken it back while this client was away. */
const lost = StateEffect.define<{ rev: number }>();

/** So many changes can be taken back; older ones are forgotten. */
const MAX_CHANGES = 50;
/** What the room changes on request. Others' switches leave nothing to take back. */
const TAKEN_BACK: ReadonlySet<string | undefined> = new Set(['ai', 'loaded_strudel', 'restored']);
const REPLACING: ReadonlySet<string | undefined> = new Set(['loaded_strudel', 'forked']);

export const roomChanges = StateField.define<RoomChanges>({
  create: () => ({ all: [], answer: null }),
  update(before, transaction) {
    const remote = transaction.annotation(remoteChange);
    let { all, answer } = before;
    if (transaction.docChanged) all = all.flatMap((change) => after(change, transaction, remote) ?? []);
    if (remote && REPLACING.has(remote.source)) [all, answer] = [[], null];
    if (remote?.source === 'ai') answer = null;
    const made = remote && madeBy(transaction, remote);
    if (made) {
      all = [...all, made].slice(-MAX_CHANGES);
      if (remote.source === 'ai') answer = made.rev;
    }
    for (const effect of transaction.effects) {
      if (effect.is(answerDismissed)) answer = null;
      if (effect.is(lost)) all = all.filter(({ rev }) => rev !== effect.value.rev);
    }
    return all === before.all && answer === before.answer ? before : { all, answer };
  },
});

/** What undo and redo do about a change of the room is to ask for the opposite. */
const inHistory = invertedEffects.of(({ effects }) =>
  effects.flatMap((effect) =>
    effect.is(wished) || effect.is(doneOnRequest)
      ? [wished.of({ ...effect.value, isPresent: !effect.value.isPresent, isStep: false })]
      : [],
  ),
);

export const roomChangesInHistory: Extension = [roomChanges, inHistory];

/** What this participant asked the room for is a step of undo: what notes one, if it is one. */
export function stepOf({ isOwnRequest, source, rev, takesBack }: RemoteChange): TransactionSpec | null {
  if (!isOwnRequest) return null;
  const done = takesBack
    ? { rev: takesBack.rev, isPresent: isPresentIn(takesBack) }
    : TAKEN_BACK.has(source) && rev !== null
      ? { rev, isPresent: true }
      : null;
  return done && step(done);
}

/** Undo and redo have passed a step by that the room couldn't be asked for: the next undo asks again. */
export function stepAgain({ rev, isPresent, isStep }: Wish): TransactionSpec | null {
  return isStep || isPresent ? null : step({ rev, isPresent: true });
}

function step(done: Omit<Wish, 'isStep'>): TransactionSpec {
  return { effects: doneOnRequest.of(done), annotations: isolateHistory.of('full') };
}

function isPresentIn({ turn }: { turn: number }): boolean {
  return turn % 2 === 0;
}

function madeBy(transaction: Transaction, remote: RemoteChange): RoomChange | null {
  const { source, author, isOwnRequest, rev } = remote;
  const isKept = source === 'ai' || (isOwnRequest && TAKEN_BACK.has(source));
  const places = placesOf(transaction);
  if (!isKept || rev === null || places.length === 0) return null;
  return { rev, turn: 0, author, isOwnRequest, places };
}

/** A change after a transaction; null when nothing is left of it. */
function after(
  change: RoomChange,
  transaction: Transaction,
  remote: RemoteChange | undefined,
): RoomChange | null {
  const takesBack = remote?.takesBack;
  const isMeant = takesBack?.rev === change.rev;
  const places = isMeant
    ? placesOf(transaction)
    : change.places.flatMap((place) => movedPlace(place, transaction.changes) ?? []);
  if (places.length === 0) return null;
  return { ...change, places, turn: isMeant ? takesBack.turn : change.turn };
}

function placesOf({ changes, startState }: Transaction): Place[] {
  const places: Place[] = [];
  changes.iterChanges((fromA, toA, fromB, toB) => {
    places.push({
      inserted: fromB < toB ? [{ from: fromB, to: toB }] : [],
      removed: startState.doc.slice(fromA, toA),
      at: fromB,
    });
  });
  return places;
}

/** @returns null when nothing is left to take back there. */
function movedPlace(place: Place, changes: ChangeSet): Place | null {
  if (place.inserted.length > 0) {
    const inserted = place.inserted.flatMap((range) => survivors(range, changes));
    // A participant who replaced all of the text wants theirs.
    return inserted[0] ? { ...place, inserted, at: inserted[0].from } : null;
  }
  const at = changes.mapPos(place.at, -1, MapMode.TrackDel);
  return at === null ? null : { ...place, at };
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

function find(state: EditorState, wanted: number | null): RoomChange | undefined {
  return state.field(roomChanges, false)?.all.find(({ rev }) => rev === wanted);
}

/** The newest answer that can be taken back; null when there is none. */
export function newestAnswer(state: EditorState): RoomChange | null {
  const answer = find(state, state.field(roomChanges, false)?.answer ?? null);
  return answer && isPresentIn(answer) ? answer : null;
}

interface Target {
  state: EditorState;
  dispatch(transaction: Transaction): void;
}

/**
 * Asks the room to take back what the newest answer changed, and nothing else: what was typed since stays,
 * also inside the answer's text. Once the room has done so, that is one step of undo.
 * @returns false when there is nothing to take back, or the editor is read-only.
 */
export function takeBackAnswer(target: Target): boolean {
  const answer = newestAnswer(target.state);
  return answer !== null && wish(target, answer, false);
}

/** Asks the room for the newest answer again after it was taken back. @returns as {@link takeBackAnswer}. */
export function bringAnswerAgain(target: Target): boolean {
  const answer = find(target.state, target.state.field(roomChanges, false)?.answer ?? null);
  return answer !== undefined && !isPresentIn(answer) && wish(target, answer, true);
}

function wish({ state, dispatch }: Target, { rev }: RoomChange, isPresent: boolean): boolean {
  if (state.readOnly) return false;
  dispatch(
    state.update({
      effects: wished.of({ rev, isPresent, isStep: true }),
      annotations: Transaction.addToHistory.of(false),
    }),
  );
  return true;
}

/** Keeps the answer's text, and marks it no more. @returns false when there is none. */
export function dismissAnswer({ state, dispatch }: Target): boolean {
  if (!newestAnswer(state)) return false;
  dispatch(state.update({ effects: answerDismissed.of(null) }));
  return true;
}

/** What the room is to be asked for by a transaction, if it is: for {@link requestFor}. */
export function wishesOf({ effects }: Transaction): Wish[] {
  return effects.flatMap((effect) => (effect.is(wished) ? [effect.value] : []));
}

/**
 * The request that fulfils a wish, made on the text as it is; null where it is fulfilled already, or nothing
 * is left of the change.
 */
export function requestFor(state: EditorState, { rev, isPresent, isStep }: Wish): TakeBack | null {
  const change = find(state, rev);
  if (!change || isPresentIn(change) === isPresent) return null;
  const specs = change.places.flatMap(({ inserted, removed, at }) => {
    const [first = { from: at, to: at }, ...others] = inserted;
    return [{ ...first, insert: removed }, ...others];
  });
  return { changes: state.changes(specs), rev, turn: change.turn + 1, isStep };
}

/** The room says that others have done so: it came with a whole text, so it wasn't seen as that. */
export function forget({ rev }: TakeBack): TransactionSpec {
  return { effects: lost.of({ rev }) };
}
