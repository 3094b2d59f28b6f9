/**
 * A drum kit made by arithmetic, so that there is a beat without any network. Each sound is a sum of decaying
 * sines and filtered noise; the recipes are our own.
 */

export const KIT_SAMPLE_RATE = 44_100;

/** Falls from 1 by a factor of e in each `decaySeconds`. */
const fall = (t: number, decaySeconds: number) => Math.exp(-t / decaySeconds);

/** Pseudo-random noise, the same each time (xorshift32). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 31 - 1;
  };
}

/** A one-pole high-pass filter. */
function highPass(cutoffHz: number): (input: number) => number {
  const factor = Math.exp((-2 * Math.PI * cutoffHz) / KIT_SAMPLE_RATE);
  let low = 0;
  return (input) => {
    low = input + (low - input) * factor;
    return input - low;
  };
}

/** A sine whose pitch falls from `fromHz` to `toHz`. */
function sweep(fromHz: number, toHz: number, fallSeconds: number): (t: number) => number {
  let phase = 0;
  return (t) => {
    phase += (toHz + (fromHz - toHz) * fall(t, fallSeconds)) / KIT_SAMPLE_RATE;
    return Math.sin(2 * Math.PI * phase);
  };
}

/** Six squares that share no partial: a cymbal's ring. */
const RING_HZ = [821.2, 1_217.6, 1_478.4, 2_090.8, 2_160, 3_200];

function metal(t: number): number {
  let sum = 0;
  for (const hz of RING_HZ) sum += (hz * t) % 1 < 0.5 ? 1 : -1;
  return sum / RING_HZ.length;
}

type Voice = (t: number) => number;

interface Recipe {
  seconds: number;
  voice: () => Voice;
}

function drum(hz: number, decaySeconds: number): Recipe {
  return {
    seconds: decaySeconds * 5,
    voice() {
      const tone = sweep(hz * 1.6, hz, 0.05);
      return (t) => tone(t) * fall(t, decaySeconds);
    },
  };
}

function cymbal(seed: number, decaySeconds: number, ring: number, cutoffHz: number): Recipe {
  return {
    seconds: decaySeconds * 6,
    voice() {
      const hiss = noise(seed);
      const filter = highPass(cutoffHz);
      const again = highPass(cutoffHz);
      return (t) => again(filter(hiss() * (1 - ring) + metal(t) * ring)) * fall(t, decaySeconds);
    },
  };
}

const RECIPES: Record<string, Recipe> = {
  bd: {
    seconds: 0.6,
    voice() {
      const body = sweep(180, 48, 0.035);
      const click = noise(11);
      return (t) => body(t) * fall(t, 0.14) + click() * 0.25 * fall(t, 0.003);
    },
  },
  sd: {
    seconds: 0.35,
    voice() {
      const body = sweep(260, 185, 0.02);
      const rattle = noise(23);
      const filter = highPass(1_200);
      return (t) => body(t) * 0.6 * fall(t, 0.06) + filter(rattle()) * 0.7 * fall(t, 0.075);
    },
  },
  cp: {
    seconds: 0.4,
    voice() {
      const hands = noise(37);
      const filter = highPass(900);
      // Three hands at once never clap at once.
      const clap = (t: number) =>
        Math.max(...[0, 0.011, 0.023].map((at) => (t < at ? 0 : fall(t - at, 0.004))));
      return (t) => filter(hands()) * (clap(t) + 0.5 * (t < 0.023 ? 0 : fall(t - 0.023, 0.07)));
    },
  },
  rim: {
    seconds: 0.09,
    voice: () => (t) =>
      (Math.sin(2 * Math.PI * 1_720 * t) + 0.7 * Math.sin(2 * Math.PI * 480 * t)) * fall(t, 0.012),
  },
  lt: drum(95, 0.14),
  mt: drum(140, 0.12),
  ht: drum(200, 0.1),
  hh: cymbal(41, 0.025, 0.35, 7_000),
  oh: cymbal(43, 0.14, 0.35, 6_500),
  cr: cymbal(47, 0.4, 0.25, 3_500),
};

export const KIT_NAMES = Object.keys(RECIPES);
/** The greatest amplitude of each. */
const LOUDNESS = 0.8;

/** @returns the samples of a sound of the kit; null when it isn't one */
export function kitSamples(name: string): Float32Array | null {
  const recipe = RECIPES[name];
  if (!recipe) return null;
  const voice = recipe.voice();
  const length = Math.round(recipe.seconds * KIT_SAMPLE_RATE);
  const samples = new Float32Array(length);
  let peak = 0;
  for (let index = 0; index < length; index++) {
    // The end is faded out, so that it doesn't click.
    const fade = Math.min(1, (length - index) / (0.01 * KIT_SAMPLE_RATE));
    const sample = voice(index / KIT_SAMPLE_RATE) * fade;
    samples[index] = sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  for (let index = 0; index < length; index++) samples[index] = ((samples[index] ?? 0) / peak) * LOUDNESS;
  return samples;
}

/** Samples as a WAV file: 16 bits, one channel. */
export function wavFile(samples: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + samples.length * 2);
  const view = new DataView(bytes.buffer);
  const ascii = (at: number, text: string) => {
    for (let index = 0; index < text.length; index++) view.setUint8(at + index, text.charCodeAt(index));
  };
  ascii(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  ascii(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, KIT_SAMPLE_RATE, true);
  view.setUint32(28, KIT_SAMPLE_RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  ascii(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  for (const [index, sample] of samples.entries()) {
    view.setInt16(44 + index * 2, Math.max(-1, Math.min(1, sample)) * 0x7fff, true);
  }
  return bytes;
}
