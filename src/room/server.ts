/**
 * The PartyKit server of one session. It reads in the order of its life: edge, start, connect, message, close, alarm.
 *
 * What PartyKit makes special:
 * - With `hibernate: true` memory is gone between messages. What must outlive it is in the connections' state, in the
 *   room's storage, or in the buffer; a fresh instance loads the session when the first event needs it, and not before:
 *   a ping in a silent session costs no Redis command.
 * - PartyKit lets events in while `onStart` is still waiting, so loading isn't done there.
 * - While an alarm is handled, `room.id` can't be read, by whatever runs meanwhile either: it is kept in storage.
 * - Two sockets may carry one connection id, when a client is back before its old socket is known to be gone.
 */
import type * as Party from 'partykit/server';
import { z } from 'zod';
import { createStorage } from '../buffer/index.ts';
import type { RoomConfig } from '../config.ts';
import {
  CHAT_HISTORY_MESSAGES,
  type ErrorCode,
  MAX_CHAT_PER_MINUTE,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_SIGNALS_PER_SECOND,
  PING_TIMEOUT_MS,
  parseClientMessage,
  type ServerMessageType,
  type ServerPayload,
} from '../protocol/index.ts';
import { SessionNotFoundError, StorageUnavailableError } from '../sessions/errors.ts';
import { HOMES, type SessionMessage, type SessionRepository } from '../sessions/types.ts';
import { admit, admittedState, configOf, refuse } from './access.ts';
import { type ConnectionState, isMember, type Member, participantOf, participantsOf } from './connection.ts';
import { requestFlush } from './flush-client.ts';
import type { HandlerContext } from './handlers/context.ts';
import { dispatch } from './handlers/index.ts';
import { LiveSession } from './live-session.ts';
import { SlidingWindow } from './rate-limit.ts';

type Connection = Party.Connection<ConnectionState>;

/** How long the room is quiet before the broadcast counter is noted; hibernation never comes sooner than seconds. */
const SEQ_NOTE_MS = 1_000;
/** A flush includes a sweep's worth of waiting for Postgres. */
const FLUSH_TIMEOUT_MS = 20_000;

/** Close codes: RFC 6455's, and 4404 for a session that is no longer there. */
const CLOSE = { replaced: 1000, silent: 1001, moved: 1012, unavailable: 1013, notFound: 4404 } as const;

/** Per-connection limits that need no more memory than the instance's: whoever waits for hibernation has waited long enough. */
interface Limits {
  edits: SlidingWindow;
  signals: SlidingWindow;
}

let repository: SessionRepository | undefined;

/** One repository an isolate, so that all its rooms share the circuit breaker: if Redis is down, it is for all of them. */
function repositoryOf(config: RoomConfig): SessionRepository {
  repository ??= createStorage(config, {
    failures: config.BREAKER_FAILURES,
    retryMs: config.BREAKER_RETRY_MS,
  }).repository;
  return repository;
}

export default class SessionRoom implements Party.Server {
  readonly options: Party.ServerOptions = { hibernate: true };
  readonly #room: Party.Room;
  #session: Promise<LiveSession> | null = null;
  #live: LiveSession | null = null;
  #id: string | null = null;
  #seq: Promise<{ value: number }> | null = null;
  #isNotingSeq = false;
  #lastBroadcastMs = 0;
  readonly #joining = new WeakMap<object, Promise<void>>();
  readonly #limits = new WeakMap<object, Limits>();
  readonly #chats = new WeakMap<object, SlidingWindow>();
  readonly #lastHeardMs = new WeakMap<object, number>();
  #lastSilenceCheckMs = 0;

  constructor(room: Party.Room) {
    this.#room = room;
  }

  // ---- at the edge -------------------------------------------------------------------------------------------------

  static onBeforeConnect(request: Party.Request, lobby: Party.Lobby) {
    return admit(request, lobby);
  }

  /**
   * A plain GET of a room's address goes through the same checks, since a browser hides why an upgrade was refused.
   * Nothing outside gets further over HTTP; the edge's own calls don't come through here.
   */
  static async onBeforeRequest(request: Party.Request, lobby: Party.Lobby): Promise<Response> {
    const admitted = await admit(request, lobby);
    return admitted instanceof Response ? admitted : refuse(426, 'bad_request', 'connect with a WebSocket');
  }

  /** The Worker's API under the page's own origin, so that the page needs no CORS and one address. */
  static onFetch(request: Party.Request, lobby: Party.FetchLobby): Promise<Response> | Response {
    const url = new URL(request.url);
    if (!url.pathname.startsWith('/api/')) return refuse(404, 'not_found', 'there is nothing here');
    const target = new URL(url.pathname + url.search, configOf(lobby.env).WORKER_URL);
    return fetch(target.href, new Request(target.href, request as unknown as Request));
  }

