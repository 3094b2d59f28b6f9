/**
 * The events around now, as the piano roll draws them. The pattern is asked a cycle at a time, once for each:
 * what is drawn sixty times a second is only looked up. Pure: no clock, no canvas.
 */
import { freqToMidi, type Hap, isNote, noteToMidi } from '@strudel/core';

/** How much of the past and of the future is shown, in cycles. */
export const CYCLES_BEHIND = 1.5;
export const CYCLES_AHEAD = 2.5;
/** Events that are kept; more would be a grey area. */
const MAX_NOTES = 1_000;
/** Sounds without a pitch that have a row of their own; the others share the last. */
const MAX_LANES = 24;
/** Between two pictures no more than this goes by, unless cycles are tied to another time. */
const MAX_STEP_CYCLES = 0.5;
/** A pattern that can't be asked in time is left alone after so many times. */
const MAX_FAILURES = 3;

export interface RollNote {
  /** In cycles. */
  begin: number;
  end: number;
  /** MIDI; null: the sound has no pitch, and a row by its name. */
  pitch: number | null;
  /** The number of its sound, among those that have been seen. */
  voice: number;
  /** That the pattern gave it. */
  color: string | null;
}

export type Look = (begin: number, end: number) => Hap[] | null;

export class Roll {
  notes: RollNote[] = [];
  /** The sounds that have been seen, in the order of their first event. */
  readonly voices: string[] = [];
  /** Of the newest picture. */
  #cycle: number;
  #askedTo: number;
  #failures = 0;

  /** @param cycle now: of a pattern that has been playing, its past is asked for, too. */
  constructor(cycle: number) {
    this.#cycle = cycle;
    this.#askedTo = Math.max(0, cycle - CYCLES_BEHIND);
  }

  /** Another pattern plays from this cycle on. What has sounded stays, if its cycles are counted on. */
  change(cycle: number): void {
    const goesOn = Math.abs(cycle - this.#cycle) < MAX_STEP_CYCLES;
    this.notes = (goesOn ? this.notes : [])
      .filter(({ begin }) => begin < cycle)
      .map((note) => ({ ...note, end: Math.min(note.end, cycle) }));
    this.#askedTo = cycle;
    this.#failures = 0;
  }

  /** Forgets what is past, and asks for what comes into sight: for one cycle at most. */
  advance(cycle: number, look: Look): void {
    this.#cycle = cycle;
    const from = cycle - CYCLES_BEHIND;
    // A clock that was set, or a pause of the browser's.
    if (this.#askedTo < from) this.#askedTo = from;
    if (this.notes.some(({ end }) => end < from)) this.notes = this.notes.filter(({ end }) => end >= from);
    if (this.#askedTo >= cycle + CYCLES_AHEAD || this.#failures >= MAX_FAILURES) return;
    const end = Math.floor(this.#askedTo) + 1;
    const haps = look(this.#askedTo, end);
    if (!haps) this.#failures += 1;
    this.#askedTo = end;
    for (const hap of haps ?? []) {
      if (this.notes.length >= MAX_NOTES) break;
      const note = this.#noteOf(hap);
      if (note) this.notes.push(note);
    }
  }

  #noteOf({ whole, value, endClipped }: Hap): RollNote | null {
    if (!whole) return null;
    const fields: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
    const { s, color } = fields;
    const pitch = pitchOf(fields);
    const sound = typeof s === 'string' ? s : pitch === null ? 'bd' : 'triangle';
    return {
      begin: whole.begin.valueOf(),
      end: endClipped.valueOf(),
      pitch,
      voice: this.#voiceOf(sound),
      color: typeof color === 'string' ? color : null,
    };
  }

  #voiceOf(sound: string): number {
    const known = this.voices.indexOf(sound);
    if (known !== -1) return known;
    if (this.voices.length >= MAX_LANES) return MAX_LANES - 1;
    return this.voices.push(sound) - 1;
  }
}

function pitchOf({ note, freq }: Record<string, unknown>): number | null {
  if (typeof freq === 'number' && freq > 0) return freqToMidi(freq);
  if (typeof note === 'number' && Number.isFinite(note)) return note;
  return isNote(note) ? noteToMidi(String(note)) : null;
}
