/** Histograms of times, in microseconds, that can be sent between processes and added up. */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** Anything slower counts as this slow: ten minutes. */
const MAX_US = 600_000_000;

export class Latencies {
  readonly #histogram: Histogram;

  constructor() {
    this.#histogram = build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: MAX_US,
      numberOfSignificantValueDigits: 2,
    });
  }

  static merged(encoded: readonly string[]): Latencies {
    const merged = new Latencies();
    for (const text of encoded) merged.#histogram.add(decodeFromCompressedBase64(text));
    return merged;
  }

  record(ms: number): void {
    this.#histogram.recordValue(Math.min(MAX_US, Math.max(1, Math.round(ms * 1000))));
  }

  /** In milliseconds; null when nothing was recorded. */
  percentile(percent: number): number | null {
    if (this.count === 0) return null;
    return this.#histogram.getValueAtPercentile(percent) / 1000;
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  encoded(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  reset(): void {
    this.#histogram.reset();
  }

  summary(): LatencySummary | null {
    if (this.count === 0) return null;
    const at = (percent: number) => this.#histogram.getValueAtPercentile(percent) / 1000;
    return { count: this.count, p50: at(50), p95: at(95), p99: at(99), max: this.#histogram.maxValue / 1000 };
  }
}

/** In milliseconds. */
export interface LatencySummary {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}
