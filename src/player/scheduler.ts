/**
 * Plays a pattern: asks it a little ahead of time what comes, and hands each event to the synthesizer with
 * its time by the audio's clock.
 */
import { type Hap, type Pattern, State, TimeSpan } from '@strudel/core';
import { webaudioOutput } from '@strudel/webaudio';
import type { Anchor, Place } from '../protocol/player.ts';
import type { Clocks } from './clocks.ts';
import { DEFAULT_CYCLES_PER_SECOND, type Evaluated } from './evaluation.ts';
import { PatternFailure } from './failure.ts';
import { Sounding } from './sounding.ts';
import type { TimeLimit } from './time-limit.ts';
import { Transport } from './transport.ts';

/** How far ahead events are scheduled: longer than a tick, with room for a busy moment. */
const LOOKAHEAD_MS = 200;
/** A first event isn't scheduled nearer than this. */
const HEADSTART_MS = 60;
/** A player that starts by itself waits this long, so that its first event is on time. */
const START_DELAY_MS = 120;
/** Events in one look ahead: more would stop the browser rather than sound. */
const MAX_ONSETS = 500;
/** How long one query may take while it plays. */
const MAX_QUERY_MS = 500;
/** A pattern is stopped by so many queries that took too long within this time: one may be the computer's. */
const MAX_SLOW_QUERIES = 3;
const SLOW_QUERIES_WINDOW_MS = 30_000;
/** How long the picture of what plays may take to ask: a frame or two, far less than is scheduled ahead. */
const MAX_LOOK_MS = 40;

interface Playing {
  /** The evaluation that plays. */
  id: number;
  pattern: Pattern;
  transport: Transport;
  /** Up to here it was asked. */
  nextCycle: number;
}

export interface SchedulerEvents {
  /** The pattern can't tell what comes next; with `too_long` it has been stopped. */
  onFailure(error: unknown): void;
  /** An event is due. @param sound hands it to the synthesizer; it fails if that can't make it */
  onEvent(hap: Hap, sound: () => Promise<void>): void;
  onSounding(id: number, places: Place[]): void;
}

export class Scheduler {
  readonly #clocks: Clocks;
  readonly #limit: TimeLimit;
  readonly #events: SchedulerEvents;
  readonly #sounding = new Sounding();
  #playing: Playing | null = null;
  /** When queries took too long. */
  #slowMs: number[] = [];

  constructor(clocks: Clocks, limit: TimeLimit, events: SchedulerEvents) {
    this.#clocks = clocks;
    this.#limit = limit;
    this.#events = events;
  }

  get isPlaying(): boolean {
    return this.#playing !== null;
  }

  /** The cycle now; null when nothing plays. */
  get cycle(): number | null {
    return this.#playing ? this.#playing.transport.cycleAt(this.#clocks.roomMs()) : null;
  }

  /** The evaluation that plays; null when nothing does. */
  get playingId(): number | null {
    return this.#playing?.id ?? null;
  }

