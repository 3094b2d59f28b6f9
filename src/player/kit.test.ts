/** The kit that needs no network: each sound is there, begins at once, ends, and has its register. */
import { expect, it } from 'vitest';
import { KIT_NAMES, KIT_SAMPLE_RATE, kitSamples, wavFile } from './kit.ts';

const samplesOf = (name: string) => kitSamples(name) ?? new Float32Array();
const peak = (samples: Float32Array) => Math.max(...samples.map(Math.abs));
/** Changes of sign a second: roughly twice the pitch. */
function crossings(samples: Float32Array): number {
  const count = samples.filter((sample, index) => sample < 0 !== (samples[index - 1] ?? 0) < 0).length;
  return (count / samples.length) * KIT_SAMPLE_RATE;
}

it('has the usual names', () => {
  expect(KIT_NAMES.toSorted()).toEqual(['bd', 'cp', 'cr', 'hh', 'ht', 'lt', 'mt', 'oh', 'rim', 'sd']);
  expect(kitSamples('nothing')).toBeNull();
});

it.each(KIT_NAMES)('%s begins at once, is as loud as the others, and ends in silence', (name) => {
  const samples = samplesOf(name);
  expect(peak(samples)).toBeCloseTo(0.8, 5);
  expect(peak(samples.slice(0, KIT_SAMPLE_RATE / 50))).toBeGreaterThan(0.2);
  expect(peak(samples.slice(-KIT_SAMPLE_RATE / 1_000))).toBeLessThan(0.02);
  expect(samplesOf(name)).toEqual(samples);
});

it('goes from low to high', () => {
  const order = ['bd', 'lt', 'mt', 'ht'].map((name) => crossings(samplesOf(name)));
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(crossings(samplesOf('bd'))).toBeLessThan(300);
  for (const name of ['hh', 'oh', 'cr']) expect(crossings(samplesOf(name)), name).toBeGreaterThan(6_000);
});

it('is written as a WAV file', () => {
  const file = wavFile(Float32Array.of(0, 1, -1));
  expect(Buffer.from(file).toString('latin1', 0, 4)).toBe('RIFF');
  expect([...new Int16Array(file.buffer, 44)]).toEqual([0, 32_767, -32_767]);
});
