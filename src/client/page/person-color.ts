/** Which of the twelve colours a person has on the page: the one that the room gave them. */
import type { WireParticipant } from '../../protocol/index.ts';
import { PEER_COLORS, peerColor } from '../editor/index.ts';
import type { SessionClient } from '../sdk/session-client.ts';

export function colorOf({ display_name: name, color }: WireParticipant): number {
  return color === undefined ? colorOfName(name) : peerColor(color);
}

/** The colour of a message's author, also when they have left or have another name now. */
export function authorColor(client: Pick<SessionClient, 'colorUnder'>, name: string): number {
  const color = client.colorUnder(name);
  return color === null ? colorOfName(name) : peerColor(color);
}

/** The colour of a person to whom the room has given none. */
export function colorOfName(name: string): number {
  let sum = 0;
  for (let at = 0; at < name.length; at += 1) sum = (sum * 31 + name.charCodeAt(at)) % 65_521;
  return sum % PEER_COLORS.length;
}
