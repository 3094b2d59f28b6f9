/**
 * Draws what plays, on a canvas that fills the frame: the piano roll or the oscilloscope. It draws only while
 * something plays and the page shows it; after that the canvas is empty.
 */
import type { Visual } from '../protocol/player.ts';
import { CYCLES_AHEAD, CYCLES_BEHIND, Roll, type RollNote } from './roll.ts';
import type { Scheduler } from './scheduler.ts';

/** More than two pixels a point can't be seen, and they cost. */
const MAX_PIXEL_RATIO = 2;
/** Between two pictures: 30 a second are smooth enough for both, and half the work. */
const MIN_INTERVAL_MS = 30;
/** Without motion: how often it is looked whether the page is to be turned. */
const STILL_INTERVAL_MS = 250;
/** A picture without motion shows so many cycles, and then the next. */
const STILL_CYCLES = 4;
/** Fewer semitones than these would make rows too high. */
const MIN_SEMITONES = 14;
/** The part of the height for sounds without a pitch, where there are others. */
const LANES_PART = 0.35;
const MAX_ROW_PX = 22;
/** What is shown of the wave: 43 ms at 48 kHz, by every fourth sample. */
const WAVE_SAMPLES = 2_048;
const WAVE_STEP = 4;

interface Area {
  width: number;
  height: number;
}

export class Stage {
  readonly #scheduler: Scheduler;
  readonly #wave: () => Float32Array | null;
  readonly #lessMotion = matchMedia('(prefers-reduced-motion: reduce)');
  #visual: Visual | null = null;
  #canvas: HTMLCanvasElement | null = null;
  #roll: Roll | null = null;
  /** The evaluation that the roll is of. */
  #rollId: number | null = null;
  #isDrawing = false;
  #drawnMs = 0;
  /** What a still picture shows. */
  #still = '';

  /** @param wave what has just come out, newest last */
  constructor(scheduler: Scheduler, wave: () => Float32Array | null) {
    this.#scheduler = scheduler;
    this.#wave = wave;
  }

  show(visual: Visual | null): void {
    this.#visual = visual;
    this.#still = '';
    this.#roll = null;
    if (visual) this.#prepare(visual);
    this.refresh();
  }

  /** Something begins to play, or has ended. */
  refresh(): void {
    if (this.#isActive) this.#drawSoon();
    else this.#clear();
  }

  get #isActive(): boolean {
    return this.#visual !== null && this.#scheduler.isPlaying;
  }

  get #isStill(): boolean {
    return this.#lessMotion.matches && this.#visual?.moves === false;
  }

  /** The page's policy for this frame allows no style sheet; what a script sets it does. */
  #prepare({ colors }: Visual): void {
    const { documentElement: root, body } = document;
    root.style.colorScheme = colors.scheme;
    root.style.background = colors.ground;
    if (this.#canvas) return;
    for (const element of body.children) if (element instanceof HTMLElement) element.hidden = true;
    const canvas = document.createElement('canvas');
    canvas.ariaHidden = 'true';
    Object.assign(canvas.style, { position: 'fixed', inset: '0', width: '100%', height: '100%' });
    body.append(canvas);
    this.#canvas = canvas;
    new ResizeObserver(() => this.#fit(canvas)).observe(canvas);
    this.#fit(canvas);
  }

  #fit(canvas: HTMLCanvasElement): void {
    const ratio = Math.min(MAX_PIXEL_RATIO, devicePixelRatio);
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    this.#still = '';
  }

  #drawSoon(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    if (this.#isStill) setTimeout(() => this.#next(), STILL_INTERVAL_MS);
    else requestAnimationFrame(() => this.#next());
  }

  #next(): void {
    this.#isDrawing = false;
    if (!this.#isActive) {
      this.#clear();
      return;
    }
    // First, so that a picture that fails isn't the last one.
    this.#drawSoon();
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs >= MIN_INTERVAL_MS) {
      this.#drawnMs = nowMs;
      this.#draw();
    }
  }

  #clear(): void {
    this.#roll = null;
    this.#still = '';
    const canvas = this.#canvas;
    canvas?.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
  }

  #draw(): void {
    const canvas = this.#canvas;
    const context = canvas?.getContext('2d');
    const { cycle } = this.#scheduler;
    if (!this.#visual || !canvas || !context || cycle === null) return;
    // Hidden by the page's layout.
    if (canvas.width === 0 || canvas.height === 0) return;
    if (this.#visual.view === 'roll') this.#drawRoll(context, canvas, cycle, this.#visual);
    else this.#drawWave(context, canvas, this.#visual);
  }

  #drawRoll(context: CanvasRenderingContext2D, area: Area, cycle: number, { colors }: Visual): void {
    const id = this.#scheduler.playingId;
    this.#roll ??= new Roll(cycle);
    if (id !== this.#rollId) this.#roll.change(cycle);
    this.#rollId = id;
    this.#roll.advance(cycle, (begin, end) => this.#scheduler.look(begin, end));
    const { notes, voices } = this.#roll;
    const isStill = this.#isStill;
    const from = isStill ? Math.floor(cycle / STILL_CYCLES) * STILL_CYCLES : cycle - CYCLES_BEHIND;
    const cycles = isStill ? STILL_CYCLES : CYCLES_BEHIND + CYCLES_AHEAD;
    const still = `${id} ${from} ${notes.length}`;
    if (isStill && still === this.#still) return;
    this.#still = still;

    const { width, height } = area;
    const xOf = (at: number) => ((at - from) / cycles) * width;
    const rows = rowsOf(notes, voices, height);
    context.clearRect(0, 0, width, height);
    context.globalAlpha = 1;
    context.fillStyle = colors.line;
    for (let at = Math.ceil(from); at <= from + cycles; at++)
      context.fillRect(Math.round(xOf(at)), 0, 1, height);
    for (const note of notes) {
      const left = xOf(note.begin);
      const length = Math.max(2, xOf(note.end) - left - 1);
      if (left > width || left + length < 0) continue;
      const sounds = !isStill && note.begin <= cycle && cycle < note.end;
      context.globalAlpha = sounds || isStill ? 1 : note.end <= cycle ? 0.35 : 0.6;
      context.fillStyle = colors.marks[note.voice % colors.marks.length] ?? colors.now;
      // One that isn't a colour changes nothing.
      if (note.color !== null) context.fillStyle = note.color;
      const [top, thickness] = rows(note);
      context.fillRect(left, top, length, thickness);
    }
    context.globalAlpha = 1;
    if (isStill) return;
    context.fillStyle = colors.now;
    context.fillRect(Math.round(xOf(cycle)), 0, Math.max(1, Math.round(width / 600)), height);
  }

  #drawWave(context: CanvasRenderingContext2D, { width, height }: Area, { colors }: Visual): void {
    const wave = this.#isStill ? null : this.#wave();
    context.clearRect(0, 0, width, height);
    context.globalAlpha = 1;
    context.strokeStyle = colors.now;
    context.lineWidth = Math.max(1, height / 120);
    context.lineJoin = 'round';
    context.beginPath();
    const begin = wave ? triggerOf(wave) : 0;
    for (let index = 0; index < WAVE_SAMPLES; index += WAVE_STEP) {
      const sample = Math.max(-1, Math.min(1, wave?.[begin + index] ?? 0));
      context.lineTo((index / (WAVE_SAMPLES - WAVE_STEP)) * width, ((1 - sample * 0.92) / 2) * height);
    }
    context.stroke();
  }
}

