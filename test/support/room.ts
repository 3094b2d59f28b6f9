/** A room without a platform: its host, its connections and its stores are the test's. */

import type { CommitGrant } from '../../src/access/stranger-commits.ts';
import type { StrudelRepository } from '../../src/domain/strudels.ts';
import type { OpenedSession, SessionRepository } from '../../src/domain/types.ts';
import { parseServerMessage, type ServerMessage, type ServerMessageType } from '../../src/protocol/index.ts';
import type { JoinedConnection } from '../../src/room/connections/connection.ts';
import type { ConnectionState } from '../../src/room/connections/connection-state.ts';
import { type AdmissionGrant, RESERVATION_HEADER, reservedSchema } from '../../src/room/connections/grant.ts';
import type { RoomCommand } from '../../src/room/handlers/room-command.ts';
import type { Connection, RoomStorage } from '../../src/room/host.ts';
import type { RoomDependencies } from '../../src/room/room-parts.ts';
import { Room } from '../../src/room/server.ts';
import { committed } from './live-session.ts';

const OPEN = 1;
const CLOSED = 3;

export class FakeConnection implements Connection {
  readonly id: string;
  readonly received: ServerMessage[] = [];
  state: ConnectionState | null = null;
  closed: { code: number; reason: string } | null = null;

  constructor(id: string) {
    this.id = id;
  }

  get readyState(): number {
    return this.closed ? CLOSED : OPEN;
  }

  setState(state: ConnectionState | null): void {
    this.state = state;
  }

  send(text: string): void {
    const message = parseServerMessage(text);
    if (!message) throw new Error(`not a message of the protocol: ${text.slice(0, 200)}`);
    this.received.push(message);
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason };
  }

  all<T extends ServerMessageType>(type: T): Extract<ServerMessage, { type: T }>['payload'][] {
    return this.received.filter((m) => m.type === type).map(({ payload }) => payload) as never;
  }
}

export class FakeStorage implements RoomStorage {
  readonly values = new Map<string, unknown>();
  alarmMs: number | null = null;

  async get(key: string): Promise<unknown> {
    return structuredClone(this.values.get(key));
  }

  async put(key: string | Record<string, unknown>, value?: unknown): Promise<void> {
    const entries = typeof key === 'string' ? { [key]: value } : key;
    for (const [name, given] of Object.entries(entries)) this.values.set(name, structuredClone(given));
  }

  async delete(keys: string[]): Promise<void> {
    for (const key of keys) this.values.delete(key);
  }

  async list({ prefix }: { prefix: string }): Promise<Map<string, unknown>> {
    return new Map([...this.values].filter(([key]) => key.startsWith(prefix)));
  }

  async deleteAll(): Promise<void> {
    this.values.clear();
  }

  async setAlarm(atMs: number): Promise<void> {
    this.alarmMs = atMs;
  }

  async getAlarm(): Promise<number | null> {
    return this.alarmMs;
  }
}

export interface RoomFixture {
  room: Room;
  /** What the stores answer the room; may be replaced. */
  script: {
    open: () => Promise<OpenedSession | null>;
    /** The saved strudel that is asked for. */
    strudel: StrudelRepository['use'];
    /** What people without an account are told of their commits. */
    strangerCommits: CommitGrant;
    /** The isolate's gate for alarms; lets everything through. */
    alarmGate: RoomDependencies['alarmGate'];
  };
  /** What was written of who is present, by participants' ids. */
  presence: string[][];
  connections: FakeConnection[];
  ask(path: string, body: unknown): Promise<Response>;
  /** As the Worker sends it. */
  command(command: RoomCommand): Promise<Response>;
  /** Asks for a reservation. */
  reserve(grant: AdmissionGrant): Promise<Response>;
  /** Asks for a reservation and gets it; resolves with its id. */
  reserved(grant: AdmissionGrant): Promise<string>;
  /** A socket that was upgraded with this reservation. */
  connect(reservationId: string | null, connectionId?: string): Promise<FakeConnection>;
}

