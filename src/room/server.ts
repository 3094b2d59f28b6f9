/**
 * The room of one session. It reads in the order of its life: request, connect, message, close, alarm.
 *
 * Rooms hibernate: memory is gone between messages. What must outlive it is in the connections' state, in the room's storage, or in
 * the buffer; a fresh instance loads the session when the first event needs it, and not before: a ping in a silent session costs no
 * Redis command. Events come in while the first of them is still loading.
 */
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Clock } from '../domain/clock.ts';
import { SessionNotFoundError, StorageUnavailableError, SupersededError } from '../domain/errors.ts';
import type { PeopleRepository } from '../domain/people.ts';
import { may } from '../domain/permissions.ts';
import type { StrudelRepository } from '../domain/strudels.ts';
import type { SessionRepository } from '../domain/types.ts';
import { within } from '../domain/with-timeout.ts';
import {
  CHAT_HISTORY_MESSAGES,
  type ErrorCode,
  fitsBytes,
  MAX_FRAME_BYTES,
  parseClientMessage,
  type ServerMessageType,
  type ServerPayload,
} from '../protocol/index.ts';
import { type AgentPorts, AgentRuns } from './agent/agent-runs.ts';
import { Backlog } from './connections/backlog.ts';
import {
  type ConnectionState,
  isMember,
  type Member,
  occupantOf,
  participantOf,
  participantsOf,
} from './connections/connection.ts';
import { ConnectionLimits, type Occupant } from './connections/connection-limits.ts';
import { Flood } from './connections/flood.ts';
import { type AdmissionGrant, admissionGrantSchema, RESERVATION_HEADER } from './connections/grant.ts';
import { MemberLimits } from './connections/member-limits.ts';
import { Outbox } from './connections/outbox.ts';
import { PresenceRecorder } from './connections/presence.ts';
import { refuse, refuseFlooder } from './connections/refusal.ts';
import { Roster } from './connections/roster.ts';
import { SESSION_ENDED, StandingNotes } from './connections/standing-notes.ts';
import { chatHistory, conversationHistory } from './document/histories.ts';
import { HostedSession } from './document/hosted-session.ts';
import type { LiveSession, LiveSessionPorts } from './document/live-session.ts';
import type { Messages } from './document/message-history.ts';
import { StrudelContext } from './document/strudel-context.ts';
import { describe, guarded } from './guarded.ts';
import type { HandlerContext } from './handlers/context.ts';
import { dispatch } from './handlers/index.ts';
import { carryOut } from './handlers/instructions.ts';
import type { Connection, RoomEvents, RoomHost } from './host.ts';
import { log } from './log.ts';

/** How long a connection that was let in may take to be there. */
const RESERVATION_MS = 30_000;
/** How long a session that ends waits for its last acknowledgements before it sends everybody away. */
const LAST_COMMIT_MS = 3_000;

/** Close codes: RFC 6455's, and of the range for applications 4403 and 4404, which mean what HTTP's do. */
const CLOSE = {
  ended: 1000,
  replaced: 1000,
  silent: 1001,
  flood: 1008,
  tooLarge: 1009,
  moved: 1012,
  unavailable: 1013,
  forbidden: 4403,
  notFound: 4404,
} as const;

const OPEN = 1;

