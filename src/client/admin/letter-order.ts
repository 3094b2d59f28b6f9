/** The order in which a page of dead letters is shown. Pure. */
import type { Letter } from './use-letters.ts';

export const LETTER_ORDERS = ['age', 'size', 'reason'] as const;
export type LetterOrder = (typeof LETTER_ORDERS)[number];

/** In bytes, of what was buffered. */
export const sizeOf = ({ data }: Pick<Letter, 'data'>): number => new TextEncoder().encode(data).length;

const COMPARE: Record<LetterOrder, (a: Letter, b: Letter) => number> = {
  age: (a, b) => a.at.localeCompare(b.at),
  size: (a, b) => sizeOf(b) - sizeOf(a),
  reason: (a, b) => a.reason.code.localeCompare(b.reason.code) || a.at.localeCompare(b.at),
};

/** The oldest first, the largest first, or those with one reason together. */
export const ordered = (letters: readonly Letter[], order: LetterOrder): Letter[] =>
  [...letters].sort(COMPARE[order]);
