/**
 * Sessions as a whole in one process: live sessions, the buffered repository and flushers, on real stores,
 * with every call to a store let through, lost or delayed as the test says. People keep what isn't
 * acknowledged, and send it again to the next room.
 */
import { randomUUID } from 'node:crypto';
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import type { RecoveryRecord } from '../../src/domain/types.ts';
import type { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import type { SessionBuffer } from '../../src/redis/session-buffer.ts';
import { HostedSession, type HostedSessionOptions } from '../../src/room/document/hosted-session.ts';
import type { LiveSession, LiveSessionOptions } from '../../src/room/document/live-session.ts';
import { BufferedSessionRepository } from '../../src/write-behind/buffered-repository.ts';
import { Flusher } from '../../src/write-behind/flusher.ts';
import type { View } from '../faults/checks.ts';
import { Ledger } from '../faults/ledger.ts';
import { type Fate, Gate } from './gate.ts';
import { FakeClock, settle } from './live-session.ts';

const FLUSH_MS = 5_000;
const PACE = {
  minMs: 20,
  maxMs: 1_000,
  targetPerS: 1_000,
  fallbackMs: 500,
  flushMs: FLUSH_MS,
  historySize: 50,
};
/** More than any run needs to come to rest; a run that takes more never would. */
const MOST_ROUNDS = 60;
const ROUND_MS = 2_000;
/** After that long a room has committed what it has, if anything answers. */
const LONGEST_PAUSE_MS = PACE.maxMs;

interface Room {
  live: LiveSession;
  /** A dead room's words reach nobody, and nothing it starts happens. */
  isDead: boolean;
  /** People have been let in; nobody says anything before that. */
  isReady: boolean;
}

interface Person {
  connectionId: string;
  /** Where their connection is; null while it is nowhere. */
  room: Room | null;
  /** Stays in a room that was replaced until that says so. */
  isLate: boolean;
  /** Unacknowledged, oldest first. */
  edits: { requestId: string; text: string }[];
  messages: { id: string; text: string }[];
  texts: Map<string, string>;
}

/** One session: what outlives its rooms, who is in it, and its room. */
class ModelSession {
  readonly ledger: Ledger;
  readonly people: Person[];
  /** What the rooms keep in durable storage, and the instance that the platform lets at it: the newest. */
  record: RecoveryRecord | null = null;
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
      isLate: connectionId === 'late',
      edits: [],
      messages: [],
      texts: new Map(),
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

  edit(session: ModelSession, who: number): void {
    const person = session.people[who % session.people.length];
    if (!person) return;
    this.#count += 1;
    // A piece of what was there before: the halves of these notes are the same.
    const edit = {
      requestId: `r${this.#count}`,
      text: `edit ${'🎵🎶'.repeat(this.#count % 3)}${this.#count} €`,
    };
    person.edits.push(edit);
    person.texts.set(edit.requestId, edit.text);
    session.ledger.edits.add(edit.text);
    person.room?.live.edit({
      connectionId: person.connectionId,
      participantId: person.connectionId,
      requestId: edit.requestId,
      content: { kind: 'whole', code: edit.text },
      editorId: null,
    });
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
    while (!this.gate.isEmpty) await this.gate.step(0, 'ok');
  }

  /** An edit that Postgres takes while Redis refuses. */
  async standIn(session: ModelSession, who: number): Promise<void> {
    this.gate.outages.set('redis', 'refused');
    this.edit(session, who);
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
    for (const session of this.sessions) session.isStorageFailing = false;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await this.calm();
      for (const session of this.sessions) if (!session.room) this.start(session);
      this.sweep();
      await this.pass(ROUND_MS);
      await this.calm();
      if (this.#isAtRest()) return;
    }
    const states = this.sessions.map(({ room, people, alarmAtMs }) => ({
      hasRoom: room !== null,
      alarmAtMs,
      degraded: room?.live.degraded,
      waiting: people.flatMap(({ edits, messages }) => [...edits, ...messages]),
    }));
    throw new Error(`it never came to rest: ${JSON.stringify(states)}`);
  }

  /** What a session's room would show somebody who came in. */
  async view({ id, room }: ModelSession): Promise<View> {
    if (!room) throw new Error(`${id} has no room`);
    const history = room.live.history();
    await this.calm();
    const chat = (await history).messages.map((message) => message.id);
    return { who: 'who enters now', code: room.live.code, chat, isWhole: true };
  }

  #isAtRest(): boolean {
    return this.sessions.every(
      ({ room, people, alarmAtMs }) =>
        room !== null &&
        alarmAtMs === null &&
        room.live.degraded === null &&
        people.every(({ edits, messages }) => edits.length === 0 && messages.length === 0),
    );
  }

  async #start(session: ModelSession): Promise<void> {
    const room: Room = { isDead: false, isReady: false } as Room;
    session.owner = room;
    const { skewMs } = this;
    const hosted = new HostedSession({
      id: session.id,
      storage: this.#storageOf(session, room),
      repository: this.#repository,
      session: { ...PACE, ...this.#options.session },
      ports: {
        flush: (id) => this.#flusher.flushSession(id),
        send: (connectionId, type, payload) => {
          if (room.isDead || type !== 'ack') return;
          this.#acknowledged(session, room, connectionId, payload as Ack);
        },
        broadcast: () => {},
        onHistory: () => {},
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
      onOpened: async () => {},
    });
    room.live = await hosted.open();
    session.ledger.checkStart(room.live.code);
    session.room = room;
    // As the room's server does: history before anybody is let in.
    await room.live.history();
    if (session.room !== room) return;
    room.isReady = true;
    for (const person of session.people) {
      if (!person.isLate || person.room === null) this.#enter(session, room, person);
    }
  }

  /** Comes in, and sends again what isn't acknowledged. */
  #enter(session: ModelSession, room: Room, person: Person): void {
    person.room = room;
    for (const { requestId, text } of [...person.edits]) {
      room.live.edit({
        connectionId: person.connectionId,
        participantId: person.connectionId,
        requestId,
        content: { kind: 'whole', code: text },
        editorId: null,
      });
    }
    for (const message of [...person.messages]) this.#say(room.live, session, person, message);
  }

  /** The storage of a session's rooms, which the platform lets only the newest instance write. */
  #storageOf(session: ModelSession, room: Room): HostedSessionOptions['storage'] {
    return {
      get: async () => session.record,
      put: async (_key: unknown, value?: unknown) => {
        this.#comeToStorage(session, room);
        if (session.isStorageFailing) throw new Error('the storage fails');
        session.record = structuredClone(value) as RecoveryRecord;
      },
      setAlarm: async (atMs) => {
        this.#comeToStorage(session, room);
        session.alarmAtMs = this.clock.nowMs + atMs - Date.now();
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
      person.room = null;
      if (session.room?.isReady) this.#enter(session, session.room, person);
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

  #acknowledged(session: ModelSession, room: Room, connectionId: string, ack: Ack): void {
    const person = session.people.find((candidate) => candidate.connectionId === connectionId);
    // What a room says to somebody who has gone elsewhere reaches nobody.
    if (person?.room !== room) return;
    const { ledger } = session;
    if (ack.message_id !== undefined) {
      ledger.ackedMessages.add(ack.message_id);
      person.messages = person.messages.filter(({ id }) => id !== ack.message_id);
    }
    if (ack.request_id === undefined || ack.rev === undefined) return;
    const text = person.texts.get(ack.request_id);
    if (text === undefined) ledger.violate(`an ack for ${ack.request_id}, which was never sent`);
    else ledger.ackEdit(text, ack.rev);
    // Cumulative: everything before it is contained in it.
    const last = person.edits.findIndex(({ requestId }) => requestId === ack.request_id);
    if (last !== -1) person.edits = person.edits.slice(last + 1);
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

interface Ack {
  rev?: number;
  request_id?: string;
  message_id?: string;
}
