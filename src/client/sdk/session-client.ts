/**
 * The session client: one participant's connection to one session. It has no DOM and knows only the wire
 * protocol, so that pages, tests and load generators share it.
 *
 * It keeps every edit and chat message until the room acknowledges it, and sends it again after a reconnect.
 * Edits are changes: what others typed meanwhile stays, and so does what was typed here without a connection.
 *
 * ```ts
 * const client = new SessionClient({ url: 'https://rooms.example', sessionId, token });
 * client.on('change', ({ changes }) => apply(changes));
 * client.subscribe((snapshot) => render(snapshot));
 * client.change(ChangeSet.of({ from: 0, insert: 's("bd")' }, client.text.length), { source: 'typed' });
 * ```
 */
import type { ChangeSet, Text } from '@codemirror/state';
import { splitsCharacter, textOf } from '../../merging/index.ts';
import {
  type AgentRequest,
  agentRequestPayload,
  type ClientMessage,
  chatPayload,
  codeSchema,
  type ErrorCode,
  isStorable,
  parseServerMessage,
  type Role,
  type ServerMessage,
  type ServerPayload,
  type WireParticipant,
  type WireTransport,
} from '../../protocol/index.ts';
import { type ChatEntry, ChatLog } from './chat-log.ts';
import { CodeSync, RESYNC_REQUEST_ID, type RemoteChange } from './code-sync.ts';
import { Connection, type ConnectionState, type WebSocketConstructor } from './connection.ts';
import { Conversation, type ConversationTurn, type RequestsLeft } from './conversation.ts';
import { Emitter } from './emitter.ts';
import type { LocalEdit } from './own-edits.ts';
import type { PeerSelection } from './peer-selections.ts';
import { findSelf, participantOfToken, personId, withoutPerson, withPerson } from './people.ts';
import { RoomClock } from './room-clock.ts';
import type { EditDetails } from './shared-document.ts';
import { Throttle } from './throttle.ts';
import type { OfferedText, UnacknowledgedStore } from './unacknowledged.ts';
import { WaitingRequests } from './waiting-requests.ts';

export interface SessionClientOptions {
  /** Base URL of the room server, `http(s)` or `ws(s)`. */
  url: string;
  sessionId: string;
  /**
   * Session token or user's token, or a function that is asked for it before each attempt to connect; null
   * for a caller who has neither, whom rooms admit by an invite or where the session is discoverable.
   */
  token: string | null | (() => string | null | Promise<string | null>);
  /** An invite's secret, for who has no session token yet. */
  invite?: string;
  /** The name of a participant who has no token. */
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
  /** Why own edits aren't sent now, though there is a connection; null when they are. */
  readonly heldBack: 'too_large' | null;
  /** Own text that can't be sent, for its author to copy; null when there is none. */
  readonly offered: OfferedText | null;
  /** Postgres holds everything up to this revision. */
  readonly flushedRev: number;
  /** This client's recent edits, oldest first. */
  readonly edits: readonly LocalEdit[];
  /** null until the room has said it. */
  readonly role: Role | null;
  readonly displayName: string | null;
  readonly participants: readonly WireParticipant[];
  /** Index of this client's own participant in `participants`; -1 while it isn't known. */
  readonly self: number;
  /** The saved strudel that the session is about; null for scratch code. */
  readonly strudelId: string | null;
  /** What was said with the AI about it; only writers hear of it. */
  readonly conversation: readonly ConversationTurn[];
  /** A request to the AI is under way, of any participant: the room takes no other meanwhile. */
  readonly isAnswering: boolean;
  /** How many AI requests this participant has left; null until the room has said it. */
  readonly requestsLeft: RequestsLeft | null;
  readonly chat: readonly ChatEntry[];
  /** What plays for all; null: nothing does. */
  readonly transport: WireTransport | null;
  /** Set while the room can't store: what is pending stays pending. */
  readonly degraded: { readonly reason: string; readonly since: string } | null;
}

