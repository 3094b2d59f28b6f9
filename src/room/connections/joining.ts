/** How a connection with a reservation joins the room. */
import type { HostedSession } from '../document/hosted-session.ts';
import type { SessionState } from '../document/session-state.ts';
import type { Connection } from '../host.ts';
import type { AccessRevocations } from './access-revocations.ts';
import type { AudienceCount } from './audience-count.ts';
import type { Away } from './away.ts';
import { CLOSE } from './close-codes.ts';
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
  audience: Pick<AudienceCount, 'changed'>;
  away: Away;
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
    const { outbox, departures, presence, audience, away } = this.#options;
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
      const ended = revocations.ended ?? (refusal.isEnd ? { reason: refusal.message, goes_on: true } : null);
      if (ended) outbox.reply(connection, 'session_ended', ended);
      else outbox.refuse(connection, refusal.error, refusal.message);
      connection.close(ended ? CLOSE.ended : CLOSE.forbidden, refusal.message);
      return;
    }
    const displayName = participants.nameOf(grant);
    const wasPresent = participants.connectionsOf(grant.participantId).length > 0;
    const color = participants.colorOf(grant.participantId);
    const isListed = participants.isListed(grant);
    for (const other of [...participants.withConnectionId(connection.id)]) {
      if (other !== connection) departures.replace(other);
    }
    const { connectionId: _, knownAtMs: __, isNewSession: ___, token, ...person } = grant;
    const seen = { seenMs: Date.now(), isHidden: false, isAsked: false };
    const unused = {
      sync: 0,
      sameText: null,
      chatTimes: [],
      switchTimes: [],
      agentTimes: [],
    };
    const member = away.telling(grant.participantId, () =>
      participants.add(connection, { ...person, ...seen, displayName, color, isListed, ...unused }),
    );
    sessionState.send(member, session, history, token === null ? {} : { token });
    if (session.degraded) outbox.reply(member, 'degraded', session.degraded);
    if (!wasPresent && isListed) outbox.broadcast('user_joined', participantOf(member.state), member);
    if (!isListed) audience.changed();
    presence.changed();
  }
}
