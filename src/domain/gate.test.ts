import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/live-session.ts';
import { Gate } from './gate.ts';

/** Work that goes on until it is told to end. */
function held() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { work: () => ended, end };
}

function setUp(options: { places: number; maxWaiting?: number }) {
  const clock = new FakeClock();
  return { clock, gate: new Gate({ ...options, clock }) };
}

describe('a gate', () => {
  it('lets in as many as there are places, and the next when one goes', async () => {
    const { clock, gate } = setUp({ places: 2 });
    const [first, second] = [held(), held()];
    const done: string[] = [];
    void gate.pass(first.work).then(() => done.push('first'));
    expect(gate.isCrowded()).toBe(false);
    void gate.pass(second.work);
    expect(gate.isCrowded()).toBe(true);
    void gate.pass(async () => done.push('third'));
    await clock.advance(500);
    expect(done).toEqual([]);
    first.end();
    await clock.advance(100);
    expect(done).toEqual(['first', 'third']);
    expect(gate.isCrowded()).toBe(false);
  });

  it('gives a place back where the work fails, and passes the failure on', async () => {
    const { gate } = setUp({ places: 1 });
    await expect(gate.pass(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await gate.pass(async () => 'in')).toBe('in');
  });

  it('keeps no place for what takes long: it waits for others, not for this isolate', async () => {
    const { clock, gate } = setUp({ places: 1 });
    void gate.pass(held().work);
    const next = gate.pass(async () => 'in');
    await clock.advance(1_500);
    expect(await next).toBe('in');
  });

  it('lets everybody in at last, few at a time', async () => {
    const { clock, gate } = setUp({ places: 5 });
    let inside = 0;
    let most = 0;
    let done = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 50));
      inside -= 1;
      done += 1;
    };
    for (let i = 0; i < 300; i++) void gate.pass(work);
    await clock.advance(10_000);
    expect(done).toBe(300);
    expect(most).toBe(5);
  });

  it('refuses callers while too many wait, and forgets those that have gone', async () => {
    const { clock, gate } = setUp({ places: 1, maxWaiting: 1 });
    const first = held();
    void gate.pass(first.work);
    const left = new AbortController();
    let ran = false;
    const waiting = gate.pass(async () => {
      ran = true;
    }, left.signal);
    expect(await gate.pass(async () => 'in')).toBeNull();
    left.abort();
    await clock.advance(500);
    expect(await waiting).toBeNull();
    expect(ran).toBe(false);
    first.end();
    await clock.advance(1);
    expect(await gate.pass(async () => 'in')).toBe('in');
  });
});