const CLOCK: Clock = {
  now: Date.now,
  setTimeout(task, delayMs) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** What presence was recorded last. */
const presentSchema = z.string().nullable().catch(null);

/** What rooms are made with. */
export interface RoomDependencies {
  config: Pick<
    Config,
    | 'CONNECTIONS_PER_USER'
    | 'CONNECTIONS_PER_ADDRESS'
    | 'COMMIT_MIN_MS'
    | 'COMMIT_MAX_MS'
    | 'COMMIT_TARGET_PER_S'
    | 'COMMIT_FALLBACK_MS'
    | 'FLUSH_ALARM_MS'
  >;
  repository: SessionRepository;
  people: Pick<PeopleRepository, 'recordPresence'>;
  strudels: Pick<StrudelRepository, 'get'>;
  /** Flushes the session by the Worker's flush route. @throws when that fails; the session stays dirty, and safe. */
  flush: LiveSessionPorts['flush'];
  /** Called when somebody first asks the AI. */
  agentPorts: () => AgentPorts;
}

export class Room implements RoomEvents {
  readonly #host: RoomHost;
  readonly #deps: RoomDependencies;
  readonly #roster: Roster;
  readonly #outbox: Outbox;
  readonly #notes: StandingNotes;
  readonly #strudel: StrudelContext;
  readonly #presence: PresenceRecorder;
  readonly #connections: ConnectionLimits;
  readonly #limits = new MemberLimits();
  readonly #flood = new Flood();
  readonly #backlog = new Backlog<Connection>(() => crypto.randomUUID());
  readonly #agents: AgentRuns;
  /** Made once: there is a message for each edit. */
  readonly #forHandlers: HandlerContext['room'];
  /** Those that were told the state while the old messages were out of reach. */
  readonly #lackHistory = new WeakSet<Member>();
  readonly #joining = new WeakMap<object, Promise<void>>();
  #isReady = false;
  readonly #session: HostedSession;

  constructor(host: RoomHost, deps: RoomDependencies) {
    this.#host = host;
    this.#deps = deps;
    const { id, storage } = host;
    const { config, people, strudels } = deps;
    const logOf = (event: string, detail: string) => log(id, event, detail);
    this.#roster = new Roster(host);
    this.#agents = new AgentRuns({ ports: deps.agentPorts, log: logOf });
    this.#outbox = new Outbox({
      sessionId: id,
      storage,
      members: () => this.#roster.members(),
      sent: (to, chars) => this.#backlog.sent(to, chars),
    });
    this.#notes = new StandingNotes(storage, Date.now);
    this.#strudel = new StrudelContext(storage);
    this.#connections = new ConnectionLimits({
      perPerson: config.CONNECTIONS_PER_USER,
      perAddress: config.CONNECTIONS_PER_ADDRESS,
      holdMs: RESERVATION_MS,
    });
    this.#presence = new PresenceRecorder({
      present: () => this.#roster.present(),
      record: (participantIds) => people.recordPresence(id, participantIds),
      note: (recorded) => void storage.put('present', recorded),
      log: logOf,
      clock: CLOCK,
    });
    const outbox = this.#outbox;
    this.#session = new HostedSession({
      id,
      storage,
      repository: deps.repository,
      session: {
        minMs: config.COMMIT_MIN_MS,
        maxMs: config.COMMIT_MAX_MS,
        targetPerS: config.COMMIT_TARGET_PER_S,
        fallbackMs: config.COMMIT_FALLBACK_MS,
        flushMs: config.FLUSH_ALARM_MS,
        historySize: CHAT_HISTORY_MESSAGES,
      },
      ports: {
        flush: deps.flush,
        send: (connectionId, type, payload) => this.#send(connectionId, type, payload),
        broadcast: (type, payload) => outbox.broadcast(type, payload),
        onSuperseded: () => this.#moveAway(),
        onTermFull: () => void this.#openAnew(),
        onHistory: () => {
          this.#tellHistory().catch((error: unknown) => log(id, 'failed', describe(error)));
        },
        log: logOf,
        clock: CLOCK,
      },
      onOpened: async () =>
        this.#presence.resume(presentSchema.parse((await storage.get('present')) ?? null)),
    });
    this.#forHandlers = {
      session: () => this.#session.open(),
      members: () => this.#roster.members(),
      strudelId: () => this.#strudel.strudelId,
      switchStrudel: (strudelId, conversation) => this.#strudel.switchTo(strudelId, conversation),
      brought: () => this.#strudel.entries,
      agents: this.#agents,
      strudels,
      broadcast: (type, payload, except) => outbox.broadcast(type, payload, except),
      reply: (to, type, payload) => outbox.reply(to, type, payload),
      refuse: (to, error, message, id) => outbox.refuse(to, error, message, { requestId: id }),
      tellState: (to, id) => this.#tellState(to, id),
      takePerMinute: (member, what) => this.#limits.takePerMinute(member, what, Date.now()),
      pinged: (member, mark) => this.#backlog.pinged(member, mark),
      log: logOf,
    };
  }

  // ---- request -----------------------------------------------------------------------------------------------------

  /** A request of the Worker; nobody else gets here. */
  onRequest(request: Request): Promise<Response> {
    return guarded(this.#host.id, () => this.#answer(request));
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    try {
      await this.#ready();
      if (pathname === '/reserve') return await this.#reserve(request);
      if (pathname === '/instruct') return await this.#instructed(request);
      return refuse(404, 'not_found', 'a room has no such request');
    } catch (error) {
      if (error instanceof SessionNotFoundError) return refuse(404, 'not_found', 'there is no such session');
      if (error instanceof StorageUnavailableError || error instanceof SupersededError) {
        log(this.#host.id, 'request_failed', error.message);
        return refuse(503, 'server_error', 'storage is out of reach, try again in a moment');
      }
      throw error;
    }
  }

  /** Keeps a place for a caller who was let in, or says why not. This is the room's one judgement of who may connect. */
  async #reserve(request: Request): Promise<Response> {
    const asked = admissionGrantSchema.parse(await request.json());
    // From here to the reservation nothing waits: of any number that come at once, each sees those before it.
    const judgement = this.#notes.judge(asked);
    if (!judgement.isIn) return refuse(judgement.status, judgement.error, judgement.message);
    const refusal = this.#refusalOf(asked);
    if (refusal) return refusal;
    const id = crypto.randomUUID();
    const { role, via } = judgement;
    this.#connections.reserve(id, { ...asked, role, via }, Date.now());
    // Whether or not the connection comes: it may be in the books as present already.
    this.#presence.changed();
    try {
      await this.#session.open();
    } catch (error) {
      this.#connections.take(id, Date.now());
      throw error;
    }
    return Response.json({ reservation_id: id });
  }

  #refusalOf(grant: AdmissionGrant): Response | null {
    const nowMs = Date.now();
    const banLeftMs = this.#flood.banLeftMs(grant.participantId, nowMs);
    if (banLeftMs > 0) return refuseFlooder(banLeftMs);
    this.#closeSilent(nowMs);
    switch (this.#connections.check(grant, this.#occupants(), nowMs)) {
      case 'person_is_full':
        return refuse(429, 'too_many_requests', 'you have too many connections to this session');
      case 'address_is_full':
        return refuse(429, 'too_many_requests', 'there are too many connections from your network');
      case 'free':
        return null;
    }
  }

  #occupants(): Occupant[] {
    return [...this.#roster.members()].map(occupantOf);
  }

  async #instructed(request: Request): Promise<Response> {
    return carryOut(await request.text(), {
      roster: this.#roster,
      reservations: () => this.#connections.reservations(Date.now()),
      notes: this.#notes,
      outbox: this.#outbox,
      session: () => this.#session.open(),
      sendAway: (member, reason) => this.#sendAway(member, reason),
      tellState: (member) => this.#tellState(member),
      end: (reason) => this.#end(reason),
    });
  }

  // ---- connect -----------------------------------------------------------------------------------------------------

  async onConnect(connection: Connection, request: Pick<Request, 'headers'>): Promise<void> {
    const joined = this.#join(connection, request).catch((error: unknown) => this.#failed(connection, error));
    // A client may speak before it is let in; its messages wait for this.
    this.#joining.set(connection, joined);
    await joined;
  }

  async #join(connection: Connection, { headers }: Pick<Request, 'headers'>): Promise<void> {
    const reservationId = headers.get(RESERVATION_HEADER) ?? '';
    let session: LiveSession;
    let history: Messages;
    try {
      await this.#ready();
      session = await this.#session.open();
      history = await session.history();
    } catch (error) {
      this.#connections.take(reservationId, Date.now());
      throw error;
    }
    // From here to the end nothing waits: the state and what comes after it leave no gap between them.
    const reservation = this.#connections.take(reservationId, Date.now());
    if (connection.readyState !== OPEN) return;
    if (!reservation) {
      // It was long on the way, or another instance kept its place: the client comes again.
      connection.close(CLOSE.unavailable, 'not admitted');
      return;
    }
    const { grant, refused } = reservation;
    if (refused) {
      const { ended } = this.#notes;
      if (ended) this.#outbox.reply(connection, 'session_ended', ended);
      else this.#outbox.refuse(connection, refused.error, refused.message);
      connection.close(ended ? CLOSE.ended : CLOSE.forbidden, refused.message);
      return;
    }
    const wasHere = this.#roster.of(grant.participantId).length > 0;
    for (const other of [...this.#roster.members()]) {
      if (other.id === connection.id && other !== connection) this.#replace(other, grant);
    }
    const { participantId, userId, displayName, avatarUrl, role, via, inviteId, address } = grant;
    const person = { participantId, userId, displayName, avatarUrl, role, via, inviteId, address };
    connection.setState({ ...person, chatTimes: [], switchTimes: [], agentTimes: [] });
    if (!isMember(connection)) return;
    const token = grant.token === null ? {} : { token: grant.token };
    this.#outbox.reply(connection, 'session_state', {
      ...this.#stateFor(connection, session, history),
      ...token,
    });
    if (session.degraded) this.#outbox.reply(connection, 'degraded', session.degraded);
    if (!wasHere) this.#outbox.broadcast('user_joined', participantOf(connection.state), connection);
    this.#presence.changed();
  }

  /** The client of a socket is back on another one; only if it is somebody else now does anybody hear of a departure. */
  #replace(member: Member, by: AdmissionGrant): void {
    const { state } = member;
    member.setState(null);
    member.close(CLOSE.replaced, 'replaced');
    if (state.participantId === by.participantId) return;
    this.#agents.left(member.id);
    this.#tellLeft(state);
  }

  // ---- message -----------------------------------------------------------------------------------------------------

  async onMessage(connection: Connection, frame: string | ArrayBuffer | ArrayBufferView): Promise<void> {
    // Before anything is waited for: whatever comes until a room is there would count as sent at once.
    const now = Date.now();
    try {
      if (!isMember(connection)) await this.#joining.get(connection);
      if (!this.#isReady) await this.#ready();
      if (!isMember(connection)) return;
      this.#roster.heard(connection, now);
      this.#backlog.heard(connection);
      this.#closeSilent(now);
      await this.#handle(frame, connection, now);
      this.#closeSlow();
    } catch (error) {
      this.#failed(connection, error);
    }
  }

  async #handle(frame: string | ArrayBuffer | ArrayBufferView, sender: Member, nowMs: number): Promise<void> {
    const length = typeof frame === 'string' ? frame.length : frame.byteLength;
    const lateMs = this.#session.live?.latencyMs ?? 0;
    const verdict = this.#flood.take(sender, length, nowMs, lateMs);
    if (verdict !== 'read') {
      this.#outbox.refuse(sender, 'too_many_requests', 'too many messages, slow down');
      if (verdict === 'flood') this.#keepOut(sender, nowMs);
      return;
    }
    if (length > MAX_FRAME_BYTES || (typeof frame === 'string' && !fitsBytes(frame, MAX_FRAME_BYTES))) {
      this.#dismiss(
        sender,
        'validation_error',
        `a message is at most ${MAX_FRAME_BYTES} bytes`,
        CLOSE.tooLarge,
      );
      return;
    }
    if (typeof frame !== 'string') {
      this.#outbox.refuse(sender, 'bad_request', 'messages are text frames');
      return;
    }
    const parsed = parseClientMessage(frame);
    const { requestId } = parsed;
    if (!this.#limits.takeMessage(sender, parsed.ok ? parsed.message.type : null, nowMs, lateMs)) {
      this.#outbox.refuse(sender, 'too_many_requests', 'too many messages, slow down', { requestId });
      return;
    }
    if (this.#notes.ended) {
      this.#outbox.refuse(sender, 'forbidden', 'the session has ended', { requestId });
      return;
    }
    if (!parsed.ok) {
      const { error, message, details } = parsed;
      this.#outbox.refuse(sender, error, message, { requestId, details });
      return;
    }
    await dispatch(parsed.message, { sender, requestId, room: this.#forHandlers });
  }

  // ---- close -------------------------------------------------------------------------------------------------------

  async onClose(connection: Connection): Promise<void> {
    const isReplaced = [...this.#roster.members()].some((m) => m !== connection && m.id === connection.id);
    if (!isReplaced) this.#agents.left(connection.id);
    try {
      await this.#ready();
      if (isMember(connection)) {
        const { state } = connection;
        connection.setState(null);
        this.#tellLeft(state);
      }
      // A fresh instance only loads the session for this if something of it may still be dirty.
      if (await this.#session.mayBeDirty()) await (await this.#session.open()).flush();
    } catch (error) {
      log(this.#host.id, 'close_failed', describe(error));
    }
  }

  /** Somebody's connection is gone: he is too, unless he has another. */
  #tellLeft(state: ConnectionState): void {
    if (this.#roster.of(state.participantId).length > 0) return;
    this.#outbox.broadcast('user_left', participantOf(state));
    this.#presence.changed();
  }

  #sendAway(member: Member, reason: string): void {
    this.#dismiss(member, 'forbidden', reason, CLOSE.forbidden);
  }

  /** Tells a member why, and closes his connection: from here on it says nothing and is told nothing. */
  #dismiss(member: Member, error: ErrorCode, reason: string, code: number): void {
    const { state } = member;
    this.#outbox.refuse(member, error, reason);
    member.setState(null);
    member.close(code, reason);
    this.#agents.left(member.id);
    this.#tellLeft(state);
  }

  /** He sends more than anybody could mean to. */
  #keepOut(member: Member, nowMs: number): void {
    log(this.#host.id, 'flood', 'a connection was closed for all that it sent');
    this.#flood.ban(member.state.participantId, nowMs);
    this.#dismiss(member, 'too_many_requests', 'too many messages', CLOSE.flood);
  }

  /** Closes who doesn't read, before what waits for him takes the room's memory. */
  #closeSlow(): void {
    for (const member of this.#backlog.tooFar(() => this.#roster.members())) {
      log(this.#host.id, 'too_slow', 'a connection was closed that did not read');
      const { state } = member;
      // Not told why: that would only wait behind all the rest.
      member.setState(null);
      member.close(CLOSE.unavailable, 'too slow');
      this.#agents.left(member.id);
      this.#tellLeft(state);
    }
  }

  /** Closes who hasn't been heard of for too long. */
  #closeSilent(nowMs: number): void {
    for (const member of this.#roster.silent(nowMs)) member.close(CLOSE.silent, 'nothing heard for too long');
  }

  /** The session has ended: nothing is accepted any more, what was accepted is acknowledged, then everybody is sent away. */
  async #end(reason: string): Promise<number> {
    this.#notes.noteEnded(reason);
    for (const reservation of this.#connections.reservations(Date.now())) reservation.refused = SESSION_ENDED;
    // Whatever becomes of it: it is flushed, here or by the alarm, also after the end.
    const { live } = this.#session;
    if (live) await within(LAST_COMMIT_MS, live.committed()).catch(() => {});
    const members = [...this.#roster.members()];
    if (members.length > 0) this.#outbox.broadcast('session_ended', { reason });
    for (const member of members) {
      member.setState(null);
      member.close(CLOSE.ended, 'session ended');
      this.#agents.left(member.id);
    }
    this.#presence.changed();
    void live?.flush();
    return members.length;
  }

  // ---- alarm -------------------------------------------------------------------------------------------------------

  async onAlarm(): Promise<void> {
    try {
      await this.#ready();
      await (await this.#session.open({ byAlarm: true })).onAlarm();
    } catch (error) {
      if (error instanceof SessionNotFoundError) return;
      log(this.#host.id, 'alarm_failed', describe(error));
      // Whatever was dirty still is: try again.
      await this.#host.storage.setAlarm(Date.now() + this.#deps.config.FLUSH_ALARM_MS);
    }
  }

  // ---- the session -------------------------------------------------------------------------------------------------

  /** What the room kept in its own storage is at hand. */
  async #ready(): Promise<void> {
    await Promise.all([this.#outbox.open(), this.#notes.load(), this.#strudel.load()]);
    this.#isReady = true;
  }

  /** Another room has taken over: clients are sent there, and this instance forgets what it held. */
  #moveAway(): void {
    log(this.#host.id, 'superseded', 'another room has taken the session over');
    this.#session.giveUp();
    this.#outbox.broadcast('server_shutdown', { reason: 'moved' });
    for (const connection of this.#host.connections()) connection.close(CLOSE.moved, 'moved');
  }

  /** The term is used up: what was accepted is committed, then clients come back to the session in a new one. */
  async #openAnew(): Promise<void> {
    const { live } = this.#session;
    if (live) await within(LAST_COMMIT_MS, live.flush()).catch(() => {});
    this.#moveAway();
  }

  // ---- what clients are told ---------------------------------------------------------------------------------------

  #send<T extends ServerMessageType>(connectionId: string, type: T, payload: ServerPayload<T>): void {
    for (const member of this.#roster.withId(connectionId)) this.#outbox.reply(member, type, payload);
  }

  /** The session as it is now, to one member. */
  async #tellState(to: Member, requestId?: string): Promise<void> {
    const session = await this.#session.open();
    const history = await session.history();
    if (!isMember(to)) return;
    const state = this.#stateFor(to, session, history);
    this.#outbox.reply(to, 'session_state', {
      ...state,
      ...(requestId === undefined ? {} : { request_id: requestId }),
    });
  }

  /** The session as it is now, to those who lack the old messages. */
  async #tellHistory(): Promise<void> {
    for (const member of [...this.#roster.members()]) {
      if (this.#lackHistory.delete(member)) await this.#tellState(member);
    }
  }

  #stateFor(
    member: Member,
    session: LiveSession,
    { messages, isWhole }: Messages,
  ): ServerPayload<'session_state'> {
    if (!isWhole) this.#lackHistory.add(member);
    const { state } = member;
    const { strudelId, brought } = this.#strudel;
    return {
      code: session.code,
      rev: session.rev,
      client_seq: session.clientSeq(state.participantId, member.id),
      flushed_rev: session.flushedRev,
      your_role: state.role,
      your_display_name: state.displayName,
      participants: participantsOf(this.#roster.members()),
      chat_history: chatHistory(messages),
      conversation_history: may(state.role, 'read_conversation')
        ? [...brought, ...conversationHistory(messages, strudelId)]
        : [],
      strudel_id: strudelId,
    };
  }

  /** What a client is told when something of ours fails: never why. */
  #failed(connection: Connection, error: unknown): void {
    if (error instanceof SessionNotFoundError) {
      connection.close(CLOSE.notFound, 'there is no such session');
      return;
    }
    log(this.#host.id, 'failed', describe(error));
    // The client keeps what isn't acknowledged, and comes back with it.
    connection.close(CLOSE.unavailable, 'storage is out of reach, try again in a moment');
  }
}
