/**
 * A WebSocket to one room that keeps itself open: it reconnects with growing pauses, notices a connection
 * that died silently, and stops when the room refuses it for good. It knows frames, not what they say.
 */
import ReconnectingWebSocket from 'partysocket/ws';
import { HIDDEN_TIMEOUT_MS, PING_AFTER_CHARS } from '../../protocol/index.ts';
import { Emitter } from './emitter.ts';
import { askWhyNot, type Refusal, type Trouble } from './refusal.ts';

/** Whatever makes sockets as a browser's `WebSocket` does; Node's `ws` package, for one. */
export type WebSocketConstructor = new (url: string) => object;

/**
 * Why a connection is closed for good: the user left (`left`), the session's end, a removal, a
 * session that isn't there any more, or the same client connected elsewhere.
 */
type CloseCause = 'left' | 'ended' | 'removed' | 'gone' | 'elsewhere';

export type ConnectionState =
  | { readonly state: 'connecting'; readonly trouble?: Trouble }
  | { readonly state: 'open' }
  | { readonly state: 'reconnecting'; readonly reason: string; readonly trouble?: Trouble }
  | { readonly state: 'refused'; readonly refusal: Refusal }
  | { readonly state: 'closed'; readonly cause: CloseCause; readonly reason: string };

interface ConnectionOptions {
  /** Called before each attempt. */
  url: () => Promise<string>;
  /** By default the global one. */
  WebSocket?: WebSocketConstructor | undefined;
  /** By default the global one. */
  fetch?: typeof fetch | undefined;
  /** Pause before the first reconnect, and the longest one, in milliseconds. */
  minReconnectMs: number;
  maxReconnectMs: number;
  /** Pause between two pings, and the silence after which a connection counts as dead, in milliseconds. */
  pingIntervalMs: number;
  silenceLimitMs: number;
  /** Makes a ping frame. */
  ping: () => string;
}

interface ConnectionEvents {
  /** A socket is open; the caller calls `ready` when the room has said hello. */
  open: undefined;
  frame: string;
  lost: undefined;
  state: ConnectionState;
}

/** An attempt that takes longer than this is given up; a room that starts has to load first. */
const ATTEMPT_LIMIT_MS = 15_000;
const RECONNECT_GROWTH = 1.7;
/**
 * Least time between two questions for the reason of a refusal; and while an attempt hangs and no question is
 * answered either, which costs no server anything. Where attempts fail at once there is nothing to ask for:
 * they find out by themselves, and all clients of a server that is back would ask it at the same time.
 */
const ASK_INTERVAL_MS = 3_000;
const PROBE_INTERVAL_MS = 2_000;
/** An attempt that is younger than this isn't given up for a new one. */
const LEAST_ATTEMPT_MS = 1_000;
/** Those for whom a proxy or a server is back at the same moment come back spread over this time. */
const SPREAD_MS = 500;
/**
 * A client that has had no hello for so long asks why, whatever its socket does: some proxies neither open a
 * WebSocket nor refuse it, others hold back what comes by it.
 */
const ASK_AFTER_MS = 5_000;
/** After the answer that the server has too much to do it asks again later: a question is work, too. */
const ASK_BUSY_AFTER_MS = 15_000;
const ANSWER_LIMIT_MS = 4_000;
/** A question that fails so soon was refused, as by a server that is down. */
const REFUSED_WITHIN_MS = 1_000;
/** One attempt may fail for its moment; after so many, something stops them all. */
const FAILURES_IN_A_ROW = 2;
/** What a client that is asked, or comes back to the foreground, has for its answer. */
const PROMPT_ANSWER_MS = 5_000;
/** How long a socket that is closing may take to say why; browsers end it by themselves after two seconds. */
const CLOSING_LIMIT_MS = 4_000;
/**
 * Two replacements within this time are another client's doing; a single one may have been an earlier attempt
 * of this client that came late.
 */
