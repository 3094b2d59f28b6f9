/**
 * The twelve colours of participants, by the number that the room assigns.
 *
 * Chosen by a search through 1,456 colours of OKLCH (lightness 0.60 to 0.96) whose contrast with the dark
 * text of a name is at least 4.8:1, for the set whose two most alike colours differ most: in OKLab, as seen
 * with normal vision and with protanopia, deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009,
 * severity 1). The two most alike are 0.144 apart with normal vision, and 0.085 with any of the three.
 */
export const PEER_COLORS = [
  '#2794fb',
  '#e79c27',
  '#61ebf8',
  '#bc5cc5',
  '#a8fa55',
  '#ec460e',
  '#ffb3bb',
  '#4f9250',
  '#a7b3f1',
  '#ebecbe',
  '#0dce7c',
  '#a18b95',
] as const;

/** The text on any of them, as they are on a dark ground and on a light one. */
export const PEER_TEXT_COLOR = 'light-dark(#ffffff, #101318)';

/** A colour as CSS; on a light ground it is darker, so that it can be told from the ground. */
export function peerColorStyle(color: number): string {
  const dark = PEER_COLORS[peerColor(color)] ?? PEER_COLORS[0];
  return `light-dark(color-mix(in oklab, ${dark} 55%, black), ${dark})`;
}

/** The colour's number of a participant, whatever the room says. */
export function peerColor(color: number): number {
  return ((Math.trunc(color) % PEER_COLORS.length) + PEER_COLORS.length) % PEER_COLORS.length || 0;
}
