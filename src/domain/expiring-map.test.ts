import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiringMap } from './expiring-map.ts';

describe('an expiring map', () => {
  it('keeps each value until its time is over, and no longer', () => {
    const map = new ExpiringMap<string>();
    map.set('a', 'first', 100);
    map.set('b', 'second', 200);
    expect([map.get('a', 99), map.get('b', 99), map.get('c', 99)]).toEqual(['first', 'second', undefined]);
    expect([...map.values(100)]).toEqual(['second']);
    // Over is over, whatever the clock says then.
    expect(map.get('a', 0)).toBeUndefined();
    expect(map.get('b', 200)).toBeUndefined();
    expect(map.get('b', 0)).toBeUndefined();
  });

  it('keeps the newest value and its time', () => {
    const map = new ExpiringMap<number>();
    map.set('a', 1, 100);
    map.set('a', 2, 50);
    expect(map.get('a', 49)).toBe(2);
    expect(map.get('a', 50)).toBeUndefined();
  });

  it('gives a value out once', () => {
    const map = new ExpiringMap<number>();
    map.set('a', 1, 100);
    map.set('b', 2, 100);
    expect([map.take('a', 99), map.take('a', 99), map.take('b', 100), map.take('b', 0)]).toEqual([
      1,
      undefined,
      undefined,
      undefined,
    ]);
    map.set('c', 3, 100);
    expect([map.delete('c'), map.delete('c'), map.get('c', 0)]).toEqual([true, false, undefined]);
  });

  it('forgets what was set the longest time ago, when it is full', () => {
    const map = new ExpiringMap<number>(2);
    map.set('a', 1, 100);
    map.set('b', 2, 100);
    // No more entries than before, so nothing is forgotten; and `a` is the newest now.
    map.set('a', 3, 100);
    expect([...map.values(0)]).toEqual([2, 3]);
    map.set('c', 4, 100);
    expect([...map.values(0)]).toEqual([3, 4]);
  });

  it('is what a list of all that was ever set would say', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      gapMs: fc.nat({ max: 5 }),
      lifeMs: fc.nat({ max: 9 }),
      what: fc.constantFrom('set', 'get', 'take', 'values'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new ExpiringMap<number>();
        const all = new Map<string, { value: number; untilMs: number }>();
        let nowMs = 0;
        steps.forEach(({ key, gapMs, lifeMs, what }, value) => {
          nowMs += gapMs;
          const held = all.get(key);
          const expected = held && nowMs < held.untilMs ? held.value : undefined;
          if (what === 'set') {
            all.set(key, { value, untilMs: nowMs + lifeMs });
            map.set(key, value, nowMs + lifeMs);
          } else if (what === 'values') {
            const live = [...all.values()].filter(({ untilMs }) => nowMs < untilMs);
            expect([...map.values(nowMs)].sort()).toEqual(live.map((entry) => entry.value).sort());
          } else {
            expect(map[what as 'get' | 'take'](key, nowMs)).toBe(expected);
            if (what === 'take') all.delete(key);
          }
        });
      }),
    );
  });
});