export interface SessionClientEvents {
  /** The local text changed, and not by an own edit. */
  change: RemoteChange & {
    /** This client's participant asked for it: an AI's answer, or a strudel that they switched to. */
    isOwnRequest: boolean;
  };
  /** Another participant's selection was set or removed: the selections of all others, in the local text. */
  selections: readonly PeerSelection[];
  /** A local edit's status changed. */
  edit: LocalEdit;
  /** A chat message of the room, the echo of an own one included. */
  chat: ServerPayload<'chat_message'>;
  /** A participant asked the AI; an own request comes back here too. */
  agentRequest: ServerPayload<'agent_request'>;
  /** A piece of the answer; with `ended`, that there will be none. */
  agentDelta: ServerPayload<'agent_delta'>;
  /** The whole answer. Code that it brings comes as a `change` event too. */
  agentResponse: ServerPayload<'agent_response'>;
  /** Another participant started or stopped what plays. */
  play: ServerPayload<'play'>;
  stop: ServerPayload<'stop'>;
  /** What plays for all has changed; null: it stopped. */
  transport: WireTransport | null;
  joined: WireParticipant;
  left: WireParticipant;
  /** Another participant has a new role. */
  roleOf: WireParticipant;
  /** This client's own role changed. */
  role: { role: Role; before: Role };
  /** The room gave this client a session token: with it they are the same participant when they come back. */
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
  /** The provider to ask; by default the one that the server is set up for. */
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
const CHAT_RETRY_MS = 5_000;
/** The whole text may be part of it, so not each keystroke is kept at once. */
const KEEP_INTERVAL_MS = 200;
/** Pings once something plays, and the pause between them. */
const CLOCK_PINGS = 4;
const CLOCK_PING_MS = 150;

export class SessionClient extends Emitter<SessionClientEvents> {
  readonly sessionId: string;
  readonly connectionId: string;
  readonly #connection: Connection;
  readonly #sync: CodeSync;
  readonly #chat: ChatLog;
  readonly #store: UnacknowledgedStore | undefined;
  readonly #conversation = new Conversation();
  readonly #chats: Throttle;
  readonly #keeping: Throttle;
  readonly #subscribers = new Set<(snapshot: Snapshot) => void>();
  /** Makes request ids unique even where the counter starts again after a reload. */
  readonly #idPrefix = crypto.randomUUID().slice(0, 8);
  #idCounter = 0;
  /** The room's state has arrived on the connection that is open. */
  #isReady = false;
  /** A strudel's code that this client asked for is on its way. */
  #isSwitching = false;
  #role: Role | null = null;
  #displayName: string | null = null;
  #participants: readonly WireParticipant[] = [];
  #participantId: string | null = null;
  /** Given by the room; used instead of the options' from then on. */
  #token: string | null = null;
  #strudelId: string | null = null;
  /** Of the last pong: shows the room how far it was read. */
  #mark: string | null = null;
  readonly #clock = new RoomClock(() => performance.timeOrigin + performance.now());
  /** Pings beyond the usual ones: a few at once tell the room's clock better than one. */
  readonly #clockPings = new Throttle(() => this.#pingForClock(), CLOCK_PING_MS);
  #clockPingsLeft = 0;
  #transport: WireTransport | null = null;
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
    this.#sync = new CodeSync(
      kept ?? { document: null, participantId: null, sentAtMs: 0, offered: null },
      { editIntervalMs: options.editIntervalMs ?? 50, cursorIntervalMs: options.cursorIntervalMs ?? 100 },
      {
        send: (message) => this.#send(message),
        onChange: (change) => {
          // A listener that reads the snapshot finds the text with the change.
          this.#snapshot = null;
          this.emit('change', { ...change, isOwnRequest: this.#askedFor(change) });
        },
        onSelections: (selections) => this.emit('selections', selections),
        onEdits: (edits) => {
          this.#snapshot = null;
          for (const edit of edits) this.emit('edit', edit);
        },
        onKept: () => this.#keeping.call(),
      },
    );
    this.#chat = new ChatLog(kept?.chat ?? []);
    this.#keeping = new Throttle(() => this.keep(), KEEP_INTERVAL_MS);
    this.#chats = new Throttle(() => this.#sendChat(), 0);
    this.#connection = new Connection({
      url: () => this.#socketUrl(options),
      WebSocket: options.WebSocket,
      fetch: options.fetch,
      minReconnectMs: options.minReconnectMs ?? 300,
      maxReconnectMs: options.maxReconnectMs ?? 4_000,
      pingIntervalMs: options.pingIntervalMs ?? 20_000,
      silenceLimitMs: options.silenceLimitMs ?? 45_000,
      ping: () => this.#frame(this.#ping()),
    });
    this.#connection.on('frame', (frame) => this.#receive(frame));
    this.#connection.on('lost', () => this.#lost());
    this.#connection.on('state', () => this.#changed());
  }

  /** What there is to show now. */
  get snapshot(): Snapshot {
    const { text } = this.#sync;
    const codeOf = () => this.#sync.codeOf(text);
    this.#snapshot ??= {
      connection: this.#connection.state,
      // Made when it is asked for: it may be 100 KB, and a snapshot is made with each keystroke.
      get code() {
        return codeOf();
      },
      rev: this.#sync.rev,
      savedRev: this.#sync.savedRev,
      flushedRev: this.#sync.flushedRev,
      heldBack: this.#sync.isTooLarge ? 'too_large' : null,
      offered: this.#sync.offered,
      edits: this.#sync.edits,
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
      transport: this.#transport,
      degraded: this.#degraded,
    };
    return this.#snapshot;
  }

  /** True while an edit or a chat message waits for its acknowledgement. */
  get hasUnacknowledged(): boolean {
    return this.#sync.hasPending || this.#chat.unacknowledged.length > 0;
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

  /** The local text, own edits included. */
  get text(): Text {
    return this.#sync.text;
  }

  /** Where the other participants' selections are in {@link text}. */
  get selections(): readonly PeerSelection[] {
    return this.#sync.selections;
  }

  /**
   * An own edit, made on {@link text}. It is kept, and sent as soon as the connection and the pace allow;
   * edits that wait become one.
   * @returns the edit's number; null when the role forbids it, or when what it puts in can't be stored (then
   *   an `error` event says so, and the text is as it was).
   * @throws {RangeError} it wasn't made on {@link text}.
   */
  change(changes: ChangeSet, details: EditDetails = {}): number | null {
    if (this.#role === 'viewer') {
      this.#localError('forbidden', 'viewers can’t edit');
      return null;
    }
    if (!insertsStorable(changes) || splitsCharacter(changes, this.text)) {
      this.#localError('validation_error', 'the code would contain U+0000 or half a character');
      return null;
    }
    const clientSeq = this.#sync.change(changes, details);
    this.#changed();
    return clientSeq;
  }

  /**
   * Makes `code` the text: what differs becomes one edit.
   * @returns as {@link change}; null also when nothing changes, or when it breaks a limit of the protocol.
   */
  edit(code: string, details: EditDetails = {}): number | null {
    const parsed = codeSchema.safeParse(code);
    if (!parsed.success) {
      this.#localError('validation_error', `the code ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
      return null;
    }
    const changes = this.#sync.differenceTo(textOf(parsed.data));
    return changes.empty ? null : this.change(changes, details);
  }

  /** Shows the others where the selection is; positions are in {@link text}. */
  select(anchor: number, head: number): void {
    if (this.#role !== 'viewer') this.#sync.select(anchor, head);
  }

  /** The author has seen to the text that couldn't be sent. */
  dismissOffer(): void {
    this.#sync.dismissOffer();
    this.#changed();
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
    this.keep();
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
    this.#sync.flush();
    const requestId = this.#nextId();
    const answer = this.#requests.wait(requestId);
    const payload = { strudel_id: strudelId, request_id: requestId, ...scratch };
    if (!this.#send({ type: 'switch_strudel', payload })) {
      this.#requests.refused(requestId, 'server_error', 'not connected');
    }
    this.#isSwitching = true;
    try {
      await answer;
    } finally {
      this.#isSwitching = false;
    }
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
      editor_state: this.#sync.code,
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
    this.#sync.flush();
    if (!this.#send({ type: 'agent_request', payload: parsed.data })) return null;
    this.#conversation.ask(requestId, query, this.#displayName ?? '', Date.now());
    this.#changed();
    return requestId;
  }

  /**
   * Starts what this client has evaluated, for all. That isn't kept: false when there is no connection.
   * @param code by default the session's.
   * @param cps the tempo that the code sets, in cycles a second; by default that of what plays.
   * @param since when it started here, by {@link roomNow}.
   */
  play(what: { code?: string; cps?: number; since?: number } = {}): boolean {
    return this.#send({ type: 'play', payload: what });
  }

  /** Asks for the room's clock: a few pings tell it better than one. */
  askRoomClock(): void {
    if (this.#clockPingsLeft > 0) return;
    this.#clockPingsLeft = CLOCK_PINGS;
    this.#clockPings.call();
  }

  /** Milliseconds since the epoch by the room's clock; null until the room has said it. */
  roomNow(): number | null {
    return this.#clock.now();
  }

  /** Stops what plays, for all; false when there is no connection. */
  stop(): boolean {
    return this.#send({ type: 'stop', payload: {} });
  }

  /** Replaces the connection at once, also after a refusal; what is unacknowledged is sent again. */
  reconnect(): void {
    this.#connection.reconnect();
  }

  /** Closes for good. What is unacknowledged stays in the store. */
  close(): void {
    this.keep();
    this.#keeping.cancel();
    this.#sync.close();
    this.#chats.cancel();
    this.#clockPings.cancel();
    this.#connection.close('left', 'left');
  }

  async #socketUrl({ url, token, invite, displayName }: SessionClientOptions): Promise<string> {
    const address = new URL(`parties/main/${encodeURIComponent(this.sessionId)}`, url.replace(/\/*$/, '/'));
    address.protocol = address.protocol.replace(/^http/, 'ws');
    address.searchParams.set('_pk', this.connectionId);
    address.searchParams.set('edits', 'changes');
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
    this.#apply(message);
    this.emit('message', message);
    this.#changed();
  }

  #apply(message: ServerMessage): void {
    switch (message.type) {
      case 'session_state':
        this.#start(message.payload);
        return;
      case 'code_update':
        this.#sync.update(message.payload);
        if (message.payload.strudel_id !== undefined) this.#aboutStrudel(message.payload.strudel_id);
        return;
      case 'ack':
        this.#acknowledged(message.payload);
        return;
      case 'flushed':
        this.#sync.flushed(message.payload.rev);
        return;
      case 'out_of_step':
        this.#sync.outOfStep();
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
        this.#sync.peerGone(personId(message.payload));
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
        if (message.payload.now !== undefined && message.payload.request_id !== undefined) {
          this.#clock.answered(message.payload.request_id, message.payload.now);
        }
        return;
      case 'transport':
        this.#setTransport(message.payload.playing ? message.payload : null);
        return;
      case 'play':
        this.emit('play', message.payload);
        return;
      case 'stop':
        this.emit('stop', message.payload);
        return;
      case 'cursor_position':
        this.#selected(message.payload);
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
    this.#sync.start(state, this.#participantId, state.your_role);
    // Before anything is sent: what is kept says of an edit that was never sent that it was not.
    this.keep();
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
      this.#chats.call();
    }
    this.#sync.ready();
    this.#setTransport(state.transport ?? null);
    if (state.request_id !== undefined) this.#requests.answered(state.request_id);
    if (before !== null && before !== state.your_role) this.emit('role', { role: state.your_role, before });
  }

  #setTransport(transport: WireTransport | null): void {
    const isSame = JSON.stringify(transport) === JSON.stringify(this.#transport);
    this.#transport = transport;
    if (isSame) return;
    if (transport) this.askRoomClock();
    // A listener that reads the snapshot finds it there.
    this.#snapshot = null;
    this.emit('transport', transport);
  }

  #ping(): ClientMessage {
    const mark = this.#mark === null ? {} : { mark: this.#mark };
    return { type: 'ping', payload: { ...mark, request_id: this.#clock.pinged() } };
  }

  #pingForClock(): void {
    if (this.#clockPingsLeft === 0 || !this.#send(this.#ping())) return;
    this.#clockPingsLeft -= 1;
    this.#clockPings.call();
  }

  /** Another participant switched; only they are sent the conversation that belongs to it. */
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
    if (person.role === 'viewer') this.#sync.peerGone(personId(person));
  }

  #selected(cursor: ServerPayload<'cursor_position'>): void {
    const id = personId(cursor);
    const person = this.#participants.find((each) => personId(each) === id);
    this.#sync.selected(id, cursor, person?.color ?? 0);
  }

  /** This client's participant brought the change about, other than by typing. */
  #askedFor({ by, source }: RemoteChange): boolean {
    if (by === null) return this.#isSwitching;
    const isOwn = this.#participantId !== null && by.participant_id === this.#participantId;
    return isOwn && (source === 'ai' || source === 'loaded_strudel');
  }

  #acknowledged(ack: ServerPayload<'ack'>): void {
    if (ack.message_id !== undefined) this.#chat.acknowledged(ack.message_id);
    this.#sync.acknowledged(ack);
    this.#keeping.call();
  }

  #failed(error: ServerPayload<'error'>): void {
    const { request_id: requestId } = error;
    if (requestId === RESYNC_REQUEST_ID) {
      this.#sync.resyncRefused();
      return;
    }
    if (requestId !== undefined) {
      // The caller's promise tells them.
      if (this.#requests.refused(requestId, error.error, error.message)) return;
      this.#conversation.refused(requestId, error.message);
      if (FINAL_ERRORS.has(error.error)) this.#chat.refused(requestId);
      else if (this.#chat.deferred(requestId)) this.#chats.pause(CHAT_RETRY_MS);
      this.#keeping.call();
    }
    this.emit('error', error);
  }

  #lost(): void {
    this.#isReady = false;
    this.#sync.disconnected();
    this.#chat.disconnected();
    this.#conversation.disconnected();
    this.#requests.disconnected();
  }

  #sendChat(): void {
    for (const { id, text } of this.#chat.toSend()) {
      if (!this.#send({ type: 'chat_message', payload: { message: text, id, request_id: id } })) return;
      this.#chat.sent(id);
    }
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

  /**
   * Keeps what is unacknowledged over a reload. The client does so itself, at most five times a second; a
   * page calls it too, on `pagehide`, so that the last moment isn't lost.
   */
  keep(): void {
    if (!this.#store) return;
    const kept = { ...this.#sync.keep(), chat: this.#chat.unacknowledged };
    const isEmpty = kept.document === null && kept.offered === null && kept.chat.length === 0;
    this.#store.save(isEmpty ? null : kept);
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

function insertsStorable(changes: ChangeSet): boolean {
  let isAll = true;
  changes.iterChanges((_fromA, _toA, _fromB, _toB, inserted) => {
    isAll &&= isStorable(inserted.toString());
  });
  return isAll;
}
