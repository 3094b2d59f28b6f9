/**
 * The player as a page uses it: a sandboxed frame that runs patterns, made when it is first needed. Nothing
 * that comes out of the frame is trusted, and a frame that stops answering is replaced.
 *
 *     const player = new Player();
 *     player.on('error', ({ message, line }) => show(message, line));
 *     const result = await player.evaluate('s("bd hh")');
 *     if (!result.ok) show(result.error.message, result.error.line);
 *     player.stop();
 */
import {
  type Anchor,
  fromPlayerSchema,
  PLAYER_PATH,
  type PlayerError,
  type PlayerSays,
  type ToPlayer,
  type Visual,
} from '../../protocol/player.ts';
import { Emitter } from '../sdk/emitter.ts';

export interface PlayerEvents {
  /** A pattern plays; `at` ties its cycles to the room's clock. */
  started: PlayerSays<'started'>;
  stopped: undefined;
  /** What plays met trouble, or the player is lost. What an evaluation answers isn't told here. */
  error: PlayerError;
  sounding: PlayerSays<'sounding'>;
  /** What of what plays isn't heard. */
  unheard: PlayerSays<'unheard'>;
  /** The device takes the sound away from what plays, or gives it back. */
  interrupted: PlayerSays<'interrupted'>;
  names: PlayerSays<'names'>;
}

export type Evaluation =
  | { ok: true; at: Anchor; cyclesPerSecond: number }
  | { ok: false; error: PlayerError };

export interface PlayerOptions {
  /**
   * Where the frame is put; by default the end of the page. What `show` draws fills it. It must stay where it
   * is: a frame that is moved within the page loads anew.
   */
  container?: HTMLElement;
  /** Where the player's page is: by default where only this site's own pages may frame it. */
  path?: string;
}

const PING_INTERVAL_MS = 1_000;
/** Pings without an answer after which the frame is lost: 3 s. */
const MAX_UNANSWERED_PINGS = 3;
const MAX_LOADING_MS = 20_000;
/** Over plain `http:`, but for `localhost`, browsers have no audio worklets, without which nothing sounds. */
const INSECURE: PlayerError = {
  kind: 'player_lost',
  message: 'Browsers give sound to secure pages only: open this one by an address that begins with https://.',
  line: null,
  column: null,
};

const LOST: PlayerError = {
  kind: 'player_lost',
  message: 'The player stopped answering and was started anew. Press Play to hear it again.',
  line: null,
  column: null,
};

export class Player extends Emitter<PlayerEvents> {
  readonly #container: HTMLElement;
  readonly #path: string;
  readonly #waiting = new Map<number, (result: Evaluation) => void>();
  readonly #onMessage = (event: MessageEvent) => this.#hear(event);
  #frame: HTMLIFrameElement | null = null;
  #isReady = false;
  /** What is sent once the frame is ready. */
  #unsent: ToPlayer[] = [];
  #nextId = 0;
  #unansweredPings = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #loadingTimer: ReturnType<typeof setTimeout> | undefined;
  #volume = 1;
  #clockOffsetMs = 0;
  #visual: Visual | null = null;

  constructor({ container = document.body, path = PLAYER_PATH }: PlayerOptions = {}) {
    super();
    this.#path = path;
    this.#container = container;
  }

