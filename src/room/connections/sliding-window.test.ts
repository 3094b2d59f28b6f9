import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingWindow } from './sliding-window.ts';

describe('a sliding window', () => {
  it('lets exactly its maximum through in any window', () => {
    const window = new SlidingWindow(3, 1_000);
    expect([0, 1, 2, 3].map((t) => window.take(t))).toEqual([true, true, true, false]);
    expect(window.take(999)).toBe(false);
    expect(window.take(1_000)).toBe(true);
    expect(window.take(1_000)).toBe(false);
    expect(window.take(1_001)).toBe(true);
  });
  it('goes on from times that it is given', () => {
    const window = new SlidingWindow(2, 1_000, [100, 200]);
    expect(window.take(1_050)).toBe(false);
    expect(window.take(1_100)).toBe(true);
    expect(window.times(1_150)).toEqual([200, 1_100]);
  });

  it('lets its maximum through in any window, and refuses nothing while there is room', () => {
    const max = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(max, fc.array(fc.nat({ max: 6 }), { maxLength: 60 }), (most, gapsMs) => {
        const windowMs = 10;
        const window = new SlidingWindow(most, windowMs);
        const taken: number[] = [];
        let nowMs = 0;
        return gapsMs.every((gapMs) => {
          nowMs += gapMs;
          const hasRoom = taken.filter((atMs) => nowMs - atMs < windowMs).length < most;
          const isTaken = window.take(nowMs);
          if (isTaken) taken.push(nowMs);
          return isTaken === hasRoom;
        });
      }),
    );
  });

  it('refuses no client that never sent too fast, however late the room is', () => {
    const max = fc.integer({ min: 1, max: 5 });
    const step = fc.record({ gapMs: fc.nat({ max: 6 }), lateMs: fc.nat({ max: 60 }) });
    fc.assert(
      fc.property(max, fc.array(step, { maxLength: 60 }), (most, steps) => {
        const windowMs = 10;
        const honest = new SlidingWindow(most, windowMs);
        const window = new SlidingWindow(most, windowMs);
        let sentMs = 0;
        let handledMs = 0;
        return steps.every(({ gapMs, lateMs }) => {
          sentMs += gapMs;
          if (!honest.take(sentMs)) return true;
          // The room handles one event after the other: each is as late as drawn, or later because of the one
          // before it.
          handledMs = Math.max(handledMs, sentMs + lateMs);
          return window.take(handledMs, handledMs - sentMs);
        });
      }),
    );
  });

  it('counts amounts as it counts events', () => {
    const max = fc.integer({ min: 1, max: 9 });
    const step = fc.record({ gapMs: fc.nat({ max: 6 }), amount: fc.integer({ min: 1, max: 12 }) });
    fc.assert(
      fc.property(max, fc.array(step, { maxLength: 60 }), (most, steps) => {
        const windowMs = 10;
        const window = new SlidingWindow(most, windowMs);
        const taken: { atMs: number; amount: number }[] = [];
        let nowMs = 0;
        return steps.every(({ gapMs, amount }) => {
          nowMs += gapMs;
          const inWindow = taken.filter(({ atMs }) => nowMs - atMs < windowMs);
          const hasRoom = inWindow.reduce((sum, event) => sum + event.amount, amount) <= most;
          const saysSo = window.hasRoom(nowMs, 0, amount);
          const isTaken = window.take(nowMs, 0, amount);
          if (isTaken) taken.push({ atMs: nowMs, amount });
          return isTaken === hasRoom && saysSo === hasRoom;
        });
      }),
    );
  });

  it('refuses no client for amounts that never came too fast, however late the room is', () => {
    const step = fc.record({
      gapMs: fc.nat({ max: 6 }),
      lateMs: fc.nat({ max: 60 }),
      amount: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 60 }), (most, steps) => {
        const honest = new SlidingWindow(most, 10);
        const window = new SlidingWindow(most, 10);
        let sentMs = 0;
        let handledMs = 0;
        return steps.every(({ gapMs, lateMs, amount }) => {
          sentMs += gapMs;
          if (!honest.take(sentMs, 0, amount)) return true;
          handledMs = Math.max(handledMs, sentMs + lateMs);
          return window.take(handledMs, handledMs - sentMs, amount);
        });
      }),
    );
  });

  it('allows no client more than lateness accounts for', () => {
    const window = new SlidingWindow(3, 10);
    const taken = Array.from({ length: 20 }, () => window.take(100, 20)).filter(Boolean);
    expect(taken).toHaveLength(9);
    expect(window.take(101)).toBe(false);
    expect(window.take(110)).toBe(true);
  });
});
