/** Which of the twelve colours a person has on the page: the one that the room gave them. */
import type { WireParticipant } from '../../protocol/index.ts';
import { PEER_COLORS, peerColor } from '../editor/index.ts';

/** @param name of a participant, or of one who has left: then their name decides. */
export function colorOf(name: string, participants: readonly WireParticipant[]): number {
  const person = participants.find((one) => one.display_name === name);
  if (person?.color !== undefined) return peerColor(person.color);
  let sum = 0;
  for (let at = 0; at < name.length; at += 1) sum = (sum * 31 + name.charCodeAt(at)) % 65_521;
  return sum % PEER_COLORS.length;
}