  /**
   * Evaluates code and plays it. What fails changes nothing that plays.
   * @param at ties the pattern's cycles to the room's clock; by default it goes on, or begins at cycle 0
   */
  evaluate(code: string, at?: Anchor): Promise<Evaluation> {
    if (!isSecureContext) return Promise.resolve({ ok: false, error: INSECURE });
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ type: 'evaluate', id, code, ...(at === undefined ? {} : { at }) });
    });
  }

  /** Silence. Without a frame nothing plays, and none is made for it. */
  stop(): void {
    if (this.#frame) this.#send({ type: 'stop' });
  }

  /** @param volume from 0 to 1 */
  setVolume(volume: number): void {
    this.#volume = volume;
    if (this.#isReady) this.#post({ type: 'volume', volume });
  }

  /** @param offsetMs how far the room's clock is ahead of this computer's */
  setClock(offsetMs: number): void {
    this.#clockOffsetMs = offsetMs;
    if (this.#isReady) this.#post({ type: 'clock', offset_ms: offsetMs });
  }

  /** Plays one sound once. @param sound also with a variation: `bd:2` @param note a MIDI number */
  preview(sound: string, note?: number): void {
    this.#send({ type: 'preview', sound, ...(note === undefined ? {} : { note }) });
  }

  /**
   * Shows what plays, in the frame: the piano roll or the oscilloscope. Makes no frame: with the first sound
   * there is one. To be called again when the page's colours change.
   * @param visual null hides the frame
   */
  show(visual: Visual | null): void {
    this.#visual = visual;
    if (this.#frame) this.#showFrame(this.#frame);
    if (this.#isReady) this.#post({ type: 'show', visual });
  }

  /** Loads the frame before it is needed; it says then which names there are. */
  load(): void {
    if (!this.#frame) this.#open();
  }

  /** Removes the frame, and with it all that sounds. */
  dispose(): void {
    this.#close('superseded');
  }

  #send(message: ToPlayer): void {
    if (!this.#frame) this.#open();
    if (this.#isReady) this.#post(message);
    else this.#unsent.push(message);
  }

  /**
   * The frame's origin is opaque and can't be named, so any may get the message. The page's policy lets it
   * frame nothing but this site.
   */
  #post(message: ToPlayer): void {
    this.#frame?.contentWindow?.postMessage(message, '*');
  }

  #open(): void {
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', 'allow-scripts');
    frame.allow = 'autoplay';
    frame.title = 'Player';
    frame.dataset.testid = 'player';
    // Nothing in it can be pressed, and a click into it would take the page's keys away.
    frame.tabIndex = -1;
    Object.assign(frame.style, { width: '100%', height: '100%', border: '0', pointerEvents: 'none' });
    this.#showFrame(frame);
    frame.src = this.#path;
    this.#frame = frame;
    window.addEventListener('message', this.#onMessage);
    this.#container.append(frame);
    this.#loadingTimer = setTimeout(() => this.#lose(), MAX_LOADING_MS);
  }

  #showFrame(frame: HTMLIFrameElement): void {
    frame.hidden = this.#visual === null;
    // Until it draws, its page has only words for a reader who has come to its own address.
    frame.style.visibility = this.#isReady ? 'visible' : 'hidden';
    if (this.#visual) frame.style.colorScheme = this.#visual.colors.scheme;
  }

  /** @param why what callers who wait for an evaluation are told */
  #close(why: PlayerError['kind']): void {
    window.removeEventListener('message', this.#onMessage);
    clearInterval(this.#timer);
    clearTimeout(this.#loadingTimer);
    this.#frame?.remove();
    this.#frame = null;
    this.#isReady = false;
    this.#unsent = [];
    this.#unansweredPings = 0;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const resolve of waiting) resolve({ ok: false, error: { ...LOST, kind: why } });
  }

  #hear({ source, data }: MessageEvent): void {
    if (!this.#frame || source !== this.#frame.contentWindow) return;
    const parsed = fromPlayerSchema.safeParse(data);
    if (!parsed.success) return;
    const message = parsed.data;
    switch (message.type) {
      case 'ready':
        this.#begin();
        return;
      case 'started':
        this.#answer(message.id, { ok: true, at: message.at, cyclesPerSecond: message.cycles_per_second });
        this.emit('started', message);
        return;
      case 'error':
        if (message.id === undefined) this.emit('error', message.error);
        else this.#answer(message.id, { ok: false, error: message.error });
        return;
      case 'stopped':
        this.emit('stopped', undefined);
        return;
      case 'sounding':
        this.emit('sounding', message);
        return;
      case 'unheard':
        this.emit('unheard', message);
        return;
      case 'interrupted':
        this.emit('interrupted', message);
        return;
      case 'names':
        this.emit('names', message);
        return;
      case 'pong':
        this.#unansweredPings = 0;
        return;
      case 'measured':
        return;
    }
  }

  #begin(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    clearTimeout(this.#loadingTimer);
    this.#post({ type: 'volume', volume: this.#volume });
    this.#post({ type: 'clock', offset_ms: this.#clockOffsetMs });
    if (this.#visual) this.#post({ type: 'show', visual: this.#visual });
    if (this.#frame) this.#showFrame(this.#frame);
    for (const message of this.#unsent.splice(0)) this.#post(message);
    this.#timer = setInterval(() => this.#watch(), PING_INTERVAL_MS);
  }

  /** Counts pings, not time: after a sleep of the computer's, one alone is unanswered. */
  #watch(): void {
    if (this.#unansweredPings >= MAX_UNANSWERED_PINGS) {
      this.#lose();
      return;
    }
    this.#unansweredPings++;
    this.#post({ type: 'ping', id: this.#nextId++ });
  }

  #lose(): void {
    const wasReady = this.#isReady;
    const isAnswered = this.#waiting.size > 0;
    this.#close('player_lost');
    // One that could not be loaded is tried again when it is next needed.
    if (wasReady) this.#open();
    this.emit('stopped', undefined);
    if (!isAnswered) this.emit('error', LOST);
  }

  #answer(id: number, result: Evaluation): void {
    this.#waiting.get(id)?.(result);
    this.#waiting.delete(id);
  }
}
