import { expect, it } from 'vitest';
import { bytes, counted, duration, number } from './format.ts';

it('says durations, sizes and counts as people do', () => {
  expect([0, 1_540, 119_900, 120_000, 7_199_000, 7_200_000, 172_800_000].map(duration)).toEqual([
    '0 s',
    '1.5 s',
    '119.9 s',
    '2 min',
    '120 min',
    '2 h',
    '2 days',
  ]);
  expect([0, 999, 1_500, 2_000_000].map(bytes)).toEqual(['0 B', '999 B', '1.5 kB', '2 MB']);
  expect([counted(1, 'session'), counted(0, 'session'), number(250_000)]).toEqual([
    '1 session',
    '0 sessions',
    '250,000',
  ]);
});
