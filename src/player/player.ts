/** What the page asks for, done: each message in its turn, each answer by its id. */
import { type Hap, reset_state, setIsStarted, setPattern, setTriggerFunc } from '@strudel/core';
import { superdough } from 'superdough';
import type { Anchor, FromPlayer, ToPlayer } from '../protocol/player.ts';
import { Clocks } from './clocks.ts';
import { Evaluator } from './evaluation.ts';
import { describeFailure, messageOf, PatternFailure } from './failure.ts';
import { Interruption } from './interruption.ts';
import { Output } from './output.ts';
import { limitLists, limitQueries } from './query-limits.ts';
import { Scheduler } from './scheduler.ts';
import { useOf } from './sound-use.ts';
import { SOUNDING_INTERVAL_MS } from './sounding.ts';
import { Sounds } from './sounds.ts';
import { Stage } from './stage.ts';
import { startTicker } from './ticker.ts';
import { TimeLimit } from './time-limit.ts';
import { UnheardSounds } from './unheard.ts';
import { functionNames } from './vocabulary.ts';

/** A preview's length and how far ahead it is scheduled. */
const PREVIEW_SECONDS = 1;
const PREVIEW_AHEAD_SECONDS = 0.05;
/** What a preview of a sound plays, when nothing else is asked for: C3, at which samples are as recorded. */
const PREVIEW_NOTE = 48;
/** One is in time once its sample is there, which may have to be loaded twice. */
const MAX_PREVIEW_ATTEMPTS = 3;
/** A sound that still isn't heard may have another reason by then. */
const EXPLAIN_INTERVAL_MS = 5_000;
const RESUME_INTERVAL_MS = 1_000;

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
  /** Of the code that plays. */
  #unheard = new UnheardSounds();
  /** When the trouble of its sounds may be looked into again, by their keys. */
  #explainNextMs = new Map<string, number>();
  readonly #interruption = new Interruption();
  #resumeNextMs = 0;
  #isTicking = false;

  constructor(say: (message: FromPlayer) => void) {
    this.#say = say;
    limitQueries(this.#limit);
    limitLists();
    this.#limit.coverLibrary();
    this.#scheduler = new Scheduler(this.#clocks, this.#limit, {
      onFailure: (error) => this.#onFailure(error),
      onEvent: (hap, sound) => void this.#sound(hap, sound),
      onSounding: (id, places) => say({ type: 'sounding', id, places }),
    });
    this.#evaluator = new Evaluator(this.#limit, () => this.#scheduler.cycle ?? 0);
    this.#stage = new Stage(this.#scheduler, () => this.#output.wave());
  }

  /** Says what may be written, now and when more sounds are known. */
  async announce(): Promise<void> {
    this.#say({ type: 'ready' });
    this.#sayNames();
    window.addEventListener('online', () => void this.#loadSounds());
    // Of code that doesn't wait for its sample maps.
    window.addEventListener('unhandledrejection', ({ reason }) => {
      if (reason instanceof PatternFailure) this.#onFailure(reason);
    });
    await this.#loadSounds();
  }

  async #loadSounds(): Promise<void> {
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
    if (this.#sounds.isToLoadAgain) void this.#loadSounds();
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
      this.#unheard = new UnheardSounds();
      this.#explainNextMs = new Map();
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
    this.#sayUnheard();
    this.#watchOutput();
  }

  /** An event, from the synthesizer's first word to its last. What it can't make is told. */
  async #sound(hap: Hap, sound: () => Promise<void>): Promise<void> {
    const unheard = this.#unheard;
    const nextMs = this.#explainNextMs;
    // The synthesizer writes into the value.
    const value = typeof hap.value === 'object' ? { ...hap.value } : hap.value;
    const use = useOf(value, hap, this.#code);
    const isFollowed = unheard.ask(use, performance.now());
    try {
      await sound();
      unheard.hear(use.key);
    } catch (error) {
      if (!isFollowed || (nextMs.get(use.key) ?? 0) > performance.now()) return;
      nextMs.set(use.key, Number.POSITIVE_INFINITY);
      const trouble = await this.#sounds.explain(use, value, error);
      nextMs.set(use.key, performance.now() + EXPLAIN_INTERVAL_MS);
      if (trouble) unheard.fail(use.key, trouble);
      else unheard.hear(use.key);
    }
  }

  #sayUnheard(): void {
    const id = this.#scheduler.playingId;
    const sounds = id === null ? null : this.#unheard.changeAt(performance.now());
    if (id !== null && sounds) this.#say({ type: 'unheard', id, sounds });
  }

  #watchOutput(): void {
    const isSilenced = this.#scheduler.isPlaying && !this.#output.isRunning;
    const nowMs = performance.now();
    if (isSilenced && nowMs >= this.#resumeNextMs) {
      this.#resumeNextMs = nowMs + RESUME_INTERVAL_MS;
      this.#output.resume();
    }
    const isInterrupted = this.#interruption.changeAt(nowMs, isSilenced);
    if (isInterrupted !== null) this.#say({ type: 'interrupted', is_interrupted: isInterrupted });
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
    const [s = sound, n] = sound.split(':');
    const value = { s, note, ...(n === undefined ? {} : { n: Number(n) || 0 }) };
    const use = useOf(value, null, '');
    try {
      await this.#startOutput();
    } catch (error) {
      this.#onFailure(error);
      return;
    }
    for (let attempt = 0; attempt < MAX_PREVIEW_ATTEMPTS; attempt++) {
      try {
        const at = this.#output.now + PREVIEW_AHEAD_SECONDS;
        await superdough({ ...value }, at, PREVIEW_SECONDS, 1, 0);
        if (this.#output.now <= at) return;
      } catch (error) {
        const trouble = await this.#sounds.explain(use, value, error);
        if (!trouble) continue;
        this.#say({
          type: 'error',
          error: { kind: 'sound', message: trouble.message, line: null, column: null },
        });
        return;
      }
    }
  }

  #measure(id: number): void {
    const { rms, peak, recentPeak, frequencyHz } = this.#output.level();
    const { cycle } = this.#scheduler;
    this.#say({ type: 'measured', id, rms, peak, recent_peak: recentPeak, frequency_hz: frequencyHz, cycle });
  }

  /** Trouble of what plays. */
  #onFailure(error: unknown): void {
    const failure =
      error instanceof PatternFailure ? error : new PatternFailure('runtime', messageOf(error), null);
    if (this.#said.has(failure.message)) return;
    this.#said.add(failure.message);
    this.#say({ type: 'error', error: describeFailure(failure, this.#code) });
  }

  #sayNames(): void {
    this.#say({ type: 'names', functions: functionNames(), sounds: this.#sounds.names() });
  }
}
