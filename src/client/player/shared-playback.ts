/**
 * What a session plays, as this participant hears it: the session's transport brought to this page's player,
 * and what is evaluated here brought to everybody. It knows no DOM but the player's frame.
 *
 * What is written is evaluated here first, and plays for all only if that went well. Everybody counts cycles
 * from the same moment of the room's clock, so that beats coincide.
 */

import type { WireTransport } from '../../protocol/index.ts';
import type { Anchor, PlayerError, PlayerSays } from '../../protocol/player.ts';
import { Emitter } from '../sdk/emitter.ts';
import type { SessionClient } from '../sdk/session-client.ts';
import type { Player } from './player.ts';

/** Beats that are so near are one: nothing is started anew for less. */
const SAME_BEAT_MS = 10;

/** What it needs of the session's client. */
type Session = Pick<SessionClient, 'snapshot' | 'on' | 'play' | 'stop' | 'roomNow' | 'askRoomClock'>;

/** A call, another app, a locked screen: the device may give the sound back by itself. */
const INTERRUPTED: PlayerError = {
  kind: 'audio_blocked',
  message: 'This device has paused the sound. Press Listen to hear it again.',
  line: null,
  column: null,
};

type Heard = Pick<WireTransport, 'code' | 'since' | 'cycle' | 'cps'>;

export interface SharedPlaybackEvents {
  /** What there is to show has changed. */
  change: undefined;
  /** This code plays on this page; null: silence. Its places are those of `sounding`. */
  playing: string | null;
  sounding: PlayerSays<'sounding'>['places'];
  /** What of the code that plays isn't heard here. None when it begins, or ends. */
  unheard: PlayerSays<'unheard'>['sounds'];
  /** The code, as it was evaluated, has this problem; null: none. */
  problem: { code: string; error: PlayerError } | null;
  names: PlayerSays<'names'>;
}

export class SharedPlayback extends Emitter<SharedPlaybackEvents> {
  readonly #client: Session;
  readonly #player: Player;
  #isListening = false;
  /** Evaluations under way. */
  #evaluating = 0;
  /** What the player plays, and from when. */
  #heard: Heard | null = null;
  /** The device keeps it silent. */
  #isInterrupted = false;

  constructor(client: Session, player: Player) {
    super();
    this.#client = client;
    this.#player = player;
    client.on('transport', () => void this.#follow());
    player.on('sounding', ({ places }) => this.emit('sounding', places));
    player.on('unheard', ({ sounds }) => {
      if (this.#heard) this.emit('unheard', sounds);
    });
    player.on('interrupted', ({ is_interrupted: isInterrupted }) => this.#interrupt(isInterrupted));
    player.on('names', (names) => this.emit('names', names));
    player.on('stopped', () => this.#silent());
    player.on('error', (error) => {
      const code = this.#heard?.code;
      if (error.kind === 'player_lost') this.#setListening(false);
      // A preview's sound has nothing to do with what plays.
      if (code !== undefined || error.kind === 'player_lost' || error.kind === 'sound') {
        this.emit('problem', { code: code ?? '', error });
      }
    });
  }

  /** What plays for all is to be heard here. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** It is being evaluated, or the player loaded. */
  get isStarting(): boolean {
    return this.#evaluating > 0;
  }

  /**
   * Hears what plays from now on, or doesn't. Browsers let a page sound only after a click: so one has to
   * bring this about.
   */
  listen(isListening: boolean): void {
    this.#setListening(isListening);
    if (isListening) void this.#follow();
    else this.#player.stop();
  }

  setVolume(volume: number): void {
    this.#player.setVolume(volume);
  }

  /** Plays one sound once, for this participant alone. */
  preview(sound: string): void {
    this.#player.preview(sound);
  }

  /**
   * Evaluates code, and plays it for everybody if it runs; what fails changes nothing that plays.
   * @returns `offline` when it runs here, and the room can't be told.
   */
  async play(code: string): Promise<'played' | 'failed' | 'offline'> {
    this.#client.askRoomClock();
    this.#setListening(true);
    const now = this.#now();
    const { transport } = this.#client.snapshot;
    // The first time the player is loaded meanwhile: it says itself when it begins.
    const at = transport ? { room_ms: now, cycle: cycleAt(transport, now) } : undefined;
    const heard = await this.#evaluate(code, at);
    if (!heard) return 'failed';
    const { cps, since } = heard;
    return this.#client.play({ code, cps, since }) ? 'played' : 'offline';
  }

  /** Stops what plays, for everybody; false when the room can't be told: then it stops here. */
  stop(): boolean {
    this.#player.stop();
    return this.#client.stop();
  }

  dispose(): void {
    this.#player.dispose();
  }

  async #follow(): Promise<void> {
    const { transport } = this.#client.snapshot;
    if (!transport) {
      // Also what is being evaluated: it isn't to start after the stop.
      this.#player.stop();
      return;
    }
    if (!this.#isListening || (this.#isSameBeat(transport) && !this.#isInterrupted)) return;
    await this.#evaluate(transport.code, { room_ms: transport.since, cycle: transport.cycle });
  }

  /** @returns what plays now; null when it doesn't run. */
  async #evaluate(code: string, at?: Anchor): Promise<Heard | null> {
    this.#setEvaluating(this.#evaluating + 1);
    const result = await this.#player.evaluate(code, at);
    this.#setEvaluating(this.#evaluating - 1);
    if (!result.ok) {
      if (result.error.kind === 'superseded') return null;
      if (result.error.kind === 'audio_blocked' || result.error.kind === 'player_lost')
        this.#setListening(false);
      this.emit('problem', { code, error: result.error });
      return null;
    }
    const { room_ms: since, cycle } = result.at;
    this.#heard = { code, since, cycle, cps: result.cyclesPerSecond };
    this.emit('problem', null);
    this.emit('playing', code);
    return this.#heard;
  }

  #isSameBeat(transport: WireTransport): boolean {
    const heard = this.#heard;
    if (!heard || heard.code !== transport.code) return false;
    const now = this.#now();
    const apart = Math.abs(cycleAt(heard, now) - cycleAt(transport, now));
    return apart <= (SAME_BEAT_MS / 1_000) * transport.cps;
  }

  #interrupt(isInterrupted: boolean): void {
    this.#isInterrupted = isInterrupted;
    if (!this.#heard || isInterrupted !== this.#isListening) return;
    this.#setListening(!isInterrupted);
    if (isInterrupted) this.emit('problem', { code: '', error: INTERRUPTED });
    else void this.#follow();
  }

  #silent(): void {
    this.#heard = null;
    this.emit('sounding', []);
    this.emit('playing', null);
  }

  /** The room's time, which the player is told too; this computer's while the room's isn't known. */
  #now(): number {
    const local = Date.now();
    const now = this.#client.roomNow() ?? local;
    this.#player.setClock(now - local);
    return now;
  }

  #setListening(isListening: boolean): void {
    if (this.#isListening === isListening) return;
    this.#isListening = isListening;
    this.emit('change', undefined);
  }

  #setEvaluating(count: number): void {
    this.#evaluating = count;
    this.emit('change', undefined);
  }
}

function cycleAt(
  { since, cycle, cps }: Pick<WireTransport, 'since' | 'cycle' | 'cps'>,
  nowMs: number,
): number {
  return cycle + (Math.max(0, nowMs - since) / 1_000) * cps;
}
