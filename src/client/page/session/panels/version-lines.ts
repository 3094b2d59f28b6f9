/** What differs between a version and the code as it is now, line by line. */
import { diffLines } from 'diff';

export interface ComparedLine {
  /** `version`: only in the version; `now`: only in the code now. */
  kind: 'both' | 'version' | 'now';
  text: string;
  key: string;
}

/** Unchanged lines that are shown before and after a change. */
const CONTEXT = 3;

/** Lines far from any change are left out, with a line of dots in their place. */
export function linesOf(version: string, now: string): ComparedLine[] {
  const all = diffLines(now, version).flatMap(({ value, added, removed }) => {
    const kind = added ? 'version' : removed ? 'now' : 'both';
    return value
      .replace(/\n$/, '')
      .split('\n')
      .map((text) => ({ kind, text }) as const);
  });
  const isNear = all.map((_, at) =>
    all.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ kind }) => kind !== 'both'),
  );
  // Without any change the whole version is shown.
  if (!isNear.includes(true)) return all.map((line, at) => ({ ...line, key: String(at) }));
  return all.flatMap((line, at): ComparedLine[] => {
    if (isNear[at]) return [{ ...line, key: String(at) }];
    return at === 0 || isNear[at - 1] ? [{ kind: 'both', text: '…', key: String(at) }] : [];
  });
}
