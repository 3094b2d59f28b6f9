/** The known name that was probably meant by one that isn't known. Pure. */

/** What drums are called elsewhere. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  kick: 'bd',
  snare: 'sd',
  hat: 'hh',
  hihat: 'hh',
  openhat: 'oh',
  clap: 'cp',
  rimshot: 'rim',
  crash: 'cr',
  ride: 'rd',
  tom: 'mt',
};

/** A longer name isn't taken for a typing error. */
const MAX_CHARS = 64;

/** @returns null where none is near enough */
export function nearestName(wanted: string, names: Iterable<string>): string | null {
  const name = wanted.toLowerCase();
  if (name.length > MAX_CHARS) return null;
  const known = new Set(names);
  const other = OTHER_WORDS[name.replace(/[\s_-]/g, '')];
  if (other !== undefined && known.has(other)) return other;
  let nearest: string | null = null;
  // A letter of three, two of six: `bdd` is `bd`, and `ab` is nothing.
  let least = Math.floor(name.length / 3) + 1;
  for (const each of known) {
    if (Math.abs(each.length - name.length) >= least) continue;
    const edits = editsBetween(name, each.toLowerCase());
    if (edits < least) {
      least = edits;
      nearest = each;
    }
  }
  return nearest;
}

/**
 * How many letters one has to add, leave out, replace or swap with their neighbour. Optimal string alignment:
 * https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance
 */
export function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let edits = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
