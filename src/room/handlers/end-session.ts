import { withTimeout } from '../../domain/with-timeout.ts';
import { type AccessRevocations, SESSION_ENDED } from '../connections/access-revocations.ts';
import type { ConnectionLimits } from '../connections/connection-limits.ts';
import type { Departures } from '../connections/departures.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import type { HostedSession } from '../document/hosted-session.ts';

/** How long an ending session waits for its last acknowledgements before it closes its connections. */
const LAST_COMMIT_MS = 3_000;

interface EndParts {
  session: Pick<HostedSession, 'live'>;
  participants: Participants;
  connectionLimits: ConnectionLimits;
  revocations: AccessRevocations;
  outbox: Outbox;
  departures: Departures;
}

/**
 * Ends the session: the room accepts nothing any more, acknowledges what it has accepted, and closes all
 * connections.
 * @returns the number of connections it had.
 */
export async function endSession(reason: string, parts: EndParts): Promise<number> {
  const { participants, connectionLimits, revocations, outbox, departures } = parts;
  revocations.recordEnded(reason);
  for (const reservation of connectionLimits.reservations(Date.now())) reservation.refusal = SESSION_ENDED;
  const { live } = parts.session;
  // A commit that fails or takes longer isn't lost: it is flushed, here or by the alarm, after the end too.
  if (live) await withTimeout(LAST_COMMIT_MS, live.committed()).catch(() => {});
  const connections = participants.size;
  if (connections > 0) outbox.broadcast('session_ended', { reason });
  departures.closeAll();
  // The caller may read, or remove, what is stored, as soon as this answers: nothing is written after that.
  if (live) await withTimeout(LAST_COMMIT_MS, live.flush()).catch(() => {});
  return connections;
}
