/**
 * The one number that orders what a session writes: `term × 2²² + count`. The term is the fencing token,
 * which grows each time a room opens the session; the count is the room's own, from 1. So a later room's
 * first write is greater than anything an earlier room wrote.
 *
 * Revisions of the code, positions of messages and numbers of commit attempts have this form, each with a
 * count of its own. They stay below 2⁵³: never use bitwise operators on them, which cut numbers to 32 bits.
 */

export const COUNTS_PER_TERM = 2 ** 22;

/** The greatest term whose numbers are still safe integers. A greater one in a store is damaged data. */
export const MAX_TERM = 2 ** 31 - 1;

export function numberIn(term: number, count: number): number {
  return term * COUNTS_PER_TERM + count;
}

export function termOf(number: number): number {
  return Math.floor(number / COUNTS_PER_TERM);
}
