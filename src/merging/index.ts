/** Merging, as rooms and clients do it. Pure: no I/O, no clock, nothing of either end. */
export * from './changes.ts';
export * from './difference.ts';
export * from './move-by-difference.ts';
export * from './transform.ts';
