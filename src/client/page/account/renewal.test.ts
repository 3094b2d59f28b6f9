import { beforeEach, describe, expect, it } from 'vitest';
import { Renewal } from './renewal.ts';
import { isRenewalDue } from './renewal-time.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const GOT_MS = 1_800_000_000_000;

describe('a token is renewed', () => {
  const isDue = (afterMs: number, lifetimeMs = HOUR_MS) =>
    isRenewalDue({ lifetimeMs, tokenAtMs: GOT_MS }, GOT_MS + afterMs);

  it('two minutes before its end', () => {
    expect(isDue(0)).toBe(false);
    expect(isDue(HOUR_MS - 2 * MINUTE_MS - 1)).toBe(false);
    expect(isDue(HOUR_MS - 2 * MINUTE_MS)).toBe(true);
  });

  it('at the last quarter of a short life', () => {
    expect(isDue(44_999, MINUTE_MS)).toBe(false);
    expect(isDue(45_000, MINUTE_MS)).toBe(true);
  });

  it('after a sleep, however long', () => {
    expect(isDue(100 * HOUR_MS)).toBe(true);
  });

  it('when its age can’t be known', () => {
    expect(isDue(-1)).toBe(true);
    expect(isRenewalDue({ lifetimeMs: HOUR_MS, tokenAtMs: null }, GOT_MS)).toBe(true);
  });
});

describe('renewing', () => {
  let kept: string | null;
  let asked: number;
  let answer: () => Promise<string>;
  /** The tabs' common lock. */
  let queue: Promise<unknown>;
  const newTab = () =>
    new Renewal({
      exclusive(run) {
        const turn = queue.then(run);
        queue = turn.catch(() => {});
        return turn;
      },
      kept: () => kept,
      ask() {
        asked += 1;
        return answer();
      },
      keep(token) {
        kept = token;
      },
    });

  beforeEach(() => {
    kept = 'old';
    asked = 0;
    answer = async () => `new ${asked}`;
    queue = Promise.resolve();
  });

  it('asks once for all who need it at a time, in one tab and in several', async () => {
    const [one, other] = [newTab(), newTab()];
    expect(await Promise.all([one.renew('old'), one.renew('old'), other.renew('old')])).toEqual([
      'new 1',
      'new 1',
      'new 1',
    ]);
    expect(asked).toBe(1);
    expect(kept).toBe('new 1');
  });

  it('takes what another tab has got meanwhile', async () => {
    kept = 'of another tab';
    expect(await newTab().renew('old')).toBe('of another tab');
    expect(asked).toBe(0);
  });

  it('asks again after a refusal, and keeps what it had until then', async () => {
    const tab = newTab();
    answer = () => Promise.reject(new Error('no'));
    await expect(tab.renew('old')).rejects.toThrow('no');
    expect(kept).toBe('old');
    answer = async () => 'new';
    expect(await tab.renew('old')).toBe('new');
  });

  it('asks nothing for a browser that is signed out', async () => {
    kept = null;
    await expect(newTab().renew('old')).rejects.toThrow('signed out');
    expect(asked).toBe(0);
  });

  it('doesn’t sign in again who signed out while it asked', async () => {
    answer = async () => {
      kept = null;
      return 'too late';
    };
    await expect(newTab().renew('old')).rejects.toThrow('signed out');
    expect(kept).toBeNull();
  });
});
