/**
 * The session client: one person's connection to one session. It has no DOM and knows only the wire protocol,
 * so that pages, tests and load generators share it.
 *
 * It keeps every edit and chat message until the room acknowledges it, and sends it again after a reconnect.
 *
 * ```ts
 * const client = new SessionClient({ url: 'https://rooms.example', sessionId, token });
 * client.on('code', ({ code }) => show(code));
 * client.subscribe((snapshot) => render(snapshot));
 * client.edit('s("bd sd")', { cursorLine: 1, cursorCol: 10, source: 'typed' });
 * ```
 */
import {
  type AgentRequest,
  agentRequestPayload,
  type ClientMessage,
  chatPayload,
  codeSchema,
  type ErrorCode,
  parseServerMessage,
  type Role,
  type ServerMessage,
  type ServerPayload,
  type WireParticipant,
} from '../../protocol/index.ts';
import { type ChatEntry, ChatLog } from './chat-log.ts';
import { Connection, type ConnectionState, type WebSocketConstructor } from './connection.ts';
import { Conversation, type ConversationTurn, type RequestsLeft } from './conversation.ts';
import { Emitter } from './emitter.ts';
import { findSelf, participantOfToken, withoutPerson, withPerson } from './people.ts';
import { type EditDetails, type LocalEdit, type OutgoingEdit, SharedDocument } from './shared-document.ts';
import { Throttle } from './throttle.ts';
import type { UnacknowledgedStore } from './unacknowledged.ts';
import { WaitingRequests } from './waiting-requests.ts';

export interface SessionClientOptions {
  /** Base URL of the room server, `http(s)` or `ws(s)`. */
  url: string;
  sessionId: string;
  /**
   * A session token or a user's token, or a function that is asked for it before each attempt to connect.
   * Null for a client without a token: an invite admits it, or a discoverable session.
   */
  token: string | null | (() => string | null | Promise<string | null>);
  /** An invite's secret, for who has no session token yet. */
  invite?: string;
  /** What somebody without a token is called. */
  displayName?: string;
  /**
   * Says to the room which client this is, over reconnects and reloads, so that it knows a resend for what it
   * is. Two open clients must not share one. By default a new one.
   */
  connectionId?: string;
  /** Keeps what is unacknowledged over a reload. By default it lives as long as this object. */
  store?: UnacknowledgedStore;
  /** By default the global one (Node 20 has none: pass that of the `ws` package). */
  WebSocket?: WebSocketConstructor;
  /** By default the global one; used to learn why a room refuses. */
  fetch?: typeof fetch;
  /** Least time between two edits that are sent; edits in between coalesce. By default 50 ms. */
  editIntervalMs?: number;
  /** Least time between two cursor positions that are sent. By default 100 ms. */
  cursorIntervalMs?: number;
  /** By default 20 s; less than half of what the room waits. */
  pingIntervalMs?: number;
  /** A connection that was silent this long is replaced. By default 45 s. */
  silenceLimitMs?: number;
  /**
   * Pause before the first reconnect, doubled at random at most; it grows up to `maxReconnectMs`. By default
   * 300 ms and 4 s.
   */
  minReconnectMs?: number;
  maxReconnectMs?: number;
}

/** Everything there is to show. Never changes; each change makes a new one. */
export interface Snapshot {
  readonly connection: ConnectionState;
  readonly code: string;
  /** The newest revision heard of. */
  readonly rev: number;
  /** This client's edits up to this revision are acknowledged. */
  readonly savedRev: number;
  /** Postgres holds everything up to this revision. */
  readonly flushedRev: number;
  /** This client's recent edits, oldest first. */
  readonly edits: readonly LocalEdit[];
  /** null until the room has said it. */
  readonly role: Role | null;
  readonly displayName: string | null;
  readonly participants: readonly WireParticipant[];
  /** Which of the participants this client's person is; -1 when none is known to be. */
  readonly self: number;
  /** The saved strudel that the session is about; null for scratch code. */
  readonly strudelId: string | null;
  /** What was said with the AI about it; only writers hear of it. */
  readonly conversation: readonly ConversationTurn[];
  /** A request to the AI is under way, anybody's: the room takes no other meanwhile. */
  readonly isAnswering: boolean;
  /** What of the AI is left to this person; null until the room has said it. */
  readonly requestsLeft: RequestsLeft | null;
  readonly chat: readonly ChatEntry[];
  /** Set while the room can't store: what is pending stays pending. */
  readonly degraded: { readonly reason: string; readonly since: string } | null;
}

