/**
 * A WebSocket to one room that keeps itself open: it reconnects with growing pauses, notices a connection
 * that died silently, and stops when the room refuses it for good. It knows frames, not what they say.
 */
import ReconnectingWebSocket from 'partysocket/ws';
import { PING_AFTER_CHARS } from '../../protocol/index.ts';
import { Emitter } from './emitter.ts';
import { askRefusal, type Refusal } from './refusal.ts';

/** Whatever makes sockets as a browser's `WebSocket` does; Node's `ws` package, for one. */
export type WebSocketConstructor = new (url: string) => object;

/**
 * Why a connection is closed for good: the user left (`left`), the session's end, a removal, a
 * session that isn't there any more, or the same client connected elsewhere.
 */
type CloseCause = 'left' | 'ended' | 'removed' | 'gone' | 'elsewhere';

export type ConnectionState =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  | { readonly state: 'reconnecting'; readonly reason: string }
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
/** Least time between two questions for the reason of a refusal. */
const ASK_INTERVAL_MS = 3_000;
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
  readonly #socket: ReconnectingWebSocket;
  #state: ConnectionState = { state: 'connecting' };
  #isOpen = false;
  #heardMs = 0;
  /** Characters received since the last ping. */
  #unanswered = 0;
  /** Since when the socket has been seen closing; null while it isn't. */
  #closingSinceMs: number | null = null;
  #replacedMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  #pings: ReturnType<typeof setInterval> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(options: ConnectionOptions) {
    super();
    this.#options = options;
    this.#socket = new ReconnectingWebSocket(options.url, null, {
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
    this.#socket.onopen = () => this.#opened();
    this.#socket.onmessage = (event) => this.#received(event);
    this.#socket.onclose = (event) => this.#closed(event.code, event.reason);
    // An attempt that fails before there is a socket reports only an error.
    this.#socket.onerror = () => this.#lost('');
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Address of the socket that is open, or was last. */
  get url(): string {
    return this.#socket.url;
  }

  /** The room has said hello: from here on the state is `open`. */
  ready(): void {
    this.#setState({ state: 'open' });
  }

  /** Sends a frame; false when no socket is open, and then it isn't kept. */
  send(frame: string): boolean {
    return this.#isOpen && this.#socket.readyState === ReconnectingWebSocket.OPEN && this.#socket.send(frame);
  }

  /** Drops the socket, if any, and connects at once. After `close` or a refusal too. */
  reconnect(reason = 'asked to'): void {
    this.#setState({ state: 'reconnecting', reason });
    this.#replace(undefined, reason);
  }

  /** Closes for good. */
  close(cause: CloseCause, reason: string): void {
    this.#stop({ state: 'closed', cause, reason });
  }

  #opened(): void {
    this.#isOpen = true;
    this.#heardMs = Date.now();
    this.#closingSinceMs = null;
    this.#stopTimers();
    const { pingIntervalMs, silenceLimitMs } = this.#options;
    this.#unanswered = 0;
    this.#pings = setInterval(() => this.#ping(), pingIntervalMs);
    this.#watch = setInterval(() => this.#checkAlive(), Math.min(1_000, silenceLimitMs / 2));
    this.emit('open', undefined);
  }

  #received(event: MessageEvent): void {
    this.#heardMs = Date.now();
    if (typeof event.data !== 'string') return;
    this.emit('frame', event.data);
    // The room gives up on who receives much and shows no sign of having read it.
    this.#unanswered += event.data.length;
    if (this.#unanswered >= PING_AFTER_CHARS) this.#ping();
  }

  #ping(): void {
    this.#unanswered = 0;
    this.send(this.#options.ping());
  }

  #checkAlive(): void {
    // A room that doesn't even say hello isn't worth the whole wait.
    const limitMs =
      this.#state.state === 'open'
        ? this.#options.silenceLimitMs
        : Math.min(this.#options.silenceLimitMs, ATTEMPT_LIMIT_MS);
    const nowMs = Date.now();
    // A socket that the room has closed can stay half closed for long, and says nothing of it. Nor of why:
    // that comes at its end.
    const isClosing = this.#isOpen && this.#socket.readyState === ReconnectingWebSocket.CLOSING;
    this.#closingSinceMs = isClosing ? (this.#closingSinceMs ?? nowMs) : null;
    const isStuck = this.#closingSinceMs !== null && nowMs - this.#closingSinceMs >= CLOSING_LIMIT_MS;
    if (!isStuck && nowMs - this.#heardMs < limitMs) return;
    this.#replace(SILENT_CLOSE_CODE, 'no answer');
  }

  #replace(code: number | undefined, reason: string): void {
    this.#socket.reconnect(code, reason);
    // Of a socket that was closing already it reports no end; without one nothing would be sent again on the
    // next.
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
    const sinceMs = Date.now() - this.#replacedMs;
    this.#replacedMs = Date.now();
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
      this.#setState({ state: 'reconnecting', reason: text });
    }
    if (wasOpen) this.emit('lost', undefined);
    else void this.#askWhy();
  }

  async #askWhy(): Promise<void> {
    if (Date.now() - this.#askedMs < ASK_INTERVAL_MS) return;
    this.#askedMs = Date.now();
    const url = await this.#options.url();
    const ask = this.#options.fetch ?? globalThis.fetch.bind(globalThis);
    const refusal = await askRefusal(url, ask, AbortSignal.timeout(ATTEMPT_LIMIT_MS));
    if (refusal && !this.#isOpen && !isFinal(this.#state)) this.#stop({ state: 'refused', refusal });
  }

  #stop(state: ConnectionState): void {
    this.#stopTimers();
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    // Before the socket closes: its close event must find the final state.
    this.#setState(state);
    this.#socket.close(1000);
    if (wasOpen) this.emit('lost', undefined);
  }

  #stopTimers(): void {
    clearInterval(this.#pings);
    clearInterval(this.#watch);
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.emit('state', state);
  }
}

function isFinal({ state }: ConnectionState): boolean {
  return state === 'closed' || state === 'refused';
}
