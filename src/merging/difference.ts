/** How one text becomes another, as changes in as few places as can be found with little work. */
import { ChangeSet, type Text } from '@codemirror/state';
import { diffArrays, diffChars } from 'diff';
import { textChange } from '../protocol/text-change.ts';
import { ownCharacters } from './own-characters.ts';

/** Differences of more lines, or in a block of more characters, aren't looked into: they are one change. */
const MAX_LINES_CHANGED = 300;
const MAX_BLOCK_CHARS = 2_000;
const MAX_CHARS_CHANGED = 300;

interface Change {
  from: number;
  to: number;
  insert: string;
}

/**
 * The changes that make `after` of `before`. They begin and end between characters: never between the halves
 * of a surrogate pair. What differs is looked for by lines, then by characters; the work is bounded.
 * @param grain `lines`: a line that differs in anything is another line.
 */
export function difference(
  before: Text,
  after: Text,
  grain: 'characters' | 'lines' = 'characters',
): ChangeSet {
  if (before.eq(after)) return ChangeSet.empty(before.length);
  const changes: Change[] = [];
  let at = 0;
  let removed = '';
  let added = '';
  const close = () => {
    if (removed !== '' || added !== '') {
      const whole = { from: at, to: at + removed.length, insert: added };
      changes.push(...(grain === 'lines' ? [whole] : inBlock(removed, added, at)));
    }
    at += removed.length;
    removed = '';
    added = '';
  };
  const [start, end] = commonLines(before, after);
  const oldLines = linesOf(before, start, end);
  const newLines = linesOf(after, start, end);
  at = start === before.lines ? before.length : before.line(start + 1).from;
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
  return ChangeSet.of(changes, before.length);
}

/**
 * As {@link difference}, where a look at both ends of the texts is enough: text was put in or taken out in
 * one place, or replaced within a line. Most edits are so, and this costs a fraction.
 * @param before with lines that end with `\n`; `after` too.
 * @returns null where more is to be looked at.
 */
export function simpleDifference(before: string, after: string): ChangeSet | null {
  const change = textChange(before, after);
  if (!change) return ChangeSet.empty(before.length);
  const { from, to } = change;
  const removed = before.slice(from, to);
  const insert = ownCharacters(change.insert);
  if (removed === '' || insert === '') return ChangeSet.of({ from, to, insert }, before.length);
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

/** @param at where the block begins. */
function inBlock(before: string, after: string, at: number): Change[] {
  const change = textChange(before, after);
  if (!change) return [];
  const chars = before.length + after.length;
  const removed = before.slice(change.from, change.to);
  const whole = { from: at + change.from, to: at + change.to, insert: change.insert };
  if (removed === '' || change.insert === '' || chars > MAX_BLOCK_CHARS) return [whole];
  // Texts with little in common aren't made of each other's letters.
  const parts = diffChars(removed, change.insert, {
    maxEditLength: Math.min(MAX_CHARS_CHANGED, Math.ceil(chars * 0.6)),
  });
  if (!parts) return [whole];
  const changes: Change[] = [];
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