export interface SessionClientEvents {
  /**
   * What is shown of the code changed, and not by `edit`. `by` is null when it came with a new connection's
   * state.
   */
  code: { code: string; rev: number; by: ServerPayload<'code_update'> | null };
  /** A local edit's status changed. */
  edit: LocalEdit;
  /** A chat message of the room, the echo of an own one included. */
  chat: ServerPayload<'chat_message'>;
  cursor: ServerPayload<'cursor_position'>;
  /** Somebody who may edit asked the AI; an own request comes back here too. */
  agentRequest: ServerPayload<'agent_request'>;
  /** A piece of the answer; with `ended`, that there will be none. */
  agentDelta: ServerPayload<'agent_delta'>;
  /** The whole answer. Code that it brings comes as a `code` event too. */
  agentResponse: ServerPayload<'agent_response'>;
  play: ServerPayload<'play'>;
  stop: ServerPayload<'stop'>;
  joined: WireParticipant;
  left: WireParticipant;
  /** Somebody else who is here has another role now. */
  roleOf: WireParticipant;
  /** This client's own role changed. */
  role: { role: Role; before: Role };
  /** The room gave a session token to who came without: with it he is the same person when he comes back. */
  token: string;
  /** The room's `error`, or a local one for what wouldn't pass its schema. */
  error: ServerPayload<'error'>;
  /** The session was ended; the client stays closed. */
  ended: { reason: string };
  /** The room is going away; the client reconnects. */
  shutdown: { reason: string };
  /** Anything else that was understood. */
  message: ServerMessage;
}

/** What may go with a question to the AI. */
export interface AskDetails {
  /** Whom to ask; by default whoever the server is set up for. */
  provider?: AgentRequest['provider'];
  /** An own key for `provider`, for this one request. The room passes it on and forgets it. */
  providerApiKey?: string;
  /** The conversation so far, by default the session's. */
  history?: AgentRequest['conversation_history'];
}

/** The edit or message won't be taken however often it is sent. Anything else is worth another try. */
const FINAL_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'validation_error',
  'forbidden',
  'unauthorized',
  'bad_request',
  'not_found',
]);
/**
 * Pauses before another try after `too_many_requests` and the like; each fits the window of the limit it
 * meets.
 */
const EDIT_RETRY_MS = 1_000;
const CHAT_RETRY_MS = 5_000;

export class SessionClient extends Emitter<SessionClientEvents> {
  readonly sessionId: string;
  readonly connectionId: string;
  readonly #connection: Connection;
  readonly #document: SharedDocument;
  readonly #chat: ChatLog;
  readonly #store: UnacknowledgedStore | undefined;
  readonly #edits: Throttle;
  readonly #conversation = new Conversation();
  readonly #chats: Throttle;
  readonly #cursors: Throttle;
  readonly #subscribers = new Set<(snapshot: Snapshot) => void>();
  /** Makes request ids unique even where the counter starts again after a reload. */
  readonly #idPrefix = crypto.randomUUID().slice(0, 8);
  #idCounter = 0;
  /** The room's state has arrived on the connection that is open. */
  #isReady = false;
  #cursor: { line: number; col: number } | null = null;
  #role: Role | null = null;
  #displayName: string | null = null;
  #participants: readonly WireParticipant[] = [];
  #participantId: string | null = null;
  /** Given by the room; used instead of the options' from then on. */
  #token: string | null = null;
  #strudelId: string | null = null;
  /** Of the last pong: shows the room how far it was read. */
  #mark: string | null = null;
  readonly #requests = new WaitingRequests();
  #degraded: Snapshot['degraded'] = null;
  #snapshot: Snapshot | null = null;

