/** Tells the others that a participant is away, with all of their pages in the background, or back. */
import { isAway } from './connection.ts';
import { type ConnectionState, participantOf } from './connection-state.ts';
import type { Outbox } from './outbox.ts';
import type { Participants } from './participants.ts';

interface AwayOptions {
  participants: Pick<Participants, 'connectionsOf'>;
  outbox: Pick<Outbox, 'broadcastEach'>;
}

export class Away {
  readonly #options: AwayOptions;

  constructor(options: AwayOptions) {
    this.#options = options;
  }

  /** Runs `change`, which may bring it about or end it. */
  telling<T>(participantId: string, change: () => T): T {
    const before = this.#options.participants.connectionsOf(participantId);
    const wasAway = isAway(before);
    const result = change();
    // One who has just come is told of as such.
    if (before.length > 0) this.#tell(participantId, wasAway);
    return result;
  }

  /** A connection is closed: those that are left may all be in the background. @param state it had. */
  closed({ participantId, isHidden }: ConnectionState): void {
    const left = this.#options.participants.connectionsOf(participantId);
    if (left.length > 0) this.#tell(participantId, isHidden && isAway(left));
  }

  #tell(participantId: string, wasAway: boolean): void {
    const { participants, outbox } = this.#options;
    const connections = participants.connectionsOf(participantId);
    const [first] = connections;
    const away = isAway(connections);
    // Of those who are only counted nothing is shown.
    if (!first?.state.isListed || away === wasAway) return;
    const { user_id, display_name, participant_id } = participantOf(first.state);
    const payload = { user_id, display_name, participant_id, away };
    outbox.broadcastEach('presence', ({ state }) => (state.edits === 'changes' ? payload : null));
  }
}
