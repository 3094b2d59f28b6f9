/** The clocks, and cycles by the room's. */
import { describe, expect, it } from 'vitest';
import { Clocks } from './clocks.ts';
import { Transport } from './transport.ts';

describe('a transport', () => {
  it('ties cycles to the room’s clock', () => {
    const transport = new Transport({ room_ms: 10_000, cycle: 4 }, 0.5);
    expect(transport.cycleAt(10_000)).toBe(4);
    expect(transport.cycleAt(12_000)).toBe(5);
    expect(transport.roomMsAt(6)).toBe(14_000);
  });

  it('goes on where it is when the tempo changes', () => {
    const faster = new Transport({ room_ms: 10_000, cycle: 4 }, 0.5).withTempo(2, 5);
    expect(faster.cycleAt(12_000)).toBe(5);
    expect(faster.cycleAt(12_500)).toBe(6);
  });
});

describe('the audio’s clock', () => {
  it('is told from the room’s, though it moves in steps', () => {
    let nowMs = 1_000_000;
    const clocks = new Clocks(() => nowMs);
    clocks.setOffset(250);
    // The audio began at 999.9 s of this computer's clock; its clock shows steps of 20 ms.
    for (let each = 0; each < 200; each++) {
      nowMs += 7;
      clocks.sample(Math.floor((nowMs - 999_900) / 20) / 50);
    }
    const exact = (nowMs - 999_900) / 1_000;
    expect(clocks.audioSecondsAt(clocks.roomMs())).toBeGreaterThan(exact - 0.004);
    expect(clocks.audioSecondsAt(clocks.roomMs())).toBeLessThanOrEqual(exact);
    expect(clocks.audioSecondsAt(clocks.roomMs() + 500)).toBeCloseTo(exact + 0.5, 2);
  });

  it('is found anew after this computer’s clock was set', () => {
    let nowMs = 1_000_000;
    const clocks = new Clocks(() => nowMs);
    clocks.sample(10);
    nowMs += 3_600_000;
    clocks.sample(10.05);
    expect(clocks.audioSecondsAt(clocks.roomMs())).toBeCloseTo(10.05, 6);
    nowMs -= 7_200_000;
    clocks.sample(10.1);
    expect(clocks.audioSecondsAt(clocks.roomMs())).toBeCloseTo(10.1, 6);
  });
});
