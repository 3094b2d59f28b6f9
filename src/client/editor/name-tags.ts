/** Where the names of participants go beside their carets. Pure: pixels in, places out. */

/** A caret in pixels of the editor's content. */
export interface Caret {
  left: number;
  top: number;
  height: number;
  name: string;
}

/** What is visible, in the same pixels. */
export interface VisibleArea {
  top: number;
  right: number;
}

export interface TagPlace {
  /** How far the caret itself moves to the right, beside others in the same place. */
  shift: number;
  /** Where the name's box begins: above the caret's line, or below it where there is no room above. */
  top: number;
  /** True: the box ends at the caret, as there is no room to its right. */
  endsAtCaret: boolean;
}

export const TAG_HEIGHT = 15;
export const MAX_TAG_WIDTH = 160;
/** Generous for 10 px of a sans-serif face; names needn't be measured then. */
const CHAR_WIDTH = 7;
const TAG_PADDING = 10;
const CARET_WIDTH = 2;
/** More carets in one place than these lie on each other: side by side they would hide the text. */
const MAX_SIDE_BY_SIDE = 3;

/**
 * Places each caret's name. Names that would lie on each other are stacked; a name at the right edge goes to
 * the left of its caret; on the topmost line, and where a stack reaches beyond it, names go below the line.
 */
export function placeTags(carets: readonly Caret[], area: VisibleArea): TagPlace[] {
  const taken: { top: number; from: number; to: number }[] = [];
  return carets.map((caret, index) => {
    const { left, top, height, name } = caret;
    const isHere = (other: Caret) => Math.abs(other.left - left) < 1 && Math.abs(other.top - top) < 1;
    const before = carets.slice(0, index).filter(isHere).length;
    const shift = CARET_WIDTH * Math.min(before, MAX_SIDE_BY_SIDE - 1);
    const width = Math.min(MAX_TAG_WIDTH, name.length * CHAR_WIDTH + TAG_PADDING);
    const endsAtCaret = left + shift + width > area.right && left > width / 2;
    const from = left + shift - (endsAtCaret ? width : 0);
    const isFree = (at: number) =>
      !taken.some((tag) => Math.abs(tag.top - at) < TAG_HEIGHT && tag.from < from + width && from < tag.to);
    let at = top - TAG_HEIGHT;
    while (at >= area.top && !isFree(at)) at -= TAG_HEIGHT;
    if (at < area.top) {
      at = top + height;
      while (!isFree(at)) at += TAG_HEIGHT;
    }
    taken.push({ top: at, from, to: from + width });
    return { shift, top: at, endsAtCaret };
  });
}
