import { describe, expect, it } from 'vitest';
import { TimeoutError, withTimeout } from './with-timeout.ts';

describe('a wait with a timeout', () => {
  it('gives the result or the failure, and fails when the time is over', async () => {
    expect(await withTimeout(1_000, Promise.resolve(1))).toBe(1);
    await expect(withTimeout(1_000, Promise.reject(new RangeError('no')))).rejects.toThrow(RangeError);
    await expect(withTimeout(1, new Promise(() => {}))).rejects.toThrow(TimeoutError);
  });
});
