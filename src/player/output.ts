/**
 * What comes out: Strudel's mix goes through the volume to the loudspeakers, and past a meter. The audio
 * context is made when it is first needed, after a click in the page outside.
 */
import { getAudioContext, getSuperdoughAudioController, loadWorklets, resetGlobalEffects } from 'superdough';
import { PatternFailure } from './failure.ts';
import { type Level, measureLevel } from './level.ts';

/** The browser may refuse to play until there is a click. */
const MAX_RESUME_MS = 3_000;
const FADE_SECONDS = 0.02;
/** 170 ms at 48 kHz. */
const METER_SAMPLES = 8_192;

export class Output {
  #volume = 1;
  #gain: GainNode | null = null;
  #meter: AnalyserNode | null = null;
  #worklets: Promise<unknown> | null = null;
  #wave: Float32Array<ArrayBuffer> | null = null;

  /** In seconds of the audio's clock. */
  get now(): number {
    return getAudioContext().currentTime;
  }

  /** The device lets it sound. */
  get isRunning(): boolean {
    return getAudioContext().state === 'running';
  }

  /** Asks the device to let it sound again. */
  resume(): void {
    getAudioContext()
      .resume()
      .catch(() => {});
  }

  /** @throws {PatternFailure} `audio_blocked`, when the browser wants a click first */
  async start(): Promise<void> {
    const context = getAudioContext();
    if (!this.#gain || !this.#meter) {
      this.#gain = new GainNode(context, { gain: this.#volume });
      this.#meter = new AnalyserNode(context, { fftSize: METER_SAMPLES });
      this.#gain.connect(this.#meter).connect(context.destination);
      this.#connectMix();
    }
    if (context.state !== 'running') await resumed(context);
    this.#worklets ??= loadWorklets();
    await this.#worklets;
    this.#fadeTo(this.#volume);
  }

  setVolume(volume: number): void {
    this.#volume = volume;
    this.#fadeTo(volume);
  }

  /** Cuts off all that sounds, tails of effects too. */
  silence(): void {
    if (!this.#gain) return;
    // A new mix: what still sounds is connected to the old one, which is connected to nothing.
    resetGlobalEffects();
    this.#connectMix();
  }

  level(): Level {
    if (!this.#meter) return { rms: 0, peak: 0, recentPeak: 0, frequencyHz: null };
    const samples = new Float32Array(this.#meter.fftSize);
    this.#meter.getFloatTimeDomainData(samples);
    return measureLevel(samples, this.#meter.context.sampleRate);
  }

  /** @returns the last 170 ms that came out, newest last, in a list that is used again; null before any */
  wave(): Float32Array | null {
    if (!this.#meter) return null;
    this.#wave ??= new Float32Array(this.#meter.fftSize);
    this.#meter.getFloatTimeDomainData(this.#wave);
    return this.#wave;
  }

  #connectMix(): void {
    const { destinationGain } = getSuperdoughAudioController().output;
    destinationGain.disconnect();
    if (this.#gain) destinationGain.connect(this.#gain);
  }

  #fadeTo(volume: number): void {
    this.#gain?.gain.setTargetAtTime(volume, this.now, FADE_SECONDS);
  }
}

async function resumed(context: AudioContext): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const failure = new PatternFailure('audio_blocked', 'The browser wants a click before it plays.', null);
    timer = setTimeout(() => reject(failure), MAX_RESUME_MS);
  });
  try {
    await Promise.race([context.resume(), late]);
  } finally {
    clearTimeout(timer);
  }
}
