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
  agentRequestPayload,
  type ClientMessage,
  chatPayload,
  codeSchema,
  type ErrorCode,
  isStorable,
  parseServerMessage,
  type ServerMessage,
  type ServerPayload,
  type TakesBack,
  type WireKnock,
  type WireParticipant,
  type WireTransport,
} from '../../protocol/index.ts';
import { type ChatEntry, ChatLog } from './chat-log.ts';
import { CodeSync, RESYNC_REQUEST_ID, type RemoteChange } from './code-sync.ts';
import { Connection } from './connection.ts';
import { Conversation } from './conversation.ts';
import { Emitter } from './emitter.ts';
import type { PeerSelection } from './peer-selections.ts';
import { participantOfToken, personId } from './people.ts';
import { Pings } from './pings.ts';
import { randomId } from './random-id.ts';
import { RoomRequests } from './room-requests.ts';
import { Roster } from './roster.ts';
import type {
  AskDetails,
  KnockAnswer,
  SessionClientEvents,
  SessionClientOptions,
  Snapshot,
} from './session-client-types.ts';
import type { EditDetails } from './shared-document.ts';
import { Throttle } from './throttle.ts';
import type { UnacknowledgedStore } from './unacknowledged.ts';

export type * from './session-client-types.ts';

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
/** Of all time, keeping may take one part in so many: a large text on a slow device is kept less often. */
const KEEP_SHARE = 20;
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
  /** How long the last keeping took. */
  #keptForMs = 0;
  readonly #subscribers = new Set<(snapshot: Snapshot) => void>();
  /** The room's state has arrived on the connection that is open. */
  #isReady = false;
  readonly #roster = new Roster();
  /** Given by the room; used instead of the options' from then on. */
  #token: string | null = null;
  #strudelId: string | null = null;
  readonly #pings: Pings;
  #transport: WireTransport | null = null;
  #knocks: readonly WireKnock[] = [];
  readonly #requests: RoomRequests;
  #degraded: Snapshot['degraded'] = null;
  #snapshot: Snapshot | null = null;

  /** Connects at once. */
  constructor(options: SessionClientOptions) {
    super();
    this.sessionId = options.sessionId;
    this.connectionId = options.connectionId ?? randomId();
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
    this.#requests = new RoomRequests(this.#sync, { send: (message) => this.#send(message) });
    this.#chat = new ChatLog(kept?.chat ?? []);
    this.#keeping = new Throttle(
      () => this.keep(),
      () => Math.max(KEEP_INTERVAL_MS, KEEP_SHARE * this.#keptForMs),
    );
    this.#chats = new Throttle(() => this.#sendChat(), 0);
    this.#connection = new Connection({
      url: () => this.#socketUrl(options),
      WebSocket: options.WebSocket,
      fetch: options.fetch,
      minReconnectMs: options.minReconnectMs ?? 300,
      maxReconnectMs: options.maxReconnectMs ?? 4_000,
      pingIntervalMs: options.pingIntervalMs ?? 20_000,
      silenceLimitMs: options.silenceLimitMs ?? 45_000,
      ping: () => this.#frame(this.#pings.next()),
    });
    const connection = this.#connection;
    this.#pings = new Pings(
      {
        get isHidden() {
          return connection.isHidden;
        },
        send: (message) => this.#send(message),
      },
      () => performance.timeOrigin + performance.now(),
    );
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
      role: this.#roster.role,
      displayName: this.#roster.displayName,
      participants: this.#roster.participants,
      watching: this.#roster.watching,
      self: this.#roster.self,
      strudelId: this.#strudelId,
      conversation: this.#conversation.turns,
      isAnswering: this.#conversation.isBusy,
      requestsLeft: this.#conversation.requestsLeft,
      chat: this.#chat.entries,
      knocks: this.#knocks,
      transport: this.#transport,
      degraded: this.#degraded,
    };
    return this.#snapshot;
  }

  /**
   * The colour that the room gave the participant who has that name, or had it since this client joined; null
   * when there was none.
   */
  colorUnder(name: string): number | null {
    return this.#roster.colorUnder(name);
  }

  /** True while an edit or a chat message waits for its acknowledgement. */
  get hasUnacknowledged(): boolean {
    return this.#sync.hasPending || this.#chat.unacknowledged.length > 0;
  }

  /** True while an edit does. */
  get hasPendingEdits(): boolean {
    return this.#sync.hasPending;
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
    if (this.#roster.role === 'viewer') {
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
    if (this.#roster.role !== 'viewer') this.#sync.select(anchor, head);
  }

  /** The author has seen to the text that couldn't be sent. */
  dismissOffer(): void {
    this.#sync.dismissOffer();
    this.#changed();
  }

  /** Shows messages from before those that the room sent, as the HTTP API has them. */
  showOlderChat(messages: readonly Omit<ChatEntry, 'status'>[]): void {
    this.#chat.older(messages);
    this.#changed();
  }

  /**
   * Says something. It is kept until the room has it.
   * @returns the message's id (UUID), or null when it is blank or too long (then an `error` event says so).
   */
  chat(text: string): string | null {
    const id = randomId();
    const parsed = chatPayload.safeParse({ message: text, id });
    if (!parsed.success) {
      this.#localError(
        'validation_error',
        `the message ${parsed.error.issues[0]?.message ?? 'is not valid'}`,
      );
      return null;
    }
    this.#chat.add({ id, text, atMs: Date.now() }, this.#roster.displayName ?? '');
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
  switchStrudel(strudelId: string | null, scratch: { code?: string } = {}): Promise<void> {
    return this.#requests.switchStrudel(strudelId, scratch);
  }

  /**
   * Takes back what the room changed at a revision (an answer of the AI, say), or makes it again. The room
   * does so once, however many clients ask for it; its change comes as a `change` event with `takesBack`. The
   * request isn't kept over a reconnect.
   * @param changes what does so in {@link text}.
   * @param isStep the change is a step of undo here: it comes with `isOwnRequest`.
   * @throws {RequestError} nothing was changed. `conflict`: others have done so already; `disconnected`: not
   *   connected, or the connection was lost before the answer.
   */
  takeBack(changes: ChangeSet, what: TakesBack, isStep: boolean): Promise<void> {
    return this.#requests.takeBack(changes, what, isStep);
  }

  /**
   * Lets a caller in who asked for it, or refuses them. Resolves when it is done; of several hosts' answers
   * the first one counts.
   * @throws {RequestError} when the room refuses (`not_found`: they don't wait any more; `conflict`: another
   *   answer was first, or they were removed and the answer doesn't say `readmit`), or the connection is
   *   lost.
   */
  answerKnock(knockId: string, answer: KnockAnswer): Promise<void> {
    return this.#requests.answerKnock(knockId, answer);
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
    if (this.#roster.role === 'viewer') {
      this.#localError('forbidden', 'viewers can’t ask the AI');
      return null;
    }
    const requestId = this.#requests.nextId();
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
    this.#conversation.ask(requestId, query, this.#roster.displayName ?? '', Date.now());
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
    this.#pings.askClock();
  }

  /** Milliseconds since the epoch by the room's clock; null until the room has said it. */
  roomNow(): number | null {
    return this.#pings.roomNow();
  }

  /** Stops what plays, for all; false when there is no connection. */
  stop(): boolean {
    return this.#send({ type: 'stop', payload: {} });
  }

  /**
   * Comes back with this session token from now on. A route that gives one (a change of the own name) puts it
   * in the place of the one before.
   */
  useToken(token: string): void {
    this.#token = token;
  }

  /** Replaces the connection at once, also after a refusal; what is unacknowledged is sent again. */
  reconnect(): void {
    this.#connection.reconnect();
  }

  /**
   * The page went to the background, or came back: in the background it may be silent for longer, and its
   * participant is shown as away.
   */
  setHidden(isHidden: boolean): void {
    this.#connection.setHidden(isHidden);
  }

  /** Closes for good. What is unacknowledged stays in the store. */
  close(): void {
    this.keep();
    this.#keeping.cancel();
    this.#sync.close();
    this.#chats.cancel();
    this.#pings.close();
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
      this.#roster.participantId = participantOfToken(bearer);
    }
    if (invite !== undefined) address.searchParams.set('invite', invite);
    // One who was let in has a name there, which may be another by now.
    if (displayName !== undefined && this.#roster.role === null)
      address.searchParams.set('display_name', displayName);
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
        if (message.payload.request_id !== undefined) this.#requests.answered(message.payload.request_id);
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
        this.#roster.left(message.payload);
        this.#sync.peerGone(personId(message.payload));
        this.emit('left', message.payload);
        return;
      case 'audience':
        this.#roster.audience(message.payload);
        return;
      case 'selections':
        this.#sync.moved(message.payload.selections);
        for (const id of message.payload.gone ?? []) this.#sync.peerGone(id);
        if (message.payload.wanted) this.#sync.selectAgain();
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
      case 'ping':
        // At once, which no timer does that the browser slows down.
        this.#connection.answer();
        return;
      case 'presence':
        this.#roster.presence(message.payload);
        return;
      case 'pong':
        this.#pings.answered(message.payload);
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
      case 'version':
        this.emit('version', message.payload);
        return;
      case 'degraded': {
        const { reason, since, recovered } = message.payload;
        this.#degraded = recovered ? null : { reason, since };
        return;
      }
      case 'knock':
        this.#knocks = [...this.#knocks, message.payload];
        this.#snapshot = null;
        this.emit('knock', message.payload);
        return;
      case 'knock_answered':
        this.#knockAnswered(message.payload);
        return;
      case 'session_ended':
        this.#connection.close(message.payload.goes_on ? 'removed' : 'ended', message.payload.reason);
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
    const before = this.#roster.role;
    this.#roster.start(state);
    this.#conversation.history(state.conversation_history, state.strudel_id !== this.#strudelId);
    this.#strudelId = state.strudel_id;
    this.#knocks = state.knocks ?? [];
    if (state.token !== undefined) {
      this.#token = state.token;
      this.#roster.participantId = participantOfToken(state.token);
      this.emit('token', state.token);
    }
    this.#sync.start(state, this.#roster.participantId, state.your_role);
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

  #knockAnswered(answered: ServerPayload<'knock_answered'>): void {
    this.#knocks = this.#knocks.filter(({ knock_id: id }) => id !== answered.knock_id);
    this.#snapshot = null;
    this.emit('knockAnswered', answered);
    if (answered.request_id !== undefined) this.#requests.answered(answered.request_id);
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

  /** Another participant switched; only they are sent the conversation that belongs to it. */
  #aboutStrudel(strudelId: string | null): void {
    if (strudelId === this.#strudelId) return;
    this.#strudelId = strudelId;
    this.#conversation.clear();
  }

  #joined(person: WireParticipant): void {
    const before = this.#roster.joined(person);
    if (before === null) this.emit('joined', person);
    else if (before.role !== person.role) this.emit('roleOf', person);
    if (before !== null && before.display_name !== person.display_name) {
      this.#sync.peerRenamed(personId(person), person.display_name);
    }
    if (person.role === 'viewer') this.#sync.peerGone(personId(person));
  }

  #selected(cursor: ServerPayload<'cursor_position'>): void {
    const id = personId(cursor);
    this.#sync.selected(id, cursor, this.#roster.colorOf(id));
  }

  /** This client's participant brought the change about, other than by typing. */
  #askedFor({ by, source }: RemoteChange): boolean {
    if (by === null) return this.#requests.isSwitching;
    if (by.takes_back) return this.#requests.isStep(by.request_id);
    if (!this.#roster.isSelf(by)) return false;
    // Another page of theirs may have loaded a strudel by an edit of its own, which it can undo.
    const isSwitch = source === 'loaded_strudel' && this.#requests.isSwitching;
    return source === 'ai' || source === 'restored' || isSwitch;
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
    const beganMs = performance.now();
    const kept = { ...this.#sync.keep(), chat: this.#chat.unacknowledged };
    const isEmpty = kept.document === null && kept.offered === null && kept.chat.length === 0;
    this.#store.save(isEmpty ? null : kept);
    this.#keptForMs = performance.now() - beganMs;
  }

  #localError(error: ErrorCode, message: string): void {
    this.emit('error', { error, message });
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
