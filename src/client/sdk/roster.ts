/** The session's participants, as the room tells them, and which of them this client is. */
import type { Role, ServerPayload, WireParticipant } from '../../protocol/index.ts';
import { findSelf, personId, withoutPerson, withPerson } from './people.ts';

export class Roster {
  #participants: readonly WireParticipant[] = [];
  #watching = 0;
  #role: Role | null = null;
  #displayName: string | null = null;
  /** Of this client, as its token says. */
  participantId: string | null = null;

  get participants(): readonly WireParticipant[] {
    return this.#participants;
  }

  /** How many watchers there are besides these. */
  get watching(): number {
    return this.#watching;
  }

  /** This client's own; null until the room has said it. */
  get role(): Role | null {
    return this.#role;
  }

  get displayName(): string | null {
    return this.#displayName;
  }

  /** Index of this client's own participant; -1 while it isn't known. */
  get self(): number {
    return findSelf(this.#participants, {
      participant_id: this.participantId,
      display_name: this.#displayName ?? '',
      role: this.#role ?? 'viewer',
    });
  }

  /** True for what this client's participant has done. */
  isSelf({ participant_id: id }: { participant_id?: string | undefined }): boolean {
    return this.participantId !== null && id === this.participantId;
  }

  start(state: ServerPayload<'session_state'>): void {
    this.#role = state.your_role;
    this.#displayName = state.your_display_name;
    this.#participants = state.participants;
    this.#watching = state.watching ?? 0;
  }

  /** @returns the participant as they were, if they were here already: then they have another role. */
  joined(person: WireParticipant): WireParticipant | null {
    const known = this.#participants.find((one) => personId(one) === personId(person));
    // Of a participant who is here already it doesn't say whether their pages are hidden.
    const { people, before } = withPerson(this.#participants, {
      ...person,
      ...(known?.away ? { away: true } : {}),
    });
    this.#participants = people;
    return before;
  }

  left(person: WireParticipant): void {
    this.#participants = withoutPerson(this.#participants, person);
  }

  audience({ watching }: ServerPayload<'audience'>): void {
    this.#watching = watching;
  }

  presence({ away, ...author }: ServerPayload<'presence'>): void {
    const id = personId(author);
    this.#participants = this.#participants.map((one) => (personId(one) === id ? { ...one, away } : one));
  }

  /** The colour that the room has given a participant. */
  colorOf(id: string): number {
    return this.#participants.find((each) => personId(each) === id)?.color ?? 0;
  }
}