/** A rising zero crossing to begin at, so that the wave stands still; as late as it can be. */
function triggerOf(wave: Float32Array): number {
  const latest = Math.max(0, wave.length - WAVE_SAMPLES);
  const earliest = Math.max(1, latest - WAVE_SAMPLES);
  for (let index = latest; index >= earliest; index--) {
    if ((wave[index - 1] ?? 0) < 0 && (wave[index] ?? 0) >= 0) return index;
  }
  return latest;
}

/** Drums from the lowest row up, as in a drum part; others stand above them, as they come. */
const DRUMS = ['bd', 'sd', 'rim', 'cp', 'hh', 'oh', 'lt', 'mt', 'ht', 'cr'];

/** Where events go: pitches above, by height; sounds without a pitch below, a row for each. */
function rowsOf(
  notes: readonly RollNote[],
  voices: readonly string[],
  height: number,
): (note: RollNote) => [top: number, height: number] {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  const lanes = new Map<number, number>();
  for (const { pitch, voice } of notes) {
    if (pitch === null) lanes.set(voice, 0);
    else {
      lowest = Math.min(lowest, pitch);
      highest = Math.max(highest, pitch);
    }
  }
  const rank = (voice: number) => {
    const drum = DRUMS.indexOf(voices[voice] ?? '');
    return drum === -1 ? DRUMS.length + voice : drum;
  };
  const inOrder = [...lanes.keys()].sort((a, b) => rank(a) - rank(b));
  for (const [index, voice] of inOrder.entries()) lanes.set(voice, index);
  const hasPitches = lowest <= highest;
  const wanted = hasPitches ? Math.min(height * LANES_PART, lanes.size * MAX_ROW_PX * 2) : height;
  const lanesHeight = lanes.size === 0 ? 0 : wanted;
  const lane = lanesHeight / Math.max(1, lanes.size);
  const middle = (lowest + highest) / 2;
  const semitones = Math.max(MIN_SEMITONES, highest - lowest + 2);
  const row = (height - lanesHeight) / semitones;
  return ({ pitch, voice }) => {
    if (pitch === null) {
      const thickness = Math.min(lane * 0.7, MAX_ROW_PX * 2);
      const bottom = height - (lanes.get(voice) ?? 0) * lane;
      return [bottom - (lane + thickness) / 2, thickness];
    }
    const thickness = Math.max(2, Math.min(row * 0.9, MAX_ROW_PX));
    const center = ((middle - pitch) / semitones + 0.5) * (height - lanesHeight);
    return [center - thickness / 2, thickness];
  };
}
