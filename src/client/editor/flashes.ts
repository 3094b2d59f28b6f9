/**
 * For a moment, what another participant has just put in is shown in their colour. An AI’s answer has marks
 * of its own, and a switch to another strudel changes everything: neither flashes.
 */
import type { ChangeSet, Extension, Transaction } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, ViewPlugin } from '@codemirror/view';
import { PEER_COLORS, peerColor, peerColorStyle } from './peer-colors.ts';
import { shownPeers } from './peers.ts';
import { remoteChange } from './remote-change.ts';

export const FLASH_MS = 1_500;
/** At once; beyond these the oldest go, however much is pasted or typed. */
const MAX_FLASHES = 100;
/** More text than this at once is a paste of everything: to mark it would only dazzle. */
const MAX_FLASHED_CHARS = 5_000;

const FLASHING: ReadonlySet<string | undefined> = new Set([undefined, 'typed', 'paste']);

interface Place {
  from: number;
  to: number;
}

/** What a transaction put in that is to flash, and in whose colour; null when nothing is. Pure. */
export function flashOf(transaction: Transaction): { places: Place[]; color: number } | null {
  const remote = transaction.annotation(remoteChange);
  if (!remote?.author || remote.isOwnRequest || !FLASHING.has(remote.source)) return null;
  const places = insertedIn(transaction.changes);
  const size = places.reduce((sum, { from, to }) => sum + to - from, 0);
  if (size === 0 || size > MAX_FLASHED_CHARS) return null;
  const { id } = remote.author;
  const color = shownPeers(transaction.startState).find((peer) => peer.id === id)?.color;
  // One who has left since has no colour any more.
  return color === undefined ? null : { places: places.slice(-MAX_FLASHES), color: peerColor(color) };
}

function insertedIn(changes: ChangeSet): Place[] {
  const places: Place[] = [];
  changes.iterChanges((_fromA, _toA, fromB, toB) => {
    if (fromB < toB) places.push({ from: fromB, to: toB });
  });
  return places;
}

/** The marks, each with the time at which it goes. Pure: the time comes in. */
export class FlashMarks {
  constructor(readonly marks: DecorationSet = Decoration.none) {}

  get size(): number {
    return this.marks.size;
  }

  after(transactions: readonly Transaction[], nowMs: number): FlashMarks {
    let { marks } = this;
    for (const transaction of transactions) {
      if (!transaction.docChanged) continue;
      if (marks.size > 0) marks = marks.map(transaction.changes);
      const flash = flashOf(transaction);
      if (!flash) continue;
      const mark = Decoration.mark({
        class: `cm-flash cm-flash-${flash.color}`,
        endMs: nowMs + FLASH_MS,
      });
      marks = marks.update({ add: flash.places.map(({ from, to }) => mark.range(from, to)), sort: true });
    }
    return marks === this.marks ? this : new FlashMarks(bounded(marks));
  }

  /** Without what is over. */
  at(nowMs: number): FlashMarks {
    const marks = this.marks.update({ filter: (_from, _to, { spec }) => endOf(spec) > nowMs });
    return new FlashMarks(marks);
  }

  /** When the oldest goes; null when there is none. */
  get nextEndMs(): number | null {
    const ends = endsOf(this.marks);
    return ends.length > 0 ? Math.min(...ends) : null;
  }
}

const endOf = (spec: { endMs?: unknown }) => Number(spec.endMs);

function endsOf(marks: DecorationSet): number[] {
  const ends: number[] = [];
  for (const cursor = marks.iter(); cursor.value; cursor.next()) ends.push(endOf(cursor.value.spec));
  return ends;
}

function bounded(marks: DecorationSet): DecorationSet {
  const excess = marks.size - MAX_FLASHES;
  if (excess <= 0) return marks;
  const oldest = endsOf(marks).sort((a, b) => a - b)[excess - 1] ?? 0;
  let left = excess;
  return marks.update({ filter: (_from, _to, { spec }) => endOf(spec) > oldest || left-- <= 0 });
}

const plugin = ViewPlugin.define(
  (view) => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const flashes = {
      shown: new FlashMarks(),
      update({ transactions }: { transactions: readonly Transaction[] }) {
        this.shown = this.shown.after(transactions, performance.now());
        if (this.shown.size > 0) wake();
      },
      destroy() {
        if (timer !== null) clearTimeout(timer);
      },
    };
    /** One timer at a time, for the oldest. */
    function wake() {
      if (timer !== null) return;
      const endMs = flashes.shown.nextEndMs;
      if (endMs === null) return;
      timer = setTimeout(
        () => {
          timer = null;
          flashes.shown = flashes.shown.at(performance.now());
          wake();
          // Drawn anew without what is over.
          view.dispatch({});
        },
        Math.max(0, endMs - performance.now()),
      );
    }
    return flashes;
  },
  { decorations: ({ shown }) => shown.marks },
);

/** Shows who changed what, for a moment. Needs `collaboration`. */
export const flashes: Extension = [
  plugin,
  EditorView.baseTheme({
    '.cm-flash': {
      borderRadius: '2px',
      backgroundColor: 'color-mix(in srgb, var(--cm-flash) 22%, transparent)',
      animation: `cm-flash ${FLASH_MS}ms ease-out both`,
    },
    '@keyframes cm-flash': {
      from: { backgroundColor: 'color-mix(in srgb, var(--cm-flash) 55%, transparent)' },
      to: { backgroundColor: 'transparent' },
    },
    '@media (prefers-reduced-motion: reduce)': { '.cm-flash': { animation: 'none' } },
    ...Object.fromEntries(
      PEER_COLORS.map((_, index) => [`.cm-flash-${index}`, { '--cm-flash': peerColorStyle(index) }]),
    ),
  }),
];