  /** The edge asks whether the session can be entered, before it lets a connection be upgraded. */
  async onRequest(): Promise<Response> {
    try {
      await this.#open();
      return new Response(null, { status: 204 });
    } catch (error) {
      if (error instanceof SessionNotFoundError) return refuse(404, 'not_found', 'there is no such session');
      if (error instanceof StorageUnavailableError) {
        log(this.#id, 'open_failed', error.message);
        return refuse(503, 'server_error', 'storage is out of reach, try again in a moment');
      }
      throw error;
    }
  }

  // ---- connect -----------------------------------------------------------------------------------------------------

  async onConnect(connection: Connection, { request }: Party.ConnectionContext): Promise<void> {
    const joined = this.#join(connection, request).catch((error: unknown) => this.#failed(connection, error));
    // A client may speak before it is let in; its messages wait for this.
    this.#joining.set(connection, joined);
    await joined;
  }

  async #join(connection: Connection, request: Party.ConnectionContext['request']): Promise<void> {
    const state = admittedState(request);
    if (!state) {
      connection.close(CLOSE.unavailable, 'not admitted');
      return;
    }
    const seq = await this.#sequence();
    const session = await this.#open();
    const history = await session.history();

    // From here to the end nothing waits: the state and what comes after it leave no gap between them.
    let isReturning = false;
    for (const other of this.#members()) {
      if (other.id === connection.id && other !== connection) {
        isReturning = true;
        this.#leaveQuietly(other);
      }
    }
    const isPresent = [...this.#members()].some(
      (m) => state.userId !== null && m.state.userId === state.userId,
    );
    connection.setState(state);
    if (!isMember(connection)) return;
    this.#reply(
      connection,
      'session_state',
      {
        code: session.code,
        rev: session.rev,
        flushed_rev: session.flushedRev,
        your_role: state.role,
        your_display_name: state.displayName,
        participants: participantsOf(this.#members()),
        ...histories(history),
        strudel_id: null,
      },
      seq.value,
    );
    if (session.degraded) this.#reply(connection, 'degraded', session.degraded);
    if (!isReturning && !isPresent) this.#broadcast('user_joined', participantOf(state), connection);
  }

  // ---- message -----------------------------------------------------------------------------------------------------

  async onMessage(frame: string | ArrayBuffer | ArrayBufferView, connection: Connection): Promise<void> {
    try {
      if (!isMember(connection)) await this.#joining.get(connection);
      if (!isMember(connection)) return;
      await this.#sequence();
      const now = Date.now();
      this.#lastHeardMs.set(connection, now);
      this.#closeSilent(now);
      await this.#handle(frame, connection, now);
    } catch (error) {
      this.#failed(connection, error);
    }
  }

