/** What plays, in which cycle, and how the stores keep it. */
import { describe, expect, it } from 'vitest';
import { cycleAt, decodeTransport, encodeTransport, started, type Transport } from './transport.ts';

const start = { code: 's("bd")', rev: 7, by: 'Ada', cps: 0.5 };

describe('the transport', () => {
  it('starts in the first cycle, and goes on in the one that what plays has come to', () => {
    const first = started(null, start, 1_000);
    expect(first).toEqual({ ...start, sinceMs: 1_000, cycle: 0 });
    const next = started(first, { ...start, cps: 2 }, 4_000);
    expect(next).toMatchObject({ sinceMs: 4_000, cycle: 1.5, cps: 2 });
    expect(cycleAt(next, 4_500)).toBe(2.5);
  });

  it('starts when it started for the participant, if that was a moment ago', () => {
    expect(started(null, { ...start, sinceMs: 990 }, 1_000)).toMatchObject({ sinceMs: 990, cycle: 0 });
    const first = started(null, start, 1_000);
    expect(started(first, { ...start, sinceMs: 3_500 }, 4_000)).toMatchObject({
      sinceMs: 3_500,
      cycle: 1.25,
    });
    for (const sinceMs of [-1_001, 3_001]) {
      expect(started(null, { ...start, sinceMs }, 1_000)).toMatchObject({ sinceMs: 1_000 });
    }
  });

  it('never runs backwards, should a clock', () => {
    expect(cycleAt(started(null, start, 1_000), 500)).toBe(0);
  });

  it('is read from the stores as it was written', () => {
    const transport: Transport = { ...start, code: '"\n`\u2028', sinceMs: 5, cycle: 0.25 };
    expect(decodeTransport(encodeTransport(transport))).toEqual(transport);
    expect(decodeTransport(encodeTransport(null))).toBeNull();
  });

  it.each(['{', '{}', 'null', '[]', '{"rev":"x"}'])(
    'is none where what is stored is damaged: %s',
    (stored) => {
      expect(decodeTransport({ transport: stored, played: 'x' })).toBeNull();
    },
  );
});
