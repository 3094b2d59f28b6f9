/**
 * Sessions as a whole in one process: live sessions, the buffered repository and flushers, on real stores,
 * with every call to a store let through, lost or delayed as the test says. Participants edit by changes,
 * with the documents that real clients have, over connections that deliver when the test says; they keep what
 * isn't acknowledged, and send it again to the next room. Each character that is typed is a text of its own.
 */
import { randomUUID } from 'node:crypto';
import { ChangeSet, type Text } from '@codemirror/state';
import { SharedDocument } from '../../src/client/sdk/shared-document.ts';
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import type { RecoveryRecord } from '../../src/domain/types.ts';
import { splitsCharacter } from '../../src/merging/index.ts';
import type { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import type { ClientMessage, ServerMessageType, ServerPayload } from '../../src/protocol/index.ts';
import type { SessionBuffer } from '../../src/redis/session-buffer.ts';
import type { JoinedConnection } from '../../src/room/connections/connection.ts';
import { HostedSession, type HostedSessionOptions } from '../../src/room/document/hosted-session.ts';
import type { LiveSession, LiveSessionOptions } from '../../src/room/document/live-session.ts';
import { SessionState } from '../../src/room/document/session-state.ts';
import { SharedEdits } from '../../src/room/document/shared-edits.ts';
import type { HandlerContext } from '../../src/room/handlers/context.ts';
import { dispatch } from '../../src/room/handlers/index.ts';
import { BufferedSessionRepository } from '../../src/write-behind/buffered-repository.ts';
import { Flusher } from '../../src/write-behind/flusher.ts';
import type { View } from '../faults/checks.ts';
import { Ledger } from '../faults/ledger.ts';
import { type Fate, Gate } from './gate.ts';
import { FakeClock, packAtOnce, settle } from './live-session.ts';
import { makeMember, participantsOf } from './room.ts';

const FLUSH_MS = 5_000;
/** Short enough for each history to have some. */
const VERSION_MS = 1_500;
const PACE = {
  minMs: 20,
  maxMs: 1_000,
  targetPerS: 1_000,
  fallbackMs: 500,
  flushMs: FLUSH_MS,
  historySize: 50,
  versionIntervalMs: VERSION_MS,
  pack: packAtOnce,
};
/** More than any run needs to come to rest; a run that takes more never would. */
const MOST_ROUNDS = 60;
/** What is on its way arrives when so much time goes by. */
const LATENCY_MS = 100;
const ROUND_MS = 2_000;
/** After that long a room has committed what it has, if anything answers. */
const LONGEST_PAUSE_MS = PACE.maxMs;

interface Room {
  live: LiveSession;
  edits: SharedEdits;
  state: SessionState;
  /** A dead room's words reach nobody, and nothing it starts happens. */
  isDead: boolean;
  /** People have been let in; nobody says anything before that. */
  isReady: boolean;
}

/** What a room has sent. */
type Sent = { [T in ServerMessageType]: { type: T; payload: ServerPayload<T> } }[ServerMessageType];

interface Person {
  connectionId: string;
  /** Where their connection is; null while it is nowhere. */
  room: Room | null;
  /** The connection as rooms see it, with what survives hibernation; null while there is none. */
  member: JoinedConnection | null;
  /** Has lost the connection, and isn't back. */
  isAway: boolean;
  /** Stays in a room that was replaced until that says so. */
  isLate: boolean;
  document: SharedDocument;
  /** The page was loaded anew with nothing kept, and has no text before the room's. */
  isFresh: boolean;
  /** On their way over the connection. */
  toRoom: ClientMessage[];
  toClient: Sent[];
  /** What is typed and not acknowledged, by the number of the edit that has it. */
  typed: Map<number, string[]>;
  /** Unacknowledged, oldest first. */
  messages: { id: string; text: string }[];
}

/** Where an edit is, as any number, and what it does there. */
export interface EditAt {
  place: number;
  /** How many characters it puts in; at least one. */
  typed: number;
  /** How many characters it takes out. */
  cut: number;
  /** It stays on its way to the room. */
  isHeld: boolean;
}

/** One session: what outlives its rooms, who is in it, and its room. */
class ModelSession {
  readonly ledger: Ledger;
  readonly people: Person[];
  /** What the rooms keep in durable storage, and the instance that the platform lets at it: the newest. */
  record: RecoveryRecord | null = null;
  /** What else they keep there, by its key. */
  readonly kept = new Map<string, unknown>();
  isStorageFailing = false;
  owner: Room | null = null;
  alarmAtMs: number | null = null;
  room: Room | null = null;
  isStarting = false;

  constructor(readonly id: string) {
    this.ledger = new Ledger(id);
    this.people = ['a', 'b', 'late'].map((connectionId) => ({
      connectionId,
      room: null,
      member: null,
      isAway: false,
      isLate: connectionId === 'late',
      document: new SharedDocument(null),
      isFresh: true,
      toRoom: [],
      toClient: [],
      typed: new Map(),
      messages: [],
    }));
  }
}

export class SessionModel {
  readonly gate = new Gate();
  readonly clock = new FakeClock();
  /** How far the clocks of rooms that start from now on are off, in milliseconds. */
  skewMs = 0;
  readonly sessions: ModelSession[];
  readonly #options: { session?: Partial<LiveSessionOptions> };
  readonly #buffer: SessionBuffer;
  readonly #flusher: Flusher;
  readonly #repository: BufferedSessionRepository;
  #count = 0;
  /** Errors that nobody expected, of whatever runs in the background. */
  readonly failures: unknown[] = [];

  /** What `makeBuffer` and `postgres` ask their stores for has to go through {@link SessionModel.gate}. */
  constructor(options: {
    ids: readonly string[];
    makeBuffer(gate: Gate): SessionBuffer;
    postgres: PostgresSessionRepository;
    /** For shorter terms, say. */
    session?: Partial<LiveSessionOptions>;
  }) {
    this.#options = options;
    this.clock.nowMs = Date.now();
    this.sessions = options.ids.map((id) => new ModelSession(id));
    this.#buffer = options.makeBuffer(this.gate);
    const { postgres } = options;
    this.#repository = new BufferedSessionRepository({
      buffer: this.#buffer,
      postgres,
      // Each call is decided about by the test; a breaker that waits for the real clock would only hide some.
      breaker: { failures: Number.MAX_SAFE_INTEGER, retryMs: 0 },
    });
    this.#flusher = new Flusher({
      buffer: this.#buffer,
      writer: postgres,
      bounds: { maxSessions: 2, maxBytes: 2_000 },
      sweepAbove: 1,
      staleAfterMs: 10_000,
      intervalMs: 1,
      leaseMs: 10_000,
      inactivity: { afterMs: 3_600_000, everyMs: 3_600_000 },
    });
  }

  session(index: number): ModelSession {
    const session = this.sessions[index % this.sessions.length];
    if (!session) throw new RangeError('no sessions');
    return session;
  }

  /** Starts a room. One that is there goes on without knowing of it, unless it was killed. */
  start(session: ModelSession): void {
    if (session.isStarting) return;
    session.isStarting = true;
    this.#background(
      this.#start(session).finally(() => {
        session.isStarting = false;
      }),
    );
  }

  kill(session: ModelSession): void {
    if (session.room) this.#end(session, session.room);
  }

  async edit(session: ModelSession, who: number, at: Partial<EditAt> = {}): Promise<void> {
    const person = session.people[who % session.people.length];
    if (!person || person.isFresh) return;
    const { document, typed } = person;
    const { ledger } = session;
    const { place = 0, cut = 0, isHeld = false } = at;
    const { text } = document;
    const from = betweenCharacters(text, place % (text.length + 1));
    const to = betweenCharacters(text, Math.min(text.length, from + cut));
    for (const gone of text.sliceString(from, to)) ledger.deleted.add(gone);
    const added = Array.from({ length: at.typed ?? 1 }, () => this.#token());
    const { clientSeq } = document.edit(ChangeSet.of({ from, to, insert: added.join('') }, text.length), {});
    for (const token of added) ledger.edits.add(token);
    typed.set(clientSeq, [...(typed.get(clientSeq) ?? []), ...added]);
    this.#send(person);
    if (!isHeld) await this.#deliverAll(session, person, 'up');
  }

  /**
   * A character that was typed nowhere before. Every second one takes two code units, of which the first is
   * the same for many, as with two pieces of a text that are cut there.
   */
  #token(): string {
    this.#count += 1;
    return String.fromCodePoint((this.#count % 2 === 0 ? 0xf0000 : 0xe000) + (this.#count % 0x1800));
  }

  /** The connection delivers one message, if one is on its way. */
  async deliver(session: ModelSession, who: number, way: 'up' | 'down'): Promise<void> {
    const person = session.people[who % session.people.length];
    if (person) this.#deliver(session, person, way);
    await settle();
  }

  /** A participant loses the connection, or is back. @param isReload the page is loaded anew. */
  drop(session: ModelSession, who: number, isReload: boolean): void {
    const person = session.people[who % session.people.length];
    if (!person) return;
    person.isAway = !person.isAway && !isReload;
    this.#disconnect(person);
    if (isReload) {
      const kept = person.document.keep();
      person.document = new SharedDocument(kept && JSON.parse(JSON.stringify(kept)));
      person.isFresh = kept === null;
    }
    if (!person.isAway && session.room?.isReady) this.#enter(session, session.room, person);
  }

  /**
   * The instance ends, with nothing under way, and its connections stay open: the next one goes on with them.
   * @param isClean only where nothing is in the buffer and in the room's memory alone.
   */
  async hibernate(session: ModelSession, isClean: boolean): Promise<void> {
    const { room } = session;
    if (!room?.isReady || session.isStarting) return;
    if (isClean) this.leave(session);
    await this.pass(LONGEST_PAUSE_MS);
    await this.calm();
    if (!(await isCommitted(room.live)) || session.room !== room || room.live.degraded) return;
    if (isClean && session.record?.source !== 'clean') return;
    room.isDead = true;
    room.live.close();
    session.room = null;
    for (const person of session.people) if (person.room === room) person.room = null;
    this.start(session);
  }

  /**
   * The room's storage is lost. Not before anything was committed: it alone knows of the terms then, and
   * nothing orders the next room after one that still lives.
   */
  forgetStorage(session: ModelSession): void {
    const { ackedEdits, ackedMessages } = session.ledger;
    if (ackedEdits.length === 0 && ackedMessages.size === 0) return;
    session.record = null;
    session.kept.clear();
  }

  say(session: ModelSession, who: number): void {
    const person = session.people[who % session.people.length];
    if (!person) return;
    this.#count += 1;
    const message = { id: randomUUID(), text: `message ${this.#count}` };
    person.messages.push(message);
    session.ledger.messages.set(message.id, { text: message.text, by: person.connectionId });
    if (person.room) this.#say(person.room.live, session, person, message);
  }

  sweep(): void {
    this.#background(this.#flusher.sweep());
  }

  /** What a room does when somebody leaves. */
  leave(session: ModelSession): void {
    if (session.room) this.#background(session.room.live.flush());
  }

  /**
   * The last to leave has everything flushed, and the next to come finds another room. Not while anything is
   * only in the buffer and in the room's memory.
   */
  async turnOver(session: ModelSession): Promise<void> {
    this.leave(session);
    await this.calm();
    if (session.record?.source !== 'clean') return;
    this.kill(session);
    this.start(session);
    await this.calm();
  }

  /** Time goes by; alarms that fall due go off, starting a room where there is none. */
  async pass(ms: number): Promise<void> {
    if (ms >= LATENCY_MS) await this.#deliverEverything();
    await this.clock.advance(ms);
    for (const session of this.sessions) {
      if (session.alarmAtMs === null || session.alarmAtMs > this.clock.nowMs) continue;
      if (!session.room) {
        this.start(session);
        continue;
      }
      session.alarmAtMs = null;
      this.#background(session.room.live.onAlarm());
    }
    await settle();
  }

  /** All that waits happens, and is answered. */
  async calm(): Promise<void> {
    // What has only just begun comes to its first call.
    await settle();
    do while (!this.gate.isEmpty) await this.gate.step(0, 'ok');
    while (await this.#deliverEverything());
  }

  /** An edit that Postgres takes while Redis refuses. */
  async standIn(session: ModelSession, who: number): Promise<void> {
    this.gate.outages.set('redis', 'refused');
    await this.edit(session, who);
    await this.pass(LONGEST_PAUSE_MS);
    await this.calm();
    this.gate.outages.delete('redis');
  }

  step(index: number, fate: Fate): Promise<void> {
    return this.gate.step(index, fate);
  }

  /**
   * Everything answers again, and time goes by until nothing is left to do.
   * @throws when it never comes to rest.
   */
  async recover(): Promise<void> {
    this.gate.outages.clear();
    for (const session of this.sessions) {
      session.isStorageFailing = false;
      for (const [who, person] of session.people.entries()) if (person.isAway) this.drop(session, who, false);
    }
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await this.calm();
      for (const session of this.sessions) if (!session.room) this.start(session);
      this.sweep();
      await this.pass(ROUND_MS);
      await this.calm();
      if (await this.#isAtRest()) return;
    }
    const states = this.sessions.map(({ room, people, alarmAtMs }) => ({
      hasRoom: room !== null,
      alarmAtMs,
      degraded: room?.live.degraded,
      waiting: people.map(({ connectionId, document, toRoom, toClient, messages }) => ({
        connectionId,
        hasPending: document.hasPending,
        ...{ toRoom, toClient, messages },
      })),
    }));
    throw new Error(`it never came to rest: ${JSON.stringify(states)}`);
  }

  /** What a session's room would show a participant who came in, and what its participants see. */
  async views(session: ModelSession): Promise<View[]> {
    const { id, room, people } = session;
    if (!room) throw new Error(`${id} has no room`);
    // Who is still with a room that was replaced hears nothing there.
    for (const person of people) if (person.room !== room) this.#enter(session, room, person);
    const history = room.live.history();
    await this.calm();
    const chat = (await history).messages.map((message) => message.id);
    const view = { chat, isWhole: true };
    return [
      { ...view, who: 'who enters now', code: room.live.code },
      ...people.map(({ connectionId, document }) => ({ ...view, who: connectionId, code: document.code })),
    ];
  }

  async #isAtRest(): Promise<boolean> {
    const rooms = this.sessions.flatMap(({ room }) => (room ? [room] : []));
    // One that has found a loss commits again what was acknowledged, after a pause.
    for (const { live } of rooms) if (!(await isCommitted(live))) return false;
    return this.sessions.every(
      ({ room, people, alarmAtMs }) =>
        room !== null &&
        alarmAtMs === null &&
        room.live.degraded === null &&
        people.every(
          ({ document, toRoom, toClient, messages }) =>
            !document.hasPending && toRoom.length === 0 && toClient.length === 0 && messages.length === 0,
        ),
    );
  }

  async #start(session: ModelSession): Promise<void> {
    const room: Room = { isDead: false, isReady: false } as Room;
    session.owner = room;
    const { skewMs } = this;
    const inRoom = () => session.people.filter((person) => person.room === room);
    const participants = participantsOf(() => inRoom().flatMap(({ member }) => (member ? [member] : [])));
    const outbox = this.#outboxOf(session, room);
    const hosted = new HostedSession({
      id: session.id,
      storage: this.#storageOf(session, room),
      alarm: {
        wakeForSession: async (atMs) => {
          this.#comeToStorage(session, room);
          session.alarmAtMs = this.clock.nowMs + atMs - Date.now();
        },
      },
      repository: this.#repository,
      session: { ...PACE, ...this.#options.session },
      ports: {
        flush: (id) => this.#flusher.flushSession(id),
        send: (connectionId, type, payload) => {
          for (const person of inRoom()) {
            if (person.connectionId === connectionId) this.#post(room, person, type, payload);
          }
        },
        broadcast: () => {},
        onHistory: () => {},
        onVersion: ({ number }) => {
          if (!room.isDead) session.ledger.versions.add(number);
        },
        onSuperseded: () => this.#end(session, room),
        // As the room's server does: what was accepted is committed first.
        onTermFull: () => {
          const end = () => this.#end(session, room);
          this.#background(room.live.committed().then(end, end));
        },
        log: () => {},
        clock: {
          now: () => this.clock.now() + skewMs,
          setTimeout: (task, delayMs) => this.clock.setTimeout(task, delayMs),
        },
      },
      onOpened: async () => {
        if (hosted.live) room.edits.resume(hosted.live);
      },
    });
    room.edits = new SharedEdits({ session: hosted, participants, outbox, clock: this.clock });
    room.state = new SessionState({
      session: hosted,
      participants,
      strudel: { strudelId: null, importedConversation: [] },
      outbox,
      edits: room.edits,
      knocks: { shownTo: () => undefined },
    });
    room.live = await hosted.open();
    session.ledger.checkStart(room.live.code);
    session.room = room;
    // As the room's server does: history before anybody is let in.
    await room.live.history();
    if (session.room !== room) return;
    room.isReady = true;
    for (const person of session.people) {
      if (person.isAway) continue;
      // The connection outlived the instance that hibernated.
      if (person.room === null && person.member) {
        person.room = room;
        // Said since, and by that the instance was started.
        for (const message of [...person.messages]) this.#say(room.live, session, person, message);
      } else if (!person.isLate || person.room === null) this.#enter(session, room, person);
    }
  }

  /** Comes in, and sends again what isn't acknowledged once the room's text has arrived. */
  #enter(session: ModelSession, room: Room, person: Person): void {
    this.#disconnect(person);
    person.room = room;
    const member = makeMember(person.connectionId);
    member.setState({ ...member.state, role: 'co-author', edits: 'changes' });
    person.member = member;
    this.#background(room.state.sendState(member));
    for (const message of [...person.messages]) this.#say(room.live, session, person, message);
  }

  /** The storage of a session's rooms, which the platform lets only the newest instance write. */
  #storageOf(session: ModelSession, room: Room): HostedSessionOptions['storage'] {
    return {
      get: async (key: string) => (key === 'recovery' ? session.record : session.kept.get(key)),
      put: async (key: unknown, value?: unknown) => {
        this.#comeToStorage(session, room);
        if (session.isStorageFailing) throw new Error('the storage fails');
        if (key === 'recovery') session.record = structuredClone(value) as RecoveryRecord;
        else session.kept.set(String(key), structuredClone(value));
      },
    };
  }

  /** @throws {ReplacedError} and ends the instance, as the platform does. */
  #comeToStorage(session: ModelSession, room: Room): void {
    if (session.owner === room) return;
    this.#end(session, room);
    throw new ReplacedError('another instance has taken over');
  }

  #end(session: ModelSession, room: Room): void {
    room.isDead = true;
    room.live?.close();
    if (session.room === room) session.room = null;
    this.#abandon(session, room);
  }

  /** A room is gone: who was in it goes where the session is now, if it is anywhere. */
  #abandon(session: ModelSession, room: Room): void {
    for (const person of session.people) {
      if (person.room !== room) continue;
      this.#disconnect(person);
      if (session.room?.isReady) this.#enter(session, session.room, person);
    }
  }

  /** What is on its way is lost. */
  #disconnect(person: Person): void {
    const { room, member } = person;
    Object.assign(person, { room: null, member: null, toRoom: [], toClient: [] });
    member?.setState(null);
    person.document.disconnected();
    if (room && !room.isDead) room.edits.forget(person.connectionId, room.live);
  }

  #outboxOf(session: ModelSession, room: Room) {
    const personOf = (id: string) => session.people.find(({ connectionId }) => connectionId === id);
    const reply = <T extends ServerMessageType>(to: { id: string }, type: T, payload: ServerPayload<T>) => {
      const person = personOf(to.id);
      if (person) this.#post(room, person, type, payload);
    };
    return {
      reply,
      broadcastEach: <T extends ServerMessageType>(
        type: T,
        payloadFor: (member: JoinedConnection) => ServerPayload<T> | null,
      ) => {
        for (const { room: at, member } of session.people) {
          const payload = at === room && member ? payloadFor(member) : null;
          if (member && payload) reply(member, type, payload);
        }
      },
      refuse: (to: { id: string }, error: string, message: string) =>
        session.ledger.violate(`${to.id} was told ${error}: ${message}`),
    };
  }

  /** A dead room's words reach nobody, nor do those of one that the participant has left. */
  #post<T extends ServerMessageType>(room: Room, person: Person, type: T, payload: ServerPayload<T>): void {
    if (room.isDead || person.room !== room) return;
    person.toClient.push(JSON.parse(JSON.stringify({ type, payload })));
  }

  #send({ document, member, toRoom }: Person): void {
    if (!member) return;
    for (let edit = document.nextToSend(); edit; edit = document.nextToSend()) {
      const { changes, baseRev, clientSeq, sync } = edit;
      const payload = { changes, base_rev: baseRev, client_seq: clientSeq, sync };
      toRoom.push({ type: 'code_update', payload });
      document.sent(clientSeq);
    }
  }

  /** @returns false when there was nothing to deliver. */
  #deliver(session: ModelSession, person: Person, way: 'up' | 'down'): boolean {
    const { room, member } = person;
    if (way === 'down') {
      const sent = person.toClient.shift();
      if (sent) this.#heard(session, person, sent);
      return sent !== undefined;
    }
    if (!room?.isReady || !member) return false;
    const message = person.toRoom.shift();
    if (message) this.#background(dispatch(message, this.#contextOf(session, room, member)));
    return message !== undefined;
  }

  async #deliverAll(session: ModelSession, person: Person, way: 'up' | 'down'): Promise<boolean> {
    let isAny = false;
    while (this.#deliver(session, person, way)) {
      isAny = true;
      await settle();
    }
    return isAny;
  }

  /** All that is on its way arrives, and the answers to that. @returns false when there was nothing. */
  async #deliverEverything(): Promise<boolean> {
    let isAny = false;
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const session of this.sessions) {
        for (const person of session.people) {
          for (const way of ['up', 'down'] as const) {
            if (await this.#deliverAll(session, person, way)) isBusy = true;
          }
        }
      }
      isAny ||= isBusy;
    }
    return isAny;
  }

  #contextOf(session: ModelSession, room: Room, sender: JoinedConnection): HandlerContext {
    const used: Pick<HandlerContext, 'session' | 'sessionState' | 'edits' | 'sender' | 'requestId'> = {
      session: { open: async () => room.live, live: room.live },
      sessionState: room.state,
      edits: room.edits,
      sender,
      requestId: undefined,
    };
    const limits = { takeResync: () => true };
    // What handlers of edits use.
    return { ...used, limits, outbox: this.#outboxOf(session, room) } as unknown as HandlerContext;
  }

  /** A participant's client hears of something, as the real one does. */
  #heard({ ledger }: ModelSession, person: Person, { type, payload }: Sent): void {
    const { document } = person;
    switch (type) {
      case 'session_state': {
        const { code, rev, sync = 0, client_seq: clientSeq = null } = payload;
        const { uncertain } = document.start({ code, rev, sync, clientSeq });
        if (uncertain !== null) ledger.violate(`${person.connectionId} doesn't know what the room has`);
        person.isFresh = false;
        this.#send(person);
        return;
      }
      case 'code_update':
        try {
          document.remote(payload.changes ?? [], payload.rev, payload.client_seq);
        } catch (error) {
          ledger.violate(`${person.connectionId} lost track: ${error}`);
        }
        return;
      case 'ack':
        this.#acknowledged(ledger, person, payload);
        return;
      case 'out_of_step':
        document.disconnected();
        person.toRoom.push({ type: 'resync', payload: {} });
        return;
      default:
    }
  }

  #say(
    live: LiveSession,
    session: ModelSession,
    person: Person,
    message: { id: string; text: string },
  ): void {
    const accepted = live.addMessage(person.connectionId, {
      id: message.id,
      type: 'chat',
      role: 'user',
      userId: null,
      displayName: person.connectionId,
      avatarUrl: null,
      content: message.text,
      isActionable: false,
      isCodeResponse: false,
      strudelId: null,
    });
    if (typeof accepted === 'object') session.ledger.show(message.id, accepted.position);
  }

  #acknowledged(ledger: Ledger, person: Person, ack: ServerPayload<'ack'>): void {
    const { rev, client_seq: clientSeq, message_id: messageId } = ack;
    if (messageId !== undefined) {
      ledger.ackedMessages.add(messageId);
      person.messages = person.messages.filter(({ id }) => id !== messageId);
    }
    if (rev === undefined) return;
    person.document.acknowledged(clientSeq, rev);
    // Cumulative: everything before it is contained in it.
    for (const [seq, tokens] of person.typed) {
      if (clientSeq === undefined || seq > clientSeq) continue;
      for (const token of tokens) ledger.ackEdit(token, rev);
      person.typed.delete(seq);
    }
  }

  #background(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      const isExpected = error instanceof StorageUnavailableError || error instanceof ReplacedError;
      if (!isExpected) this.failures.push(error);
    });
  }
}

/** What the platform says to an instance that comes to its storage when it is the session's no more. */
class ReplacedError extends Error {}

/** Whether nothing that a room accepted waits for a commit. */
async function isCommitted(live: LiveSession): Promise<boolean> {
  let isDone = false;
  live.committed().then(
    () => {
      isDone = true;
    },
    () => {},
  );
  await settle();
  return isDone;
}

/** The offset, or the next one where it lies in a character. */
function betweenCharacters(text: Text, offset: number): number {
  const isWithin = splitsCharacter(ChangeSet.of({ from: offset, insert: 'x' }, text.length), text);
  return isWithin ? offset + 1 : offset;
}
