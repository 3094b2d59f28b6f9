import { describe, expect, it } from 'vitest';
import { BanList } from './ban-list.ts';

describe('a ban', () => {
  it('lasts until its end, and concerns nobody else', () => {
    const bans = new BanList();
    bans.add('eve', 30_000);
    expect(bans.remainingMs('eve', 0)).toBe(30_000);
    expect(bans.remainingMs('eve', 29_999)).toBe(1);
    expect(bans.remainingMs('ada', 0)).toBe(0);
    expect(bans.remainingMs('eve', 30_000)).toBe(0);
    // Over is over, whatever the clock says then.
    expect(bans.remainingMs('eve', 0)).toBe(0);
  });

  it('is one of a bounded number: the oldest is forgotten', () => {
    const bans = new BanList();
    bans.add('first', 100);
    for (let i = 0; i < 1_000; i++) bans.add(`t${i}`, 100);
    const isBanned = (key: string) => bans.remainingMs(key, 0) > 0;
    expect([isBanned('first'), isBanned('t0'), isBanned('t999')]).toEqual([false, true, true]);
  });
});
