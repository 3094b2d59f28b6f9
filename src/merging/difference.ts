/** How one text becomes another, as changes in as few places as can be found with little work. */
import { ChangeSet, type Text } from '@codemirror/state';
import { diffArrays, diffChars } from 'diff';
import { type TextChange, textChange } from '../protocol/text-change.ts';
import { ownCharacters } from './own-characters.ts';

/** Differences of more lines, or in a block of more characters, aren't looked into: they are one change. */
const MAX_LINES_CHANGED = 300;
const MAX_BLOCK_CHARS = 2_000;
const MAX_CHARS_CHANGED = 300;

/** Behind each line end but the last. */
const LINE_STARTS = /(?<=\n)(?!$)/;

/**
 * The changes that make `after` of `before`. They begin and end between characters: never between the halves
 * of a surrogate pair. What differs is looked for by lines, then by characters within a line; the work is
 * bounded. What stands between two lines of `before` is never in the middle of a line that `after` has in
 * their place.
 * @param grain `lines`: a line that differs in anything is another line. `layout`: the same text, laid out
 *   anew; its characters are found again in other lines, too.
 */
export function difference(
  before: Text,
  after: Text,
  grain: 'characters' | 'lines' | 'layout' = 'characters',
): ChangeSet {
  if (before.eq(after)) return ChangeSet.empty(before.length);
  const changes: TextChange[] = [];
  let at = 0;
  let removed = '';
  let added = '';
  const close = () => {
    if (removed !== '' || added !== '') {
      const whole = { from: at, to: at + removed.length, insert: added };
      changes.push(...(grain === 'lines' ? [whole] : inBlock(removed, added, at, grain)));
    }
    at += removed.length;
    removed = '';
    added = '';
  };
  const [start, end] = commonLines(before, after);
  const oldLines = linesOf(before, start, end);
  const newLines = linesOf(after, start, end);
  at = start === before.lines ? before.length : before.line(start + 1).from;
  const placed = grain === 'characters' ? inPlace(oldLines, newLines, at) : null;
  const parts = diffArrays(oldLines, newLines, { maxEditLength: MAX_LINES_CHANGED }) ?? [
    { removed: true, added: false, value: oldLines },
    { removed: false, added: true, value: newLines },
  ];
  for (const part of parts) {
    const text = part.value.join('');
    if (part.removed) removed += text;
    else if (part.added) added += text;
    else {
      close();
      at += text.length;
    }
  }
  close();
  // Lines that look alike may have been paired with one another, where each has only become longer.
  const isPlaced = placed !== null && lengthOf(placed) <= lengthOf(changes);
  return ChangeSet.of(isPlaced ? placed : changes, before.length);
}

/**
 * The changes by which each line becomes the one in its place.
 * @param at where the first line begins.
 * @returns null where a line has to be more than longer or shorter for that.
 */
function inPlace(oldLines: readonly string[], newLines: readonly string[], at: number): TextChange[] | null {
  if (oldLines.length !== newLines.length) return null;
  const changes: TextChange[] = [];
  let from = at;
  for (const [index, line] of oldLines.entries()) {
    const newLine = newLines[index] ?? '';
    const between = textChange(line, newLine);
    if (between && between.from !== between.to && between.insert !== '') return null;
    if (between) changes.push({ from: from + between.from, to: from + between.to, insert: between.insert });
    from += line.length;
  }
  return changes;
}

/** How many characters changes take away and put in. */
function lengthOf(changes: readonly TextChange[]): number {
  return changes.reduce((sum, { from, to, insert }) => sum + (to - from) + insert.length, 0);
}

/**
 * As {@link difference}, where a look at both ends of the texts is enough: text was put in or taken out in
 * one place, or replaced within a line. Most edits are so, and this costs a fraction.
 * @param before with lines that end with `\n`; `after` too.
 * @returns null where more is to be looked at.
 */