/** @param storage what an earlier instance has left. */
export function makeRoom(
  storage = new FakeStorage(),
  config: Partial<RoomDependencies['config']> = {},
): RoomFixture {
  const connections: FakeConnection[] = [];
  const presence: string[][] = [];
  const script: RoomFixture['script'] = {
    strangerCommits: { pace: 'normal', resetMs: 0 },
    alarmGate: { pass: (work) => work() },
    open: async () => ({
      outcome: 'opened',
      code: { code: 'start', rev: 0, receipts: {}, transport: null },
      flushedRev: 0,
      isDirty: false,
      messages: [],
      isPartial: false,
      isBufferBehind: false,
      lastCommit: 0,
      source: 'clean',
    }),
    strudel: async () => null,
  };
  const repository = {
    open: () => script.open(),
    commit: async (commit) => committed(commit),
    getMessages: async () => [],
    flushState: async () => ({ flushedRev: 0, isDirty: false, lastCommit: 0, sweeperLeaseMs: 0 }),
  } satisfies Partial<SessionRepository> as Partial<SessionRepository> as SessionRepository;
  const host = {
    id: 'session',
    storage,
    connections: (id?: string) =>
      connections.filter((c) => c.readyState === OPEN && (id === undefined || c.id === id)),
  };
  const room = new Room(host, {
    config: {
      CONNECTIONS_PER_USER: 5,
      CONNECTIONS_PER_ADDRESS: 10,
      WATCHERS_PER_ADDRESS: 200,
      COMMIT_MIN_MS: 0,
      COMMIT_MAX_MS: 1_000,
      COMMIT_TARGET_PER_S: 1_000,
      COMMIT_FALLBACK_MS: 1_000,
      FLUSH_ALARM_MS: 5_000,
      ...config,
    },
    repository,
    people: {
      recordPresence: async (_, ids) => void presence.push([...ids]),
      letIn: async () => ({ outcome: 'missing' }),
    },
    strudels: { use: (...asked) => script.strudel(...asked) },
    flush: async () => ({ flushedRev: 0, isDirty: false, lastCommit: 0, isComplete: true }),
    strangerCommits: { take: async () => script.strangerCommits },
    agentPorts: () => {
      throw new Error('nobody asks the AI here');
    },
    alarmGate: { pass: (work) => script.alarmGate.pass(work) },
  });
  const ask = (path: string, body: unknown) =>
    room.onRequest(
      new Request(`https://object.internal${path}`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    );
  const reserve = (grant: AdmissionGrant) => ask('/reserve', grant);
  return {
    room,
    script,
    connections,
    presence,
    ask,
    command: (command) => ask('/command', command),
    reserve,
    async reserved(grant) {
      const answer = await reserve(grant);
      if (!answer.ok) throw new Error(`no place: ${await answer.text()}`);
      return reservedSchema.parse(await answer.json()).reservation_id;
    },
    async connect(reservationId, connectionId = crypto.randomUUID()) {
      const connection = new FakeConnection(connectionId);
      connections.push(connection);
      const headers = new Headers(reservationId === null ? {} : { [RESERVATION_HEADER]: reservationId });
      await room.onConnect(connection, { headers });
      return connection;
    },
  };
}

/** What admits a caller. */
export function makeGrant(over: Partial<AdmissionGrant> = {}): AdmissionGrant {
  return {
    isNewSession: false,
    connectionId: crypto.randomUUID(),
    participantId: crypto.randomUUID(),
    userId: null,
    displayName: 'Ada',
    avatarUrl: null,
    role: 'viewer',
    joinMethod: 'grant',
    inviteId: null,
    address: null,
    edits: 'whole',
    knownAtMs: Date.now(),
    token: null,
    ...over,
  };
}

/** Participants as their connections say, without the room's index. */
export function participantsOf(connections: () => Iterable<JoinedConnection>) {
  const only = (isWanted: (member: JoinedConnection) => boolean) => [...connections()].filter(isWanted);
  return {
    connections,
    writers: () => only(({ state }) => state.role !== 'viewer'),
    watchers: () => only(({ state }) => state.role === 'viewer'),
    connectionsOf: (wanted: string) => only(({ state }) => state.participantId === wanted),
    withConnectionId: (wanted: string) => only(({ id }) => id === wanted),
    listed: connections,
    unlisted: 0,
    get watching() {
      return this.watchers().length;
    },
  };
}

/** A connection that has joined. */
export function makeMember(id: string, participantId = id): FakeConnection & JoinedConnection {
  const member = new FakeConnection(id);
  const { connectionId: _id, knownAtMs: _knownAtMs, token: _token, ...person } = makeGrant({ participantId });
  const seen = { seenMs: Date.now(), isHidden: false, isAsked: false };
  member.setState({
    ...person,
    ...seen,
    color: 0,
    isListed: true,
    sync: 0,
    sameText: null,
    chatTimes: [],
    switchTimes: [],
    agentTimes: [],
  });
  return member as FakeConnection & JoinedConnection;
}
