/** How a connection with a reservation joins the room. */
import type { HostedSession } from '../document/hosted-session.ts';
import type { SessionState } from '../document/session-state.ts';
import type { Connection } from '../host.ts';
import type { AccessRevocations } from './access-revocations.ts';
import { CLOSE } from './close-codes.ts';
import { hasJoined } from './connection.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { participantOf } from './connection-state.ts';
import type { Departures } from './departures.ts';
import type { Outbox } from './outbox.ts';
import type { Participants } from './participants.ts';
import type { PresenceRecorder } from './presence.ts';

/** `WebSocket.OPEN`. */
const OPEN = 1;

export interface JoiningOptions {
  session: Pick<HostedSession, 'open'>;
  sessionState: SessionState;
  participants: Participants;
  revocations: AccessRevocations;
  connectionLimits: ConnectionLimits;
  outbox: Outbox;
  departures: Departures;
  presence: PresenceRecorder;
}

export class Joining {
  readonly #options: JoiningOptions;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  /**
   * Lets the connection in and sends it the session's state, or closes it.
   * @throws {SessionNotFoundError} and {StorageUnavailableError} when the session can't be opened.
   */
  async join(connection: Connection, reservationId: string): Promise<void> {
    const { sessionState, participants, revocations, connectionLimits } = this.#options;
    const { outbox, departures, presence } = this.#options;
    const session = await this.#options.session.open();
    const history = await session.history();
    // From here to the end nothing waits: no message falls between the state that the client gets and what
    // follows it.
    const reservation = connectionLimits.redeem(reservationId, Date.now());
    if (connection.readyState !== OPEN) return;
    if (!reservation) {
      // The upgrade took too long, or another instance made the reservation: the client comes again.
      connection.close(CLOSE.unavailable, 'not admitted');
      return;
    }
    const { grant, refusal } = reservation;
    if (refusal) {
      const { ended } = revocations;
      if (ended) outbox.reply(connection, 'session_ended', ended);
      else outbox.refuse(connection, refusal.error, refusal.message);
      connection.close(ended ? CLOSE.ended : CLOSE.forbidden, refusal.message);
      return;
    }
    const wasPresent = participants.connectionsOf(grant.participantId).length > 0;
    for (const other of [...participants.connections()]) {
      if (other.id === connection.id && other !== connection) departures.replace(other);
    }
    const { connectionId: _, knownAtMs: __, isNewSession: ___, token, ...person } = grant;
    const color = participants.colorOf(grant.participantId);
    connection.setState({ ...person, color, sync: 0, chatTimes: [], switchTimes: [], agentTimes: [] });
    if (!hasJoined(connection)) return;
    sessionState.send(connection, session, history, token === null ? {} : { token });
    if (session.degraded) outbox.reply(connection, 'degraded', session.degraded);
    if (!wasPresent) outbox.broadcast('user_joined', participantOf(connection.state), connection);
    presence.changed();
  }
}