const REPLACED_TWICE_MS = 60_000;
/** Close codes by which a room says that coming back is of no use. */
const FINAL_CLOSES: ReadonlyMap<number, { cause: CloseCause; reason: string }> = new Map([
  [4403, { cause: 'removed', reason: 'you were sent away' }],
  [4404, { cause: 'gone', reason: 'there is no such session any more' }],
]);
/** Close code, of the range for applications, that tells the room why the client hung up. */
const SILENT_CLOSE_CODE = 4_000;

export class Connection extends Emitter<ConnectionEvents> {
  readonly #options: ConnectionOptions;
  #socket: ReconnectingWebSocket;
  #state: ConnectionState = { state: 'connecting' };
  #isOpen = false;
  #heardMs = 0;
  /** Characters received since the last ping. */
  #unread = 0;
  /** Since when the socket has been seen closing; null while it isn't. */
  #closingSinceMs: number | null = null;
  #replacedMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  /** The last question has had no answer in time. */
  #isUnanswered = false;
  #attemptedMs = Number.NEGATIVE_INFINITY;
  /** How long the last attempt that came to nothing took. */
  #lastAttemptMs = 0;
  #comingBack: ReturnType<typeof setTimeout> | undefined;
  /** Attempts in a row that came to nothing. */
  #failures = 0;
  #isHidden = false;
  #asking: ReturnType<typeof setInterval> | undefined;
  #pings: ReturnType<typeof setInterval> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(options: ConnectionOptions) {
    super();
    this.#options = options;
    this.#socket = this.#makeSocket();
    this.#askUnlessOpen();
  }

  #makeSocket(): ReconnectingWebSocket {
    const options = this.#options;
    const url = () => {
      this.#attemptedMs = now();
      return options.url();
    };
    const socket = new ReconnectingWebSocket(url, null, {
      ...(options.WebSocket ? { WebSocket: options.WebSocket } : {}),
      // Spread, so that the clients of a room that restarts don't all come back at the same moment.
      minReconnectionDelay: options.minReconnectMs * (1 + Math.random()),
      maxReconnectionDelay: options.maxReconnectMs,
      reconnectionDelayGrowFactor: RECONNECT_GROWTH,
      connectionTimeout: ATTEMPT_LIMIT_MS,
      // What waits to be sent is kept by the session client, which knows what is still worth sending.
      maxEnqueuedMessages: 0,
    });
    // Handler properties, not listeners: those get copies of the events, and a copied close event has lost
    // its reason.
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event);
    socket.onclose = (event) => this.#closed(event.code, event.reason);
    // An attempt that fails before there is a socket reports only an error.
    socket.onerror = () => this.#lost('');
    return socket;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The room has said hello: from here on the state is `open`. */
  ready(): void {
    this.#failures = 0;
    this.#isUnanswered = false;
    clearInterval(this.#asking);
    this.#setState({ state: 'open' });
    // A new connection counts as one of the foreground until it says otherwise.
    if (this.#isHidden) this.#ping();
  }

  /**
   * The page went to the background, where browsers run its timers once a minute, or came back. The room
   * hears of it, and both wait longer for each other meanwhile.
   */
  setHidden(isHidden: boolean): void {
    if (isHidden === this.#isHidden) return;
    this.#isHidden = isHidden;
    // Silence was fine until now; from here on there is a short time for an answer.
    const { silenceLimitMs } = this.#options;
    if (!isHidden) this.#heardMs = Math.max(this.#heardMs, now() - silenceLimitMs + PROMPT_ANSWER_MS);
    this.#ping();
    // Who looks at it again doesn't wait for the end of a pause, or of an attempt that hangs.
    if (!isHidden) this.#comeBack();
  }

  get isHidden(): boolean {
    return this.#isHidden;
  }

  /** Says to the room that this client is here, now. */
  answer(): void {
    this.#ping();
  }

  /** Sends a frame; false when no socket is open, and then it isn't kept. */
  send(frame: string): boolean {
    return this.#isOpen && this.#socket.readyState === ReconnectingWebSocket.OPEN && this.#socket.send(frame);
  }

  /** Drops the socket, if any, and connects at once. After `close` or a refusal too. */
  reconnect(reason = 'asked to'): void {
    this.#setState({ state: 'reconnecting', reason });
    this.#askUnlessOpen();
    this.#replace(undefined, reason);
  }

  /** Closes for good. */
  close(cause: CloseCause, reason: string): void {
    this.#stop({ state: 'closed', cause, reason });
  }

  #opened(): void {
    this.#isOpen = true;
    this.#heardMs = now();
    this.#closingSinceMs = null;
    this.#stopTimers();
    const { pingIntervalMs, silenceLimitMs } = this.#options;
    this.#unread = 0;
    this.#pings = setInterval(() => this.#ping(), pingIntervalMs);
    this.#watch = setInterval(() => this.#checkAlive(), Math.min(1_000, silenceLimitMs / 2));
    this.emit('open', undefined);
  }

  #received(event: MessageEvent): void {
    this.#heardMs = now();
    if (typeof event.data !== 'string') return;
    this.emit('frame', event.data);
    // The room gives up on who receives much and shows no sign of having read it.
    this.#unread += event.data.length;
    if (this.#unread >= PING_AFTER_CHARS) this.#ping();
  }

  #ping(): void {
    if (this.#state.state !== 'open') return;
    this.#unread = 0;
    this.send(this.#options.ping());
  }

  #checkAlive(): void {
    // A room that doesn't even say hello isn't worth the whole wait.
    const silenceLimitMs = this.#isHidden
      ? Math.max(HIDDEN_TIMEOUT_MS, this.#options.silenceLimitMs)
      : this.#options.silenceLimitMs;
    const limitMs =
      this.#state.state === 'open' ? silenceLimitMs : Math.min(silenceLimitMs, ATTEMPT_LIMIT_MS);
    const nowMs = now();
    // A socket that the room has closed can stay half closed for long, and says nothing of it. Nor of why:
    // that comes at its end.
    const isClosing = this.#isOpen && this.#socket.readyState === ReconnectingWebSocket.CLOSING;
    this.#closingSinceMs = isClosing ? (this.#closingSinceMs ?? nowMs) : null;
    const isStuck = this.#closingSinceMs !== null && nowMs - this.#closingSinceMs >= CLOSING_LIMIT_MS;
    if (!isStuck && nowMs - this.#heardMs < limitMs) return;
    this.#replace(SILENT_CLOSE_CODE, 'no answer');
  }

  /**
   * Goes on with another socket, at once. The library's own `reconnect` would wait for the end of a pause
   * between two attempts, if there is one just then.
   */
  #replace(code: number | undefined, reason: string): void {
    const old = this.#socket;
    old.onopen = old.onmessage = old.onclose = old.onerror = null;
    old.close(code, reason);
    this.#socket = this.#makeSocket();
    if (this.#isOpen) this.#lost(reason);
  }

  #closed(code: number, reason: string): void {
    const final = FINAL_CLOSES.get(code);
    if (this.#isOpen && code === 1000 && reason === 'replaced') this.#replaced();
    else if (this.#isOpen && final) this.close(final.cause, reason || final.reason);
    else this.#lost(reason);
  }

  /**
   * The room lets only the newest socket of a connection id be. To come back again and again would throw the
   * other out for ever.
   */
  #replaced(): void {
    const sinceMs = now() - this.#replacedMs;
    this.#replacedMs = now();
    if (sinceMs < REPLACED_TWICE_MS) this.close('elsewhere', 'it is open elsewhere');
    else this.#lost('replaced');
  }

  #lost(reason: string): void {
    this.#stopTimers();
    if (isFinal(this.#state)) return;
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    // The first attempts count as connecting until something was there to lose.
    if (this.#state.state !== 'connecting' || wasOpen) {
      const text = reason || (wasOpen ? 'connection lost' : 'out of reach');
      const trouble = 'trouble' in this.#state ? { trouble: this.#state.trouble } : {};
      this.#setState({ state: 'reconnecting', reason: text, ...trouble });
    }
    if (wasOpen) {
      this.#askUnlessOpen();
      this.emit('lost', undefined);
      return;
    }
    this.#failures += 1;
    this.#lastAttemptMs = now() - this.#attemptedMs;
    void this.#askWhy(this.#failures >= FAILURES_IN_A_ROW);
  }

  /** Asks why, again and again, while there is no hello. */
  #askUnlessOpen(): void {
    clearInterval(this.#asking);
    const sinceMs = now();
    this.#asking = setInterval(() => {
      const pauseMs = this.#isHanging ? PROBE_INTERVAL_MS : this.#isBusy ? ASK_BUSY_AFTER_MS : ASK_AFTER_MS;
      if (now() - Math.max(sinceMs, this.#askedMs) >= pauseMs) void this.#askWhy(true);
    }, PROBE_INTERVAL_MS / 8);
  }

  /** Neither a question has had an answer nor the last attempt, for so long that it isn't a refusal. */
  get #isHanging(): boolean {
    const isTrying = this.#socket.readyState === ReconnectingWebSocket.CONNECTING;
    const tookMs = isTrying ? now() - this.#attemptedMs : this.#lastAttemptMs;
    return this.#isUnanswered && tookMs >= LEAST_ATTEMPT_MS;
  }

  /** The last answer was that the server has too much to do. */
  get #isBusy(): boolean {
    return 'trouble' in this.#state && this.#state.trouble?.kind === 'busy';
  }

  /** Gives up a pause, or an attempt that hangs, for a new one. */
  #comeBack(): void {
    if (this.#isOpen || isFinal(this.#state) || now() - this.#attemptedMs < LEAST_ATTEMPT_MS) return;
    this.#replace(SILENT_CLOSE_CODE, 'no answer');
  }

  /** @param isSure that it isn't the bad luck of one attempt; a refusal counts in any case. */
  async #askWhy(isSure: boolean): Promise<void> {
    if (now() - this.#askedMs < (this.#isHanging ? PROBE_INTERVAL_MS : ASK_INTERVAL_MS)) return;
    const askedMs = now();
    this.#askedMs = askedMs;
    const url = await this.#options.url();
    const ask = this.#options.fetch ?? globalThis.fetch.bind(globalThis);
    const why = await askWhyNot(url, ask, AbortSignal.timeout(ANSWER_LIMIT_MS));
    const isBack = this.#isUnanswered && 'trouble' in why && why.trouble.kind === 'blocked';
    // A refusal is an answer. A server that is back lets in one after another, which takes a while, and a
    // question is as much work for it.
    const isAnswered = !('trouble' in why) || why.trouble.kind !== 'unreachable';
    if (isAnswered || now() - askedMs < REFUSED_WITHIN_MS) this.#isUnanswered = false;
    else if (askedMs === this.#askedMs) this.#isUnanswered = true;
    const { state } = this.#state;
    if (state !== 'connecting' && state !== 'reconnecting') return;
    // The attempt that is under way may wait for a connection that will never be answered.
    if (isBack) {
      clearTimeout(this.#comingBack);
      const isOldInMs = this.#attemptedMs + LEAST_ATTEMPT_MS - now();
      const delayMs = Math.max(Math.random() * SPREAD_MS, isOldInMs);
      this.#comingBack = setTimeout(() => this.#comeBack(), delayMs);
    }
    if ('refusal' in why) {
      if (!this.#isOpen) this.#stop({ state: 'refused', refusal: why.refusal });
    } else if (isSure) this.#setState({ ...this.#state, trouble: why.trouble });
    // It is asked anew as soon as it is sure.
    else this.#askedMs = Number.NEGATIVE_INFINITY;
  }

  #stop(state: ConnectionState): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    // Before the socket closes: its close event must find the final state.
    this.#setState(state);
    this.#stopTimers();
    this.#socket.close(1000);
    if (wasOpen) this.emit('lost', undefined);
  }

  #stopTimers(): void {
    if (isFinal(this.#state)) {
      clearInterval(this.#asking);
      clearTimeout(this.#comingBack);
    }
    clearInterval(this.#pings);
    clearInterval(this.#watch);
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.emit('state', state);
  }
}

/** Milliseconds by a clock that is never set. */
const now = () => performance.now();

function isFinal({ state }: ConnectionState): boolean {
  return state === 'closed' || state === 'refused';
}
