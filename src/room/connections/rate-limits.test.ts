import { describe, expect, it } from 'vitest';
import { makeMember } from '../../../test/support/room.ts';
import { MAX_STRUDEL_SWITCHES_PER_MINUTE } from '../../protocol/index.ts';
import { RateLimits } from './rate-limits.ts';

describe('limits per minute', () => {
  it('are exact, and outlive the instance', () => {
    const ada = makeMember('c1');
    for (let i = 0; i < MAX_STRUDEL_SWITCHES_PER_MINUTE; i++) {
      // A new instance knows what the connection remembers.
      expect(new RateLimits().takePerMinute(ada, 'switch', 1_000 + i)).toBe(true);
    }
    const limits = new RateLimits();
    expect(limits.takePerMinute(ada, 'switch', 60_999)).toBe(false);
    expect(limits.takePerMinute(ada, 'chat', 60_999)).toBe(true);
    expect(limits.takePerMinute(ada, 'switch', 61_000)).toBe(true);
    expect(limits.takePerMinute(ada, 'switch', 61_000)).toBe(false);
  });
});
