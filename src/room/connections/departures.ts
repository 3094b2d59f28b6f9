/** How a connection leaves the room: by itself, replaced by its client's next one, or closed by the room. */
import type { BanList } from '../../access/ban-list.ts';
import { SessionNotFoundError } from '../../domain/errors.ts';
import { type ErrorCode, FLOOD_BAN_MS } from '../../protocol/index.ts';
import type { AgentRuns } from '../agent/agent-runs.ts';
import type { HostedSession } from '../document/hosted-session.ts';
import type { SharedEdits } from '../document/shared-edits.ts';
import { describe } from '../guarded.ts';
import type { Connection } from '../host.ts';
import type { RoomLog } from '../log.ts';
import { SIGNED_OUT } from './access-revocations.ts';
import type { AudienceCount } from './audience-count.ts';
import type { Away } from './away.ts';
import { CLOSE } from './close-codes.ts';
import type { JoinedConnection } from './connection.ts';
import { participantOf } from './connection-state.ts';
import type { Outbox } from './outbox.ts';
import type { Participants } from './participants.ts';
import type { PresenceRecorder } from './presence.ts';
import type { SlowConsumers } from './slow-consumers.ts';

export interface DeparturesOptions {
  participants: Participants;
  outbox: Outbox;
  presence: PresenceRecorder;
  audience: Pick<AudienceCount, 'changed'>;
  away: Away;
  agents: Pick<AgentRuns, 'cancelFor'>;
  session: Pick<HostedSession, 'live'>;
  edits: Pick<SharedEdits, 'forget' | 'unselect'>;
  /** Participants who may not come back for a while. */
  bans: BanList;
  slowConsumers: SlowConsumers<Connection>;
  log: RoomLog;
}

export class Departures {
  readonly #options: DeparturesOptions;

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /**
   * Forgets what is under way for this connection, an AI's answer and edits, unless its client is back under
   * the same id.
   */
  dropWorkOf(connection: Connection): void {
    const { participants, agents, edits, session } = this.#options;
    const isReplaced = [...participants.withConnectionId(connection.id)].some((m) => m !== connection);
    if (isReplaced) return;
    agents.cancelFor(connection.id);
    edits.forget(connection.id, session.live);
  }

  /**
   * The socket is closed. Does nothing for a connection that the room closed itself: its leave was announced
   * then.
   */
  leave(connection: Connection): void {
    this.#forget(connection);
  }

  /**
   * The client is back on another socket. It hasn't left: a connection id is of one participant, so that is
   * who has come.
   */
  replace(member: JoinedConnection): void {
    const state = this.#options.participants.remove(member);
    if (state) this.#options.edits.unselect(member.id, state);
    member.close(CLOSE.replaced, 'replaced');
  }

  /** Closes the connection of a participant who has lost access. */
  kick(member: JoinedConnection, reason: string): void {
    this.close(member, 'forbidden', reason, CLOSE.forbidden);
  }

  /** Closes the connection of a user who has signed out everywhere. */
  signOut(member: JoinedConnection): void {
    this.close(member, SIGNED_OUT.error, SIGNED_OUT.message, CLOSE.unauthorized);
  }

  /** The session is over for this participant, though it goes on. */
  sendHome(member: JoinedConnection, reason: string): void {
    this.#options.outbox.reply(member, 'session_ended', { reason, goes_on: true });
    this.#close(member, reason, CLOSE.ended);
  }

  /** Closes a connection that floods the room, and keeps its participant out for a while. */
  ban(member: JoinedConnection, nowMs: number): void {
    const { bans, log } = this.#options;
    log('banned', 'a connection was closed because it flooded the room');
    bans.add(member.state.participantId, nowMs + FLOOD_BAN_MS);
    this.close(member, 'too_many_requests', 'too many messages', CLOSE.flood);
  }

  /**
   * Tells the client why, and closes its connection. From here on the room neither reads it nor sends it
   * anything.
   */
  close(member: JoinedConnection, error: ErrorCode, reason: string, code: number): void {
    this.#options.outbox.refuse(member, error, reason);
    this.#close(member, reason, code);
  }

  /** Closes connections that don't read, before what is buffered for them takes the room's memory. */
  closeSlow(): void {
    const { slowConsumers, participants, log } = this.#options;
    for (const member of slowConsumers.overLimit(() => participants.connections())) {
      log('too_slow', 'a connection was closed because its client did not read');
      // Without a word: an error would wait behind everything else that the client hasn't read.
      this.#close(member, 'too slow', CLOSE.unavailable);
    }
  }

  /** Closes a connection that was silent for too long. The end of a dead socket may be told much later. */
  closeIdle(member: JoinedConnection): void {
    this.#close(member, 'nothing heard for too long', CLOSE.idle);
    this.dropWorkOf(member);
  }

  /** Closes the connection because something of ours failed; the client isn't told what. */
  closeFailed(connection: Connection, error: unknown): void {
    if (error instanceof SessionNotFoundError) {
      connection.close(CLOSE.notFound, 'there is no such session');
      return;
    }
    this.#options.log('failed', describe(error));
    // The client keeps what isn't acknowledged, and sends it again once it is back.
    connection.close(CLOSE.unavailable, 'storage is out of reach, try again in a moment');
  }

  /**
   * The session has ended: closes every connection. No leave is announced, since nobody is left to hear it.
   */
  closeAll(): void {
    for (const member of [...this.#options.participants.connections()]) {
      this.#options.participants.remove(member);
      member.close(CLOSE.ended, 'session ended');
      this.#options.agents.cancelFor(member.id);
    }
    this.#options.presence.changed();
  }

  #close(member: JoinedConnection, reason: string, code: number): void {
    member.close(code, reason);
    this.#options.agents.cancelFor(member.id);
    this.#forget(member);
  }

  /** Its participant has left if it was their last connection, and may be away if others are open. */
  #forget(connection: Connection): void {
    const { participants, outbox, presence, audience, away, edits } = this.#options;
    const state = participants.remove(connection);
    if (!state) return;
    away.closed(state);
    if (participants.connectionsOf(state.participantId).length > 0) {
      edits.unselect(connection.id, state);
      return;
    }
    if (state.isListed) outbox.broadcast('user_left', participantOf(state));
    else audience.changed();
    presence.changed();
  }
}
