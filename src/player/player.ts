/** What the page asks for, done: each message in its turn, each answer by its id. */
import { type Hap, reset_state, setIsStarted, setPattern, setTriggerFunc } from '@strudel/core';
import { superdough } from 'superdough';
import type { Anchor, FromPlayer, ToPlayer } from '../protocol/player.ts';
import { Clocks } from './clocks.ts';
import { Evaluator } from './evaluation.ts';
import { describeFailure, messageOf, PatternFailure } from './failure.ts';
import { Output } from './output.ts';
import { limitLists, limitQueries } from './query-limits.ts';
import { Scheduler } from './scheduler.ts';
import { SOUNDING_INTERVAL_MS } from './sounding.ts';
import { Sounds } from './sounds.ts';
import { Stage } from './stage.ts';
import { startTicker } from './ticker.ts';
import { TimeLimit } from './time-limit.ts';
import { functionNames } from './vocabulary.ts';

/** A preview's length and how far ahead it is scheduled. */
const PREVIEW_SECONDS = 1;
const PREVIEW_AHEAD_SECONDS = 0.05;
/** What a preview of a sound plays, when nothing else is asked for: C3, at which samples are as recorded. */
const PREVIEW_NOTE = 48;

export class Player {
  readonly #say: (message: FromPlayer) => void;
  readonly #limit = new TimeLimit();
  readonly #clocks = new Clocks(() => Date.now());
  readonly #output = new Output();
  readonly #sounds = new Sounds();
  readonly #scheduler: Scheduler;
  readonly #evaluator: Evaluator;
  readonly #stage: Stage;
  /** The code that plays, for the places of its errors. */
  #code = '';
  /** The newest evaluation. */
  #newestId = -1;
  /** What was said of the code that plays: the same trouble comes with every beat. */
  readonly #said = new Set<string>();
  #isTicking = false;

  constructor(say: (message: FromPlayer) => void) {
    this.#say = say;
    limitQueries(this.#limit);
    limitLists();
    this.#limit.coverLibrary();
    this.#scheduler = new Scheduler(this.#clocks, this.#limit, {
      onFailure: (error, hap) => this.#onFailure(error, hap),
      onSounding: (id, places) => say({ type: 'sounding', id, places }),
    });
    this.#evaluator = new Evaluator(this.#limit, () => this.#scheduler.cycle ?? 0);
    this.#stage = new Stage(this.#scheduler, () => this.#output.wave());
  }

  /** Says what may be written, now and when more sounds are known. */
  async announce(): Promise<void> {
    this.#say({ type: 'ready' });
    this.#sayNames();
    await this.#sounds.load();
    this.#sayNames();
  }

  handle(message: ToPlayer): void {
    this.#limit.begin();
    switch (message.type) {
      case 'evaluate':
        void this.#evaluate(message.id, message.code, message.at);
        return;
      case 'stop':
        this.#stop();
        return;
      case 'volume':
        this.#output.setVolume(message.volume);
        return;
      case 'clock':
        this.#clocks.setOffset(message.offset_ms);
        return;
      case 'preview':
        void this.#preview(message.sound, message.note ?? PREVIEW_NOTE);
        return;
      case 'show':
        this.#stage.show(message.visual);
        return;
      case 'measure':
        this.#measure(message.id);
        return;
      case 'ping':
        this.#say({ type: 'pong', id: message.id });
        return;
    }
  }

  async #evaluate(id: number, code: string, at: Anchor | undefined): Promise<void> {
    this.#newestId = id;
    try {
      const [evaluated] = await Promise.all([
        this.#evaluator.evaluate(code, (result) => this.#scheduler.probe(result, at)),
        this.#startOutput(),
      ]);
      if (this.#newestId !== id) {
        throw new PatternFailure('superseded', 'A newer evaluation has taken its place.', null);
      }
      this.#code = code;
      this.#said.clear();
      this.#clocks.sample(this.#output.now);
      const { anchor, cyclesPerSecond } = this.#scheduler.play(id, evaluated, at);
      setPattern(evaluated.pattern);
      setIsStarted(true);
      setTriggerFunc(null);
      this.#say({ type: 'started', id, at: anchor, cycles_per_second: cyclesPerSecond });
      this.#tick();
      this.#stage.refresh();
    } catch (error) {
      const failure =
        error instanceof PatternFailure ? error : new PatternFailure('runtime', messageOf(error), null);
      this.#say({ type: 'error', id, error: describeFailure(failure, code) });
    }
  }

  async #startOutput(): Promise<void> {
    await this.#output.start();
    await this.#sounds.prepareKit();
    if (this.#isTicking) return;
    this.#isTicking = true;
    startTicker(SOUNDING_INTERVAL_MS, () => this.#tick());
  }

  #tick(): void {
    this.#limit.begin();
    const wasPlaying = this.#scheduler.isPlaying;
    this.#scheduler.tick(this.#output.now);
    if (wasPlaying && !this.#scheduler.isPlaying) this.#stop();
  }

  #stop(): void {
    // What took too long has used up the time of this task.
    this.#limit.begin();
    // An evaluation that is under way doesn't start what was stopped.
    this.#newestId = -1;
    this.#scheduler.stop();
    this.#stage.refresh();
    this.#output.silence();
    setIsStarted(false);
    reset_state();
    this.#say({ type: 'stopped' });
  }

  async #preview(sound: string, note: number): Promise<void> {
    try {
      await this.#startOutput();
      const [s = sound, n] = sound.split(':');
      const value = { s, note, ...(n === undefined ? {} : { n: Number(n) || 0 }) };
      await superdough(value, this.#output.now + PREVIEW_AHEAD_SECONDS, PREVIEW_SECONDS, 1, 0);
    } catch (error) {
      this.#onFailure(error, null);
    }
  }

  #measure(id: number): void {
    const { rms, peak, recentPeak, frequencyHz } = this.#output.level();
    const { cycle } = this.#scheduler;
    this.#say({ type: 'measured', id, rms, peak, recent_peak: recentPeak, frequency_hz: frequencyHz, cycle });
  }

  /** Trouble of what plays. @param hap the event that met it */
  #onFailure(error: unknown, hap: Hap | null): void {
    const [place] = hap?.context.locations ?? [];
    const message = messageOf(error);
    const [, missing] = /^sound (.+) not found/.exec(message) ?? [];
    // It may come with a sample map.
    if (missing !== undefined && this.#sounds.isLoading) return;
    const failure =
      error instanceof PatternFailure
        ? error
        : missing !== undefined
          ? new PatternFailure('sound', `There is no sound “${missing}”.`, place?.start ?? null)
          : new PatternFailure('runtime', message, place?.start ?? null);
    if (this.#said.has(failure.message)) return;
    this.#said.add(failure.message);
    this.#say({ type: 'error', error: describeFailure(failure, this.#code) });
  }

  #sayNames(): void {
    this.#say({ type: 'names', functions: functionNames(), sounds: this.#sounds.names() });
  }
}