  async #handle(frame: string | ArrayBuffer | ArrayBufferView, sender: Member, nowMs: number): Promise<void> {
    if (typeof frame !== 'string') {
      this.#refuse(sender, 'bad_request', 'messages are text frames', undefined);
      return;
    }
    const parsed = parseClientMessage(frame);
    const limits = this.#limitsOf(sender);
    const isEdit = parsed.ok && parsed.message.type === 'code_update';
    // What doesn't parse counts too, or garbage would be free.
    if (!(isEdit ? limits.edits : limits.signals).take(nowMs)) {
      this.#refuse(sender, 'too_many_requests', 'too many messages, slow down', parsed.requestId);
      return;
    }
    if (!parsed.ok) {
      this.#reply(sender, 'error', {
        error: parsed.error,
        message: parsed.message,
        ...(parsed.details === undefined ? {} : { details: parsed.details }),
        ...(parsed.requestId === undefined ? {} : { request_id: parsed.requestId }),
      });
      return;
    }
    const context: HandlerContext = {
      sender,
      requestId: parsed.requestId,
      room: {
        session: () => this.#open(),
        broadcast: (type, payload, except) => this.#broadcast(type, payload, except),
        reply: (to, type, payload) => this.#reply(to, type, payload),
        refuse: (to, error, message, requestId) => this.#refuse(to, error, message, requestId),
        takeChat: (member) => this.#takeChat(member, nowMs),
      },
    };
    await dispatch(parsed.message, context);
  }

  // ---- close -------------------------------------------------------------------------------------------------------

  async onClose(connection: Connection): Promise<void> {
    try {
      // Completes the closing handshake, which this runtime leaves to us.
      connection.close(1000);
    } catch {
      // It was complete already.
    }
    try {
      await this.#sequence();
      if (isMember(connection)) {
        const { state } = connection;
        const isStillHere = [...this.#members()].some(
          (m) =>
            m !== connection &&
            (m.id === connection.id || (state.userId !== null && m.state.userId === state.userId)),
        );
        if (!isStillHere) this.#broadcast('user_left', participantOf(state), connection);
      }
      // A fresh instance only loads the session for this if something of it may still be dirty.
      const mayBeDirty = this.#live !== null || (await this.#home()) !== 'clean';
      if (mayBeDirty) await (await this.#open()).flush();
    } catch (error) {
      log(this.#id, 'close_failed', error instanceof Error ? error.message : 'unknown');
    }
  }

  async onError(connection: Connection): Promise<void> {
    await this.onClose(connection);
  }

  // ---- alarm -------------------------------------------------------------------------------------------------------

  async onAlarm(): Promise<void> {
    try {
      await (await this.#open({ byAlarm: true })).onAlarm();
    } catch (error) {
      if (error instanceof SessionNotFoundError) return;
      log(this.#id, 'alarm_failed', error instanceof Error ? error.message : 'unknown');
      // Whatever was dirty still is: try again.
      await this.#room.storage.setAlarm(Date.now() + configOf(this.#room.env).FLUSH_ALARM_MS);
    }
  }

  // ---- the session -------------------------------------------------------------------------------------------------

  /** The live session, loaded once; a failure to load is not kept. */
  #open({ byAlarm = false } = {}): Promise<LiveSession> {
    this.#session ??= this.#load(byAlarm).catch((error: unknown) => {
      this.#session = null;
      throw error;
    });
    return this.#session;
  }

  async #load(byAlarm: boolean): Promise<LiveSession> {
    const config = configOf(this.#room.env);
    const id = await this.#sessionId();
    const sessions = repositoryOf(config);
    const noted = await this.#home();
    const opened = await sessions.open(id, noted);
    if (!opened) throw new SessionNotFoundError(id);
    const { storage } = this.#room;
    const home = opened.standsIn ? 'postgres' : noted;
    if (home !== noted) await storage.put('home', home);
    this.#live = new LiveSession(
      opened,
      home,
      {
        minMs: config.COMMIT_MIN_MS,
        maxMs: config.COMMIT_MAX_MS,
        targetPerS: config.COMMIT_TARGET_PER_S,
        fallbackMs: config.COMMIT_FALLBACK_MS,
        flushMs: config.FLUSH_ALARM_MS,
        historySize: CHAT_HISTORY_MESSAGES,
      },
      {
        repository: sessions,
        flush: (sessionId) =>
          requestFlush(
            { workerUrl: config.WORKER_URL, flushSecret: config.FLUSH_SECRET, timeoutMs: FLUSH_TIMEOUT_MS },
            sessionId,
          ),
        send: (connectionId, type, payload) => {
          for (const member of this.#members()) {
            if (member.id === connectionId) this.#reply(member, type, payload);
          }
        },
        broadcast: (type, payload) => this.#broadcast(type, payload),
        noteHome: (where) => storage.put('home', where),
        armAlarm: (delayMs) => storage.setAlarm(Date.now() + delayMs),
        onSuperseded: () => this.#moveAway(),
        log: (event, detail) => log(id, event, detail),
        clock: { now: Date.now, setTimeout: (task, delayMs) => void setTimeout(task, delayMs) },
      },
    );
    // What an earlier instance left dirty has an alarm, unless that was lost with it.
    if (opened.isDirty && !byAlarm) await this.#live.armAlarm();
    return this.#live;
  }

  async #sessionId(): Promise<string> {
    if (this.#id !== null) return this.#id;
    let id = await this.#room.storage.get<string>('id');
    if (id === undefined) {
      id = this.#room.id;
      await this.#room.storage.put('id', id);
    }
    this.#id = id;
    return id;
  }

  async #home() {
    return z
      .enum(HOMES)
      .nullable()
      .catch(null)
      .parse((await this.#room.storage.get('home')) ?? null);
  }

  /** Another room has taken over: clients are sent there, and this instance forgets what it held. */
  #moveAway(): void {
    log(this.#id, 'superseded', 'another room has taken the session over');
    this.#session = null;
    this.#live = null;
    this.#broadcast('server_shutdown', { reason: 'moved' });
    for (const connection of this.#room.getConnections()) connection.close(CLOSE.moved, 'moved');
  }

  // ---- connections and messages ------------------------------------------------------------------------------------

  *#members(): Iterable<Member> {
    for (const connection of this.#room.getConnections<ConnectionState>()) {
      if (isMember(connection)) yield connection;
    }
  }

  /** A socket whose client is back on another one: closed without anybody being told of a departure. */
  #leaveQuietly(connection: Member): void {
    connection.setState(null);
    connection.close(CLOSE.replaced, 'replaced');
  }

  /** Closes who hasn't been heard of for too long. Looked at when there is something else to do: silence alone costs nothing. */
  #closeSilent(nowMs: number): void {
    if (nowMs - this.#lastSilenceCheckMs < PING_TIMEOUT_MS / 4) return;
    this.#lastSilenceCheckMs = nowMs;
    for (const member of this.#members()) {
      const heardMs = this.#lastHeardMs.get(member);
      if (heardMs === undefined) this.#lastHeardMs.set(member, nowMs);
      else if (nowMs - heardMs > PING_TIMEOUT_MS) member.close(CLOSE.silent, 'nothing heard for too long');
    }
  }

  #limitsOf(connection: Member): Limits {
    let limits = this.#limits.get(connection);
    if (!limits) {
      limits = {
        edits: new SlidingWindow(MAX_CODE_UPDATES_PER_SECOND, 1_000),
        signals: new SlidingWindow(MAX_SIGNALS_PER_SECOND, 1_000),
      };
      this.#limits.set(connection, limits);
    }
    return limits;
  }

  #takeChat(member: Member, nowMs: number): boolean {
    const window =
      this.#chats.get(member) ?? new SlidingWindow(MAX_CHAT_PER_MINUTE, 60_000, member.state.chatTimes);
    this.#chats.set(member, window);
    if (!window.take(nowMs)) return false;
    member.setState({ ...member.state, chatTimes: window.times(nowMs) });
    return true;
  }

  /** What a client is told when something of ours fails: never why. */
  #failed(connection: Connection, error: unknown): void {
    if (error instanceof SessionNotFoundError) {
      connection.close(CLOSE.notFound, 'there is no such session');
      return;
    }
    log(this.#id, 'failed', error instanceof Error ? `${error.name}: ${error.message}` : 'unknown');
    // The client keeps what isn't acknowledged, and comes back with it.
    connection.close(CLOSE.unavailable, 'storage is out of reach, try again in a moment');
  }

  /** The broadcast counter, which goes on where the last instance stopped. */
  #sequence(): Promise<{ value: number }> {
    this.#seq ??= this.#room.storage.get<number>('seq').then(async (value = 0) => {
      await this.#sessionId();
      const seq = { value };
      this.#counter = seq;
      return seq;
    });
    return this.#seq;
  }
  #counter: { value: number } = { value: 0 };

  #broadcast<T extends ServerMessageType>(type: T, payload: ServerPayload<T>, except?: Connection): void {
    this.#counter.value += 1;
    this.#noteSequence();
    const text = this.#envelope(type, payload, this.#counter.value);
    for (const member of this.#members()) if (member !== except) trySend(member, text);
  }

  #reply<T extends ServerMessageType>(to: Member, type: T, payload: ServerPayload<T>, seq?: number): void {
    trySend(to, this.#envelope(type, payload, seq));
  }

  #refuse(to: Member, error: ErrorCode, message: string, requestId: string | undefined): void {
    this.#reply(to, 'error', {
      error,
      message,
      ...(requestId === undefined ? {} : { request_id: requestId }),
    });
  }

  #envelope(type: ServerMessageType, payload: object, seq: number | undefined): string {
    return JSON.stringify({ type, session_id: this.#id, timestamp: new Date().toISOString(), seq, payload });
  }

  /** Notes the counter once the room has gone quiet: a busy one writes nothing, and an instance that dies busy loses its clients anyway. */
  #noteSequence(): void {
    this.#lastBroadcastMs = Date.now();
    if (this.#isNotingSeq) return;
    this.#isNotingSeq = true;
    const note = () => {
      const waitMs = this.#lastBroadcastMs + SEQ_NOTE_MS - Date.now();
      if (waitMs > 0) {
        setTimeout(note, waitMs);
        return;
      }
      this.#isNotingSeq = false;
      void this.#room.storage.put('seq', this.#counter.value);
    };
    setTimeout(note, SEQ_NOTE_MS);
  }
}

/** A socket may be closing under our hands; what it misses, its client asks for when it is back. */
function trySend(connection: Connection, text: string): void {
  try {
    connection.send(text);
  } catch {
    // Closed.
  }
}

function histories(messages: readonly SessionMessage[]) {
  return {
    chat_history: messages
      .filter(({ type }) => type === 'chat')
      .map(({ id, displayName, avatarUrl, content, createdAtMs }) => ({
        id,
        display_name: displayName,
        avatar_url: avatarUrl,
        content,
        timestamp: createdAtMs,
      })),
    conversation_history: messages
      .filter(({ type }) => type !== 'chat')
      .map(({ id, role, content, isCodeResponse, displayName, createdAtMs }) => ({
        id,
        role,
        content,
        is_code_response: isCodeResponse,
        display_name: displayName,
        timestamp: createdAtMs,
      })),
  };
}

/** One JSON line an event; never with anybody's code, messages or tokens in it. */
function log(sessionId: string | null, event: string, detail: string): void {
  console.warn(
    JSON.stringify({ at: new Date().toISOString(), part: 'room', session: sessionId, event, detail }),
  );
}
