/** Moving what was made of one text to another, where it isn't known how that one came about. */
import { type ChangeSet, Text } from '@codemirror/state';
import { difference } from './difference.ts';
import { transform } from './transform.ts';

/**
 * What makes `after` of `before`, as a change of `now`. That is certain only where the lines that it changes
 * stand in `now` as they were, and what it puts between two lines finds both of them there: of texts that
 * have little in common anything else would be a mixture.
 * @returns null where it isn't certain.
 */
export function moveByDifference(before: Text, after: Text, now: Text): ChangeSet | null {
  // With a line end behind the last line, too, each line can be told from what is beside it.
  const [from, to, text] = [ended(before), ended(after), ended(now)];
  const others = difference(from, text, 'lines');
  if (touches(difference(from, to, 'lines'), others)) return null;
  const result = transform(others, difference(from, to))[1].apply(text);
  return result.line(result.lines).length === 0 ? difference(now, result.slice(0, result.length - 1)) : null;
}

function ended(text: Text): Text {
  return text.append(Text.of(['', '']));
}

/** True when both change the same, or `change` puts something in where others begin or end to change. */
function touches(change: ChangeSet, others: ChangeSet): boolean {
  let isTouching = false;
  change.iterChangedRanges((from, to) => {
    others.iterChangedRanges((otherFrom, otherTo) => {
      const isInsertion = from === to;
      isTouching ||= isInsertion ? otherFrom <= to && from <= otherTo : otherFrom < to && from < otherTo;
    });
  });
  return isTouching;
}
