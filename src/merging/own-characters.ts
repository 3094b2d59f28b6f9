/** The engine's pieces of a string keep all of that string; what is to be kept for long must not. */

/** Shorter pieces are copies. */
export const SHORTEST_PIECE = 13;

/** The same string, of characters of its own. */
export function ownCharacters(piece: string): string {
  return piece.length < SHORTEST_PIECE ? piece : JSON.parse(JSON.stringify(piece));
}
