/** The session's participants, as the room tells them, and which of them this client is. */
import type { Role, ServerPayload, WireParticipant } from '../../protocol/index.ts';
import { findSelf, personId, withoutPerson, withPerson } from './people.ts';

/** Names whose colour is remembered. */
const MAX_NAMES = 500;

export class Roster {
  #participants: readonly WireParticipant[] = [];
  /** The colour of each name, also of those who have left or have another name now; the oldest first. */
  readonly #colors = new Map<string, number>();
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
    for (const person of state.participants) this.#remember(person);
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
    this.#remember(person);
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

  /**
   * The colour that the room gave the participant who has that name, or had it since this client joined; null
   * when there was none.
   */
  colorUnder(name: string): number | null {
    return this.#colors.get(name) ?? null;
  }

  #remember({ display_name: name, color }: WireParticipant): void {
    if (color === undefined) return;
    this.#colors.delete(name);
    this.#colors.set(name, color);
    const [oldest] = this.#colors.keys();
    if (oldest !== undefined && this.#colors.size > MAX_NAMES) this.#colors.delete(oldest);
  }

  /** The colour that the room has given a participant. */
  colorOf(id: string): number {
    return this.#participants.find((each) => personId(each) === id)?.color ?? 0;
  }
}
