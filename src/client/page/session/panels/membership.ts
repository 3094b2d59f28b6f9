/** What the API's routes about one participant are called with, by a host. */
import type { Jam } from '../jam.ts';

/** A participant's membership in the API, for the host to change. */
export function membershipOf({ sessionId, token }: Jam, participantId: string) {
  return { params: { id: sessionId, participant_id: participantId }, token };
}
