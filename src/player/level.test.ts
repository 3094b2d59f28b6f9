/** The meter: loudness and pitch of a stretch of audio. */
import { expect, it } from 'vitest';
import { measureLevel } from './level.ts';

const sine = (hz: number, gain = 1) =>
  Float32Array.from({ length: 8_192 }, (_, index) => gain * Math.sin((2 * Math.PI * hz * index) / 48_000));

it.each([55, 440, 3_520])('a sine of %d Hz', (hz) => {
  const { rms, peak, frequencyHz } = measureLevel(sine(hz, 0.5), 48_000);
  expect(rms).toBeCloseTo(0.5 / Math.SQRT2, 1);
  expect(peak).toBeCloseTo(0.5, 2);
  expect(Math.abs((frequencyHz ?? 0) - hz)).toBeLessThan(hz / 500);
});

it('silence has no pitch, and what has ended is no longer recent', () => {
  expect(measureLevel(new Float32Array(8_192), 48_000)).toEqual({
    rms: 0,
    peak: 0,
    recentPeak: 0,
    frequencyHz: null,
  });
  const ended = sine(440);
  ended.fill(0, 4_096);
  expect(measureLevel(ended, 48_000)).toMatchObject({ recentPeak: 0 });
});
