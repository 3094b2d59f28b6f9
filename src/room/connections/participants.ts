/**
 * The connections that have joined the room, and whose they are. An index of what the host knows: a new
 * instance reads the host's connections once, and is told of each that joins or leaves from then on. So what
 * a message or a newcomer costs doesn't grow with the audience.
 */
import { networkOf } from '../../access/network.ts';
import { freeGuestName, isGuestName } from '../../domain/guest-names.ts';
import { MAX_LISTED_PARTICIPANTS, PARTICIPANT_COLORS } from '../../protocol/index.ts';
import type { Connection, RoomHost } from '../host.ts';
import { hasJoined, type JoinedConnection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';

/** `WebSocket.OPEN`. */
const OPEN = 1;

const isOpen = ({ readyState }: Connection): boolean => readyState === OPEN;

/** What a connection is found by; kept here, as its own state is gone when it leaves. */
interface Entry {
  participantId: string;
  network: string | null;
}

/** The connections of one participant. */
interface Group {
  members: Set<JoinedConnection>;
  isListed: boolean;
}

export class Participants {
  readonly #host: Pick<RoomHost, 'connections'>;
  #isLoaded = false;
  readonly #entries = new Map<Connection, Entry>();
  readonly #writers = new Set<JoinedConnection>();
  readonly #watchers = new Set<JoinedConnection>();
  readonly #byParticipant = new Map<string, Group>();
  readonly #byNetwork = new Map<string, Set<JoinedConnection>>();
  /** Participants whom the others are shown one by one, and those who are only counted. */
  #listed = 0;
  #unlisted = 0;

  constructor(host: Pick<RoomHost, 'connections'>) {
    this.#host = host;
  }

  /** The connection joins, with this state. */
  add(connection: Connection, state: ConnectionState): JoinedConnection {
    this.#load();
    connection.setState(state);
    const member = connection as JoinedConnection;
    this.#index(member);
    return member;
  }

  /** The connection leaves. @returns the state that it had; null when it hadn't joined, or has left. */
  remove(connection: Connection): Readonly<ConnectionState> | null {
    this.#load();
    const { state } = connection;
    connection.setState(null);
    const entry = this.#entries.get(connection);
    if (!entry) return state;
    const member = connection as JoinedConnection;
    this.#entries.delete(connection);
    this.#writers.delete(member);
    this.#watchers.delete(member);
    const { participantId, network } = entry;
    const ofNetwork = network === null ? undefined : this.#byNetwork.get(network);
    ofNetwork?.delete(member);
    if (network !== null && ofNetwork?.size === 0) this.#byNetwork.delete(network);
    const group = this.#byParticipant.get(participantId);
    group?.members.delete(member);
    if (group?.members.size === 0) {
      this.#byParticipant.delete(participantId);
      this.#count(group, -1);
    }
    return state;
  }

  /** The participant's role, or what gives them access, is another one from now on. They are listed then. */
  changeAccess(member: JoinedConnection, access: Pick<ConnectionState, 'role' | 'joinMethod'>): void {
    this.#load();
    member.setState({ ...member.state, ...access, isListed: true });
    this.#writers.delete(member);
    this.#watchers.delete(member);
    this.#index(member);
  }

  /** Every connection that has joined and that the room hasn't closed. */
  *connections(): Iterable<JoinedConnection> {
    yield* this.writers();
    yield* this.watchers();
  }

  /** Those of participants who may edit. */
  *writers(): Iterable<JoinedConnection> {
    this.#load();
    for (const member of this.#writers) if (isOpen(member)) yield member;
  }

  /** Those of participants who only watch. */
  *watchers(): Iterable<JoinedConnection> {
    this.#load();
    for (const member of this.#watchers) if (isOpen(member)) yield member;
  }

  /** How many connections there are. */
  get size(): number {
    this.#load();
    return this.#entries.size;
  }

  /** How many of them only watch. */
  get watching(): number {
    this.#load();
    return this.#watchers.size;
  }

  /** How many participants there are whom the others aren't shown one by one. */
  get unlisted(): number {
    this.#load();
    return this.#unlisted;
  }

  /** One connection of each participant who is shown to the others by name. */
  *listed(): Iterable<JoinedConnection> {
    const seen = new Set<string>();
    for (const members of [this.writers(), this.watchers()]) {
      for (const member of members) {
        // All who are listed were found: the rest is an audience.
        if (seen.size === this.#listed) return;
        const { participantId, isListed } = member.state;
        if (!isListed || seen.has(participantId)) continue;
        seen.add(participantId);
        yield member;
      }
    }
  }

  /** Whether a newcomer is shown to the others by name: those who write always are. */
  isListed({ participantId, role }: Pick<ConnectionState, 'participantId' | 'role'>): boolean {
    const [known] = this.connectionsOf(participantId);
    if (known) return known.state.isListed;
    return role !== 'viewer' || this.#listed < MAX_LISTED_PARTICIPANTS;
  }

  /** Those with this connection id. The host finds them by it, so the cost doesn't grow with the room. */
  *withConnectionId(connectionId: string): Iterable<JoinedConnection> {
    for (const connection of this.#host.connections(connectionId)) {
      if (hasJoined(connection)) yield connection;
    }
  }

  /** All connections of one participant. */
  connectionsOf(participantId: string): JoinedConnection[] {
    this.#load();
    return [...(this.#byParticipant.get(participantId)?.members ?? [])].filter(isOpen);
  }

  /** All connections of one participant, and all from one network. */
  sharing(participantId: string, address: string | null): JoinedConnection[] {
    this.#load();
    const network = address === null ? null : networkOf(address);
    const ofNetwork = network === null ? [] : [...(this.#byNetwork.get(network) ?? [])].filter(isOpen);
    return [...new Set([...this.connectionsOf(participantId), ...ofNetwork])];
  }

  /** Every participant's id, once. */
  ids(): string[] {
    return [...new Set([...this.connections()].map(({ state }) => state.participantId))];
  }

  /** The colour of a participant who is here, or the one that fewest of those have who are listed. */
  colorOf(participantId: string): number {
    const [known] = this.connectionsOf(participantId);
    if (known) return known.state.color;
    const uses = Array.from({ length: PARTICIPANT_COLORS }, () => 0);
    for (const { state } of this.listed()) uses[state.color] = (uses[state.color] ?? 0) + 1;
    return uses.indexOf(Math.min(...uses));
  }

  /** What a newcomer is called here: by their name, or by one of their role that no other participant has. */
  nameOf({
    participantId,
    displayName,
    role,
  }: Pick<ConnectionState, 'participantId' | 'displayName' | 'role'>): string {
    if (!isGuestName(displayName)) return displayName;
    const taken = new Set<string>();
    for (const { state } of this.connections()) {
      if (state.participantId !== participantId) taken.add(state.displayName);
      // In another tab, say.
      else if (state.role === role && isGuestName(state.displayName)) return state.displayName;
    }
    return freeGuestName(role, displayName, taken);
  }

  /** What the nameless participants are called, by their ids. */
  guestNames(): Map<string, string> {
    const nameless = [...this.connections()].filter(({ state }) => isGuestName(state.displayName));
    return new Map(nameless.map(({ state }) => [state.participantId, state.displayName]));
  }

  /** The connections outlive an instance that hibernates. */
  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    for (const connection of this.#host.connections()) if (hasJoined(connection)) this.#index(connection);
  }

  #index(member: JoinedConnection): void {
    const { participantId, address, role, isListed } = member.state;
    const network = address === null ? null : networkOf(address);
    this.#entries.set(member, { participantId, network });
    (role === 'viewer' ? this.#watchers : this.#writers).add(member);
    if (network !== null) {
      const ofNetwork = this.#byNetwork.get(network) ?? new Set();
      this.#byNetwork.set(network, ofNetwork.add(member));
    }
    const group = this.#byParticipant.get(participantId) ?? { members: new Set(), isListed };
    if (group.members.size > 0) this.#count(group, -1);
    group.members.add(member);
    group.isListed ||= isListed;
    this.#byParticipant.set(participantId, group);
    this.#count(group, 1);
  }

  #count({ isListed }: Group, by: 1 | -1): void {
    if (isListed) this.#listed += by;
    else this.#unlisted += by;
  }
}
