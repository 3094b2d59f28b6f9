/** How well a client knows the room's time. */
import { describe, expect, it } from 'vitest';
import { RoomClock } from './room-clock.ts';

/** A room whose clock is ahead by `aheadMs`, on ways there and back that take as long as the test says. */
function setUp(aheadMs: number) {
  const state = { nowMs: 1_000 };
  const clock = new RoomClock(() => state.nowMs);
  const ping = (thereMs: number, backMs: number) => {
    const id = clock.pinged();
    const roomMs = state.nowMs + thereMs + aheadMs;
    state.nowMs += thereMs + backMs;
    clock.answered(id, roomMs);
  };
  const errorMs = () => (clock.now() ?? Number.NaN) - (state.nowMs + aheadMs);
  return { clock, state, ping, errorMs };
}

describe('the room’s clock', () => {
  it('is not known before the room has said it', () => {
    const { clock } = setUp(0);
    expect(clock.now()).toBeNull();
    clock.answered('clock.9', 5);
    expect(clock.now()).toBeNull();
  });

  it('is exact where both ways take as long, whatever this clock shows', () => {
    const { ping, errorMs, state } = setUp(-3_600_000);
    ping(40, 40);
    expect(errorMs()).toBe(0);
    state.nowMs += 60_000;
    expect(errorMs()).toBe(0);
  });

  it('goes by the fastest of the last pings', () => {
    const { ping, errorMs } = setUp(500);
    ping(200, 0);
    expect(errorMs()).toBe(100);
    ping(5, 3);
    ping(0, 300);
    expect(errorMs()).toBe(1);
    for (let i = 0; i < 8; i += 1) ping(20, 0);
    expect(errorMs()).toBe(10);
  });

  it('takes a pong once, and none of a ping that is long forgotten', () => {
    const { clock, state } = setUp(0);
    const ids = Array.from({ length: 6 }, () => clock.pinged());
    state.nowMs += 10;
    clock.answered(ids[0] ?? '', 99_999);
    expect(clock.now()).toBeNull();
    clock.answered(ids[5] ?? '', state.nowMs);
    clock.answered(ids[5] ?? '', 99_999);
    expect(clock.now()).toBe(state.nowMs + 5);
  });
});