  /** Connects at once. */
  constructor(options: SessionClientOptions) {
    super();
    this.sessionId = options.sessionId;
    this.connectionId = options.connectionId ?? crypto.randomUUID();
    this.#store = options.store;
    const kept = options.store?.load() ?? null;
    this.#document = new SharedDocument(kept?.edit ?? null, Date.now());
    this.#chat = new ChatLog(kept?.chat ?? []);
    this.#edits = new Throttle(() => this.#sendEdit(), options.editIntervalMs ?? 50);
    this.#chats = new Throttle(() => this.#sendChat(), 0);
    this.#cursors = new Throttle(() => this.#sendCursor(), options.cursorIntervalMs ?? 100);
    this.#connection = new Connection({
      url: () => this.#socketUrl(options),
      WebSocket: options.WebSocket,
      fetch: options.fetch,
      minReconnectMs: options.minReconnectMs ?? 300,
      maxReconnectMs: options.maxReconnectMs ?? 4_000,
      pingIntervalMs: options.pingIntervalMs ?? 20_000,
      silenceLimitMs: options.silenceLimitMs ?? 45_000,
      ping: () => this.#frame({ type: 'ping', payload: this.#mark === null ? {} : { mark: this.#mark } }),
    });
    this.#connection.on('frame', (frame) => this.#receive(frame));
    this.#connection.on('lost', () => this.#lost());
    this.#connection.on('state', () => this.#changed());
  }

  /** What there is to show now. */
  get snapshot(): Snapshot {
    this.#snapshot ??= {
      connection: this.#connection.state,
      code: this.#document.code,
      rev: this.#document.rev,
      savedRev: this.#document.savedRev,
      flushedRev: this.#document.flushedRev,
      edits: this.#document.edits,
      role: this.#role,
      displayName: this.#displayName,
      participants: this.#participants,
      self: findSelf(this.#participants, {
        participant_id: this.#participantId,
        display_name: this.#displayName ?? '',
        role: this.#role ?? 'viewer',
      }),
      strudelId: this.#strudelId,
      conversation: this.#conversation.turns,
      isAnswering: this.#conversation.isBusy,
      requestsLeft: this.#conversation.requestsLeft,
      chat: this.#chat.entries,
      degraded: this.#degraded,
    };
    return this.#snapshot;
  }

  /** True while an edit or a chat message waits for its acknowledgement. */
  get hasUnacknowledged(): boolean {
    return this.#document.hasPending || this.#chat.unacknowledged.length > 0;
  }

  /**
   * Calls `listener` after each change, with the new snapshot.
   * @returns a function that stops it.
   */
  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    this.#subscribers.add(listener);
    return () => {
      this.#subscribers.delete(listener);
    };
  }

  /**
   * Sets the document. It is kept, and sent as soon as the connection and the pace allow; edits that wait
   * become one.
   * @returns the edit's request id; null when nothing changes, when the role forbids it, or when the text
   *   breaks a limit of the protocol (then an `error` event says so).
   */
  edit(code: string, details: EditDetails = {}): string | null {
    const parsed = codeSchema.safeParse(code);
    if (!parsed.success) {
      this.#localError('validation_error', `the code ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
      return null;
    }
    if (this.#role === 'viewer') {
      this.#localError('forbidden', 'viewers can’t edit');
      return null;
    }
    if (this.#requests.isWaiting) {
      // It would replace what is being loaded.
      this.#localError('conflict', 'a strudel is being loaded; edit when it is there');
      return null;
    }
    const requestId = this.#document.edit(code, details, () => this.#nextId(), Date.now());
    if (requestId === null) return null;
    this.#keep();
    this.#edits.call();
    this.#changed();
    return requestId;
  }

  /**
   * Says something. It is kept until the room has it.
   * @returns the message's id (UUID), or null when it is blank or too long (then an `error` event says so).
   */
  chat(text: string): string | null {
    const id = crypto.randomUUID();
    const parsed = chatPayload.safeParse({ message: text, id });
    if (!parsed.success) {
      this.#localError(
        'validation_error',
        `the message ${parsed.error.issues[0]?.message ?? 'is not valid'}`,
      );
      return null;
    }
    this.#chat.add({ id, text, atMs: Date.now() }, this.#displayName ?? '');
    this.#keep();
    this.#chats.call();
    this.#changed();
    return id;
  }

  /**
   * Makes the session about a saved strudel, for everyone, or about scratch code (null). Resolves when it is;
   * what was typed before is sent first.
   * @param scratch the scratch code; without it the session's code stays. A saved strudel brings its own.
   * @throws {RequestError} when the room refuses, or the connection is lost before it has answered.
   */
  async switchStrudel(strudelId: string | null, scratch: { code?: string } = {}): Promise<void> {
    if (this.#document.nextToSend()) this.#sendEdit();
    const requestId = this.#nextId();
    const answer = this.#requests.wait(requestId);
    const payload = { strudel_id: strudelId, request_id: requestId, ...scratch };
    if (!this.#send({ type: 'switch_strudel', payload })) {
      this.#requests.refused(requestId, 'server_error', 'not connected');
    }
    await answer;
  }

  /**
   * Asks the AI, about the code as it is shown here. Its answer streams into the snapshot's conversation; one
   * that is code becomes the session's next revision. Requests aren't kept over a reconnect: the room gives
   * an answer up when the one who asked is gone. What goes wrong comes as an `error` event with the request's
   * id, and shows in the conversation.
   * @returns the request id; null when there is no connection, when the role forbids it, or when something
   *   breaks a limit of the protocol (then an `error` event says so).
   */
  ask(query: string, { provider, providerApiKey, history }: AskDetails = {}): string | null {
    if (this.#role === 'viewer') {
      this.#localError('forbidden', 'viewers can’t ask the AI');
      return null;
    }
    const requestId = this.#nextId();
    const parsed = agentRequestPayload.safeParse({
      user_query: query,
      request_id: requestId,
      editor_state: this.#document.code,
      provider,
      provider_api_key: providerApiKey,
      conversation_history: history,
    });
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const what = issue?.path[0] === 'provider_api_key' ? 'key' : 'question';
      this.#localError('validation_error', `the ${what} ${issue?.message ?? 'is not valid'}`);
      return null;
    }
    // First, so that the answer isn't made from code that the room hears of only afterwards.
    if (this.#document.nextToSend()) this.#sendEdit();
    if (!this.#send({ type: 'agent_request', payload: parsed.data })) return null;
    this.#conversation.ask(requestId, query, this.#displayName ?? '', Date.now());
    this.#changed();
    return requestId;
  }

  /** Tells the others that playing starts. Signals aren't kept: false when there is no connection. */
  play(): boolean {
    return this.#send({ type: 'play', payload: {} });
  }

  /** Tells the others that playing stops; false when there is no connection. */
  stop(): boolean {
    return this.#send({ type: 'stop', payload: {} });
  }

  /** Tells the others where the cursor is: line from 1, column from 0. */
  cursor(line: number, col: number): void {
    this.#cursor = { line, col };
    this.#cursors.call();
  }

  /** Replaces the connection at once, also after a refusal; what is unacknowledged is sent again. */
  reconnect(): void {
    this.#connection.reconnect();
  }

  /** Closes for good. What is unacknowledged stays in the store. */
  close(): void {
    this.#edits.cancel();
    this.#chats.cancel();
    this.#cursors.cancel();
    this.#connection.close('left', 'left');
  }

  async #socketUrl({ url, token, invite, displayName }: SessionClientOptions): Promise<string> {
    const address = new URL(`parties/main/${encodeURIComponent(this.sessionId)}`, url.replace(/\/*$/, '/'));
    address.protocol = address.protocol.replace(/^http/, 'ws');
    address.searchParams.set('_pk', this.connectionId);
    const bearer = this.#token ?? (typeof token === 'function' ? await token() : token);
    if (bearer !== null) {
      address.searchParams.set('token', bearer);
      this.#participantId = participantOfToken(bearer);
    }
    if (invite !== undefined) address.searchParams.set('invite', invite);
    if (displayName !== undefined) address.searchParams.set('display_name', displayName);
    return address.href;
  }

  #receive(frame: string): void {
    const message = parseServerMessage(frame);
    if (message === null) return;
    const shown = this.#document.code;
    this.#apply(message);
    // Only the state and others' edits may have changed the text under the user's hands; own edits never do
    // until the room's order says that they lost.
    if (this.#document.code !== shown) {
      const by = message.type === 'code_update' ? message.payload : null;
      this.emit('code', { code: this.#document.code, rev: this.#document.rev, by });
    }
    this.emit('message', message);
    this.#changed();
  }

  #apply(message: ServerMessage): void {
    switch (message.type) {
      case 'session_state':
        this.#start(message.payload);
        return;
      case 'code_update':
        this.#document.remoteUpdate(message.payload.code, message.payload.rev);
        if (message.payload.strudel_id !== undefined) this.#aboutStrudel(message.payload.strudel_id);
        return;
      case 'ack':
        this.#acknowledged(message.payload);
        return;
      case 'flushed':
        for (const edit of this.#document.flushed(message.payload.rev)) this.emit('edit', edit);
        return;
      case 'chat_message':
        this.#chat.received(chatEntry(message.payload, message.timestamp));
        this.emit('chat', message.payload);
        return;
      case 'user_joined':
        this.#joined(message.payload);
        return;
      case 'user_left':
        this.#participants = withoutPerson(this.#participants, message.payload);
        this.emit('left', message.payload);
        return;
      case 'agent_request':
        this.#conversation.asked(message.payload, timeOf(message.timestamp));
        this.emit('agentRequest', message.payload);
        return;
      case 'agent_delta':
        this.#conversation.delta(message.payload, timeOf(message.timestamp));
        this.emit('agentDelta', message.payload);
        return;
      case 'agent_response':
        this.#conversation.answered(message.payload, timeOf(message.timestamp));
        this.emit('agentResponse', message.payload);
        return;
      case 'pong':
        this.#mark = message.payload.mark ?? null;
        return;
      case 'play':
        this.emit('play', message.payload);
        return;
      case 'stop':
        this.emit('stop', message.payload);
        return;
      case 'cursor_position':
        this.emit('cursor', message.payload);
        return;
      case 'degraded': {
        const { reason, since, recovered } = message.payload;
        this.#degraded = recovered ? null : { reason, since };
        return;
      }
      case 'session_ended':
        this.#connection.close('ended', message.payload.reason);
        this.emit('ended', message.payload);
        return;
      case 'server_shutdown':
        this.emit('shutdown', message.payload);
        // The room hangs up now. The end of a socket can take seconds to arrive, and until then nothing is
        // heard of the session.
        this.#connection.reconnect(message.payload.reason);
        return;
      case 'error':
        this.#failed(message.payload);
        return;
    }
  }

  /** A new connection's state; or a changed one, after a change of role or a switch. */
  #start(state: ServerPayload<'session_state'>): void {
    this.#document.reset(state.code, state.rev, state.flushed_rev);
    const before = this.#role;
    this.#role = state.your_role;
    this.#displayName = state.your_display_name;
    this.#participants = state.participants;
    this.#conversation.history(state.conversation_history, state.strudel_id !== this.#strudelId);
    this.#strudelId = state.strudel_id;
    if (state.token !== undefined) {
      this.#token = state.token;
      this.#participantId = participantOfToken(state.token);
      this.emit('token', state.token);
    }
    // A room that is still in trouble says so again.
    this.#degraded = null;
    this.#chat.history(
      state.chat_history.map((entry) => ({
        id: entry.id,
        displayName: entry.display_name,
        userId: null,
        avatarUrl: entry.avatar_url,
        text: entry.content,
        atMs: entry.timestamp,
        position: entry.position,
      })),
    );
    if (!this.#isReady) {
      this.#isReady = true;
      this.#connection.ready();
      // A run with nothing to send would make the next edit wait.
      if (this.#document.nextToSend()) this.#edits.call();
      this.#chats.call();
    }
    if (state.request_id !== undefined) this.#requests.answered(state.request_id);
    if (before !== null && before !== state.your_role) this.emit('role', { role: state.your_role, before });
  }

  /** Somebody else switched; only they are told the conversation that belongs to it. */
  #aboutStrudel(strudelId: string | null): void {
    if (strudelId === this.#strudelId) return;
    this.#strudelId = strudelId;
    this.#conversation.clear();
  }

  #joined(person: WireParticipant): void {
    const { people, before } = withPerson(this.#participants, person);
    this.#participants = people;
    if (before === null) this.emit('joined', person);
    else if (before.role !== person.role) this.emit('roleOf', person);
  }

  #acknowledged({ request_id, message_id, rev, durable }: ServerPayload<'ack'>): void {
    if (message_id !== undefined) this.#chat.acknowledged(message_id);
    if (request_id !== undefined && rev !== undefined) {
      for (const edit of this.#document.acknowledged(request_id, rev, durable, Date.now())) {
        this.emit('edit', edit);
      }
    }
    this.#keep();
  }

  #failed(error: ServerPayload<'error'>): void {
    const { request_id: requestId } = error;
    if (requestId !== undefined) {
      // Whoever asked hears of it by his promise.
      if (this.#requests.refused(requestId, error.error, error.message)) return;
      this.#conversation.refused(requestId, error.message);
      if (FINAL_ERRORS.has(error.error)) {
        const edit = this.#document.refused(requestId, error.message);
        if (edit) this.emit('edit', edit);
        this.#chat.refused(requestId);
        this.#keep();
      } else {
        if (this.#document.deferred(requestId)) this.#edits.pause(EDIT_RETRY_MS);
        if (this.#chat.deferred(requestId)) this.#chats.pause(CHAT_RETRY_MS);
      }
    }
    this.emit('error', error);
  }

  #lost(): void {
    this.#isReady = false;
    this.#document.disconnected();
    this.#chat.disconnected();
    this.#conversation.disconnected();
    this.#requests.disconnected();
  }

  #sendEdit(): void {
    const edit = this.#document.nextToSend();
    if (edit && this.#send({ type: 'code_update', payload: editPayload(edit) })) {
      this.#document.sent(edit.requestId);
    }
  }

  #sendChat(): void {
    for (const { id, text } of this.#chat.toSend()) {
      if (!this.#send({ type: 'chat_message', payload: { message: text, id, request_id: id } })) return;
      this.#chat.sent(id);
    }
  }

  #sendCursor(): void {
    if (this.#cursor && this.#role !== 'viewer')
      this.#send({ type: 'cursor_position', payload: this.#cursor });
  }

  /** Nothing is said before the room's state is there: a resend must follow what it may collide with. */
  #send(message: ClientMessage): boolean {
    return this.#isReady && this.#connection.send(this.#frame(message));
  }

  #frame(message: ClientMessage): string {
    return JSON.stringify({
      ...message,
      session_id: this.sessionId,
      timestamp: new Date().toISOString(),
    });
  }

  #keep(): void {
    if (!this.#store) return;
    const unacknowledged = { edit: this.#document.unacknowledged, chat: this.#chat.unacknowledged };
    this.#store.save(unacknowledged.edit || unacknowledged.chat.length > 0 ? unacknowledged : null);
  }

  #localError(error: ErrorCode, message: string): void {
    this.emit('error', { error, message });
  }

  #nextId(): string {
    this.#idCounter += 1;
    return `${this.#idPrefix}.${this.#idCounter.toString(36)}`;
  }

  #changed(): void {
    this.#snapshot = null;
    for (const listener of [...this.#subscribers]) listener(this.snapshot);
  }
}

function editPayload(edit: OutgoingEdit) {
  return {
    code: edit.code,
    request_id: edit.requestId,
    base_rev: edit.baseRev,
    cursor_line: edit.cursorLine,
    cursor_col: edit.cursorCol,
    source: edit.source,
  };
}

function chatEntry(message: ServerPayload<'chat_message'>, envelopeTime: string): Omit<ChatEntry, 'status'> {
  return {
    id: message.id,
    displayName: message.display_name,
    userId: message.user_id,
    avatarUrl: message.avatar_url ?? null,
    text: message.message,
    atMs: message.timestamp ?? timeOf(envelopeTime),
    position: message.position,
  };
}

function timeOf(envelopeTime: string): number {
  return Date.parse(envelopeTime) || Date.now();
}