export function simpleDifference(before: string, after: string): ChangeSet | null {
  const between = textChange(before, after);
  if (!between) return ChangeSet.empty(before.length);
  const isOne = between.from === between.to || between.insert === '';
  const { from, to, insert: inserted } = isOne ? byLines(before, between) : between;
  const insert = ownCharacters(inserted);
  if (isOne) return ChangeSet.of({ from, to, insert }, before.length);
  const removed = before.slice(from, to);
  if (removed.includes('\n') || insert.includes('\n')) return null;
  const start = before.lastIndexOf('\n', from - 1) + 1;
  const toEnd = lineEnd(before, to) - to;
  const line = before.slice(start, to + toEnd);
  const newLine = after.slice(start, from + insert.length + toEnd);
  return ChangeSet.of(inBlock(line, newLine, start), before.length);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

/** How many characters a change takes away and puts in. */
export function sizeOf(change: ChangeSet): number {
  let size = 0;
  change.iterChanges((fromA, toA, fromB, toB) => {
    size += toA - fromA + (toB - fromB);
  });
  return size;
}

/** How many lines both texts begin with, and how many of the others they end with. */
function commonLines(a: Text, b: Text): [start: number, end: number] {
  // The last line has no line end; as long as it isn't compared, lines are equal with their ends.
  const most = Math.min(a.lines, b.lines) - 1;
  let start = 0;
  const [forA, forB] = [a.iterLines(), b.iterLines()];
  while (start < most && forA.next().value === forB.next().value) start += 1;
  let end = 0;
  while (end < most - start && a.line(a.lines - end).text === b.line(b.lines - end).text) end += 1;
  return [start, end];
}

/** The lines with their ends, but for so many at the start and the end. */
function linesOf(text: Text, start: number, end: number): string[] {
  const lines: string[] = [];
  for (const line of text.iterLines(start + 1, text.lines - end + 1)) lines.push(`${line}\n`);
  const last = lines.pop();
  if (last !== undefined) lines.push(end === 0 ? last.slice(0, -1) : last);
  return lines;
}

/**
 * Within lines that were replaced by others.
 * @param at where the block begins: at the start of a line.
 */
function inBlock(
  before: string,
  after: string,
  at: number,
  grain: 'characters' | 'layout' = 'characters',
): TextChange[] {
  const between = textChange(before, after);
  if (!between) return [];
  if (between.from === between.to || between.insert === '') {
    const { from, to, insert } = byLines(before, between);
    // A line that looks like the start of one and the end of another is hardly what is left of both.
    const joins = insert === '' && before.slice(from, to).includes('\n') && !isLineStart(before, from);
    if (!joins || before.slice(from, to).trim() === '') return [{ from: at + from, to: at + to, insert }];
  }
  if (grain === 'layout') return inPiece(before, after, at);
  // A line is compared with the one in its place, not with several: it would be made of letters of all.
  const [oldLines, newLines] = [before.split(LINE_STARTS), after.split(LINE_STARTS)];
  if (oldLines.length !== newLines.length || before.length + after.length > MAX_BLOCK_CHARS)
    return [{ from: at, to: at + before.length, insert: after }];
  let from = at;
  return oldLines.flatMap((line, index) => {
    const changes = inPiece(line, newLines[index] ?? '', from);
    from += line.length;
    return changes;
  });
}

/**
 * By characters.
 * @param at where the piece begins.
 */
function inPiece(before: string, after: string, at: number): TextChange[] {
  const change = textChange(before, after);
  if (!change) return [];
  const removed = before.slice(change.from, change.to);
  const whole = { from: at + change.from, to: at + change.to, insert: change.insert };
  const chars = before.length + after.length;
  if (removed === '' || change.insert === '' || chars > MAX_BLOCK_CHARS) return [whole];
  // Texts with little in common aren't made of each other's letters.
  const parts = diffChars(removed, change.insert, {
    maxEditLength: Math.min(MAX_CHARS_CHANGED, Math.ceil(chars * 0.6)),
  });
  if (!parts) return [whole];
  const changes: TextChange[] = [];
  let { from } = whole;
  for (const { added, removed: isRemoved, value } of parts) {
    if (!added && !isRemoved) from += value.length;
    else if (isRemoved) {
      changes.push({ from, to: from + value.length, insert: '' });
      from += value.length;
    } else changes.push({ from, to: from, insert: value });
  }
  return changes;
}

/**
 * The same, as whole lines, where what was put in or taken out may be seen so: of `// a` before which `// b`
 * was put in, that `// ` is the new line's, too.
 */
function byLines(before: string, change: TextChange): TextChange {
  const { from, to, insert } = change;
  const moved = insert === '' ? before.slice(from, to) : insert;
  if (!moved.includes('\n')) return change;
  const shared = before.slice(before.lastIndexOf('\n', from - 1) + 1, from);
  if (shared === '' || !moved.endsWith(`\n${shared}`)) return change;
  return {
    from: from - shared.length,
    to: to - shared.length,
    insert: insert === '' ? '' : shared + insert.slice(0, -shared.length),
  };
}

function isLineStart(text: string, at: number): boolean {
  return at === 0 || text[at - 1] === '\n';
}
