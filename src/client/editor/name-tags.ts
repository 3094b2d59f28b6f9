/**
 * Where the names of participants go: where nothing is written. Pure: pixels in, places out.
 *
 * A name stands behind the end of its caret's row; where that is full, in the row above or below it, as far
 * as those are empty there. It gets shorter where there is little room, and isn't shown where there is none:
 * the caret's colour has to do then.
 */

/** A caret in pixels of the editor's content. */
export interface Caret {
  left: number;
  top: number;
  height: number;
  name: string;
}

/** What is visible, in the same pixels. */
export interface VisibleArea {
  /** Where rows begin. */
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Something written. */
export interface Written {
  top: number;
  right: number;
  bottom: number;
}

export interface TagPlace {
  left: number;
  top: number;
  width: number;
}

export interface CaretPlace {
  /** How far the caret itself moves to the right, beside others in the same place. */
  shift: number;
  /** Where the name's box is; null where there is no room for it. */
  tag: TagPlace | null;
}

export const TAG_HEIGHT = 15;
const MAX_TAG_WIDTH = 160;
/** Less says nothing: two letters. */
const MIN_TAG_WIDTH = 32;
/** To what is written, so that the next letter has its place, too. */
const GAP = 12;
const BETWEEN_TAGS = 3;
/** Generous for 10 px of a bold sans-serif face; names needn't be measured then. */
const CHAR_WIDTH = 7;
const BROAD_CHAR_WIDTH = 9;
const FULL_CHAR_WIDTH = 13;
const TAG_PADDING = 12;
const CARET_WIDTH = 2;
/** More carets in one place than these lie on each other: side by side they would hide the text. */
const MAX_SIDE_BY_SIDE = 3;

/** @param written all that is written in the carets' rows, and in those above and below them. */
export function placeTags(
  carets: readonly Caret[],
  written: readonly Written[],
  area: VisibleArea,
): CaretPlace[] {
  const taken: TagPlace[] = [];
  return carets.map((caret, index) => {
    const { left, top, name } = caret;
    const isHere = (other: Caret) => Math.abs(other.left - left) < 1 && Math.abs(other.top - top) < 1;
    const before = carets.slice(0, index).filter(isHere).length;
    const shift = CARET_WIDTH * Math.min(before, MAX_SIDE_BY_SIDE - 1);
    const width = Math.min(MAX_TAG_WIDTH, widthOf(name));
    const spaces = spacesFor(caret, written, taken, area);
    const space = spaces.find(({ from, to }) => to - from >= width) ?? spaces.find(isEnough);
    if (!space) return { shift, tag: null };
    const tagWidth = Math.min(width, space.to - space.from);
    // Above or below the caret rather than at the row's end, where that is free.
    const at = space.isOwnRow ? space.from : Math.min(Math.max(space.from, left), space.to - tagWidth);
    const tag = { left: at, top: space.top, width: tagWidth };
    taken.push(tag);
    return { shift, tag };
  });
}

function widthOf(name: string): number {
  return [...name].reduce((width, char) => {
    // Chinese, Japanese, Korean, emoji.
    if (char > '\u2e7f') return width + FULL_CHAR_WIDTH;
    return width + (/[\p{Lu}mw@%]/u.test(char) ? BROAD_CHAR_WIDTH : CHAR_WIDTH);
  }, TAG_PADDING);
}

interface Space {
  top: number;
  from: number;
  to: number;
  isOwnRow: boolean;
}

function isEnough({ from, to }: Space): boolean {
  return to - from >= MIN_TAG_WIDTH;
}

/** What is free to the right of what is written, and of other names, in the caret's row and beside it. */
function spacesFor(
  { top, height }: Caret,
  written: readonly Written[],
  taken: readonly TagPlace[],
  area: VisibleArea,
): Space[] {
  // A caret is as high as its letters: a row is higher.
  const rowHeight = Math.max(height, TAG_HEIGHT + 2);
  const middle = top + (height - TAG_HEIGHT) / 2;
  const rows = [0, -1, 1].map((row) => ({ top: middle + row * rowHeight, isOwnRow: row === 0 }));
  return rows.flatMap(({ top: at, isOwnRow }) => {
    if (at < area.top || at + TAG_HEIGHT > area.bottom) return [];
    const isBeside = (box: { top: number; bottom: number }) => box.top < at + TAG_HEIGHT && at < box.bottom;
    const ends = written.filter(isBeside).map(({ right }) => right + GAP);
    const tags = taken.filter((tag) => isBeside({ top: tag.top, bottom: tag.top + TAG_HEIGHT }));
    const from = Math.max(
      area.left + GAP,
      ...ends,
      ...tags.map(({ left, width }) => left + width + BETWEEN_TAGS),
    );
    return [{ top: at, from, to: area.right, isOwnRow }];
  });
}