  /** The events that begin in a stretch of cycles, for a picture; null where that can't be told in time. */
  look(begin: number, end: number): Hap[] | null {
    if (!this.#playing) return null;
    const { pattern, transport } = this.#playing;
    try {
      this.#limit.begin(MAX_LOOK_MS);
      return ask(pattern, begin, end, transport.cyclesPerSecond).filter((hap) => hap.hasOnset());
    } catch {
      // Whatever is wrong is said when it is played.
      return null;
    } finally {
      // What is made of them has the time of any other task.
      this.#limit.begin();
    }
  }

  get cyclesPerSecond(): number {
    return this.#playing?.transport.cyclesPerSecond ?? DEFAULT_CYCLES_PER_SECOND;
  }

  /** Where a pattern would begin, if it were played now: the first cycle that it would be asked for. */
  planFor(cyclesPerSecond: number, at: Anchor | undefined): { transport: Transport; firstCycle: number } {
    const nowMs = this.#clocks.roomMs();
    if (at) {
      const transport = new Transport(at, cyclesPerSecond);
      return { transport, firstCycle: Math.max(at.cycle, transport.cycleAt(nowMs + HEADSTART_MS)) };
    }
    if (this.#playing) {
      const { transport, nextCycle } = this.#playing;
      const firstCycle = Math.max(nextCycle, transport.cycleAt(nowMs + HEADSTART_MS));
      return { transport: transport.withTempo(cyclesPerSecond, firstCycle), firstCycle };
    }
    const start = { room_ms: nowMs + START_DELAY_MS, cycle: 0 };
    return { transport: new Transport(start, cyclesPerSecond), firstCycle: 0 };
  }

  /** @returns how many events the pattern's first cycle would have */
  probe({ pattern, cyclesPerSecond }: Evaluated, at: Anchor | undefined): number {
    const { firstCycle } = this.planFor(cyclesPerSecond, at);
    return ask(pattern, firstCycle, firstCycle + 1, cyclesPerSecond).length;
  }

  /** Plays this from now on, in the place of what played. @returns its tie to the room's clock */
  play(id: number, { pattern, cyclesPerSecond }: Evaluated, at: Anchor | undefined): Transport {
    const { transport, firstCycle } = this.planFor(cyclesPerSecond, at);
    this.#playing = { id, pattern, transport, nextCycle: firstCycle };
    this.#slowMs = [];
    // What the old code had sounding has no places in the new.
    if (this.#sounding.clear()) this.#events.onSounding(id, []);
    return transport;
  }

  stop(): void {
    if (this.#playing && this.#sounding.clear()) this.#events.onSounding(this.#playing.id, []);
    this.#playing = null;
  }

  /** Schedules what comes next. Called often. @param audioSeconds the audio's clock */
  tick(audioSeconds: number): void {
    this.#clocks.sample(audioSeconds);
    if (!this.#playing) return;
    this.#schedule(this.#playing, audioSeconds);
    const { id, transport } = this.#playing ?? {};
    if (id === undefined || !transport) return;
    const places = this.#sounding.changeAt(transport.cycleAt(this.#clocks.roomMs()));
    if (places) this.#events.onSounding(id, places);
  }

  #schedule(playing: Playing, audioSeconds: number): void {
    const nowMs = this.#clocks.roomMs();
    const { pattern, transport } = playing;
    const end = transport.cycleAt(nowMs + LOOKAHEAD_MS);
    // After a long pause of the browser's, what is past isn't made up for.
    const begin = Math.max(playing.nextCycle, transport.cycleAt(nowMs));
    if (end <= begin) return;
    playing.nextCycle = end;
    try {
      this.#limit.begin(MAX_QUERY_MS);
      const onsets = ask(pattern, begin, end, transport.cyclesPerSecond).filter((hap) => hap.hasOnset());
      if (onsets.length > MAX_ONSETS) {
        throw new PatternFailure('too_long', 'The pattern makes too many sounds at once.', null);
      }
      for (const hap of onsets) this.#trigger(playing, hap, audioSeconds);
    } catch (error) {
      if (error instanceof PatternFailure && error.kind === 'too_long') {
        this.#slowMs = [...this.#slowMs.filter((ms) => nowMs - ms < SLOW_QUERIES_WINDOW_MS), nowMs];
        if (this.#slowMs.length < MAX_SLOW_QUERIES) return;
        this.stop();
      }
      this.#events.onFailure(error);
    }
  }

  #trigger(playing: Playing, hap: Hap, audioSeconds: number): void {
    const { transport } = playing;
    const begin = hap.whole?.begin.valueOf() ?? 0;
    const at = this.#clocks.audioSecondsAt(transport.roomMsAt(begin));
    // The synthesizer can't schedule in the past.
    if (at <= audioSeconds) return;
    this.#sounding.add(hap);
    this.#events.onEvent(hap, () => this.#sound(hap, at, transport.cyclesPerSecond));
    const tempo = (hap.value as { cps?: unknown } | null)?.cps;
    if (typeof tempo === 'number' && tempo > 0 && tempo !== transport.cyclesPerSecond) {
      playing.transport = transport.withTempo(tempo, begin);
    }
  }

  async #sound(hap: Hap, at: number, cyclesPerSecond: number): Promise<void> {
    const { onTrigger, dominantTrigger } = hap.context;
    if (!onTrigger || !dominantTrigger) {
      await webaudioOutput(hap, 0, hap.duration.valueOf() / cyclesPerSecond, cyclesPerSecond, at);
    }
    await onTrigger?.(hap, this.cycle ?? 0, cyclesPerSecond, at);
  }
}

function ask(pattern: Pattern, begin: number, end: number, cyclesPerSecond: number): Hap[] {
  return pattern.query(new State(new TimeSpan(begin, end), { _cps: cyclesPerSecond, cyclist: 'cyclist' }));
}
