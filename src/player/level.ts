/** How loud and how high a stretch of audio is. */

export interface Level {
  rms: number;
  peak: number;
  /** The greatest amplitude of its last milliseconds. */
  recentPeak: number;
  /** Null when it is silent, or has no steady pitch. */
  frequencyHz: number | null;
}

const RECENT_SAMPLES = 512;
const SILENCE = 1e-4;
/** How many upward zero crossings it takes to tell a pitch. */
const MIN_CROSSINGS = 4;

export function measureLevel(samples: Float32Array, sampleRate: number): Level {
  const squares = samples.reduce((sum, sample) => sum + sample * sample, 0);
  const peak = peakOf(samples);
  return {
    rms: Math.sqrt(squares / Math.max(1, samples.length)),
    peak,
    recentPeak: peakOf(samples.subarray(-RECENT_SAMPLES)),
    frequencyHz: peak < SILENCE ? null : frequency(samples, sampleRate),
  };
}

const peakOf = (samples: Float32Array) =>
  samples.reduce((greatest, sample) => Math.max(greatest, Math.abs(sample)), 0);

/** By the upward zero crossings, each placed between two samples by linear interpolation. */
function frequency(samples: Float32Array, sampleRate: number): number | null {
  const crossings: number[] = [];
  for (let index = 1; index < samples.length; index++) {
    const before = samples[index - 1] ?? 0;
    const after = samples[index] ?? 0;
    if (before < 0 && after >= 0) crossings.push(index - 1 + before / (before - after));
  }
  const [first = 0] = crossings;
  const last = crossings.at(-1) ?? 0;
  if (crossings.length < MIN_CROSSINGS || last === first) return null;
  return ((crossings.length - 1) / (last - first)) * sampleRate;
}
