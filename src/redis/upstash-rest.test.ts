/**
 * One request to Upstash's REST API: its time limit, its second attempt, and what becomes of answers that
 * aren't results.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpstashRest } from './upstash-rest.ts';

const TIMEOUT_MS = 2_000;
const rest = new UpstashRest({ url: 'http://redis.test/', token: 't', timeoutMs: TIMEOUT_MS });
const ask = () => rest.request<string>({ body: ['GET', 'k'] });
const fetching = vi.fn<typeof fetch>();

/** A request that is never answered; it ends when it is aborted. */
const silence: typeof fetch = (_url, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
  });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('fetch', fetching);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  fetching.mockReset();
});

describe('a request', () => {
  it('posts its command, and leaves no timer behind', async () => {
    fetching.mockResolvedValue(Response.json({ result: 'v' }));
    expect(await ask()).toEqual({ result: 'v' });
    expect(fetching).toHaveBeenCalledExactlyOnceWith(
      'http://redis.test',
      expect.objectContaining({ method: 'POST', body: '["GET","k"]' }),
    );
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is aborted after its time, and not tried again', async () => {
    fetching.mockImplementation(silence);
    const failed = expect(ask()).rejects.toMatchObject({ name: 'TimeoutError' });
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
    await failed;
    expect(fetching).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not charged for time that this side did not have, within bounds', async () => {
    fetching.mockImplementation(silence);
    const outcome = vi.fn();
    const startMs = Date.now();
    const failed = ask().catch(outcome);
    const busyFor = async (ms: number) => {
      // The clock has gone on, and the timer fires late.
      vi.setSystemTime(Date.now() + ms);
      await vi.advanceTimersToNextTimerAsync();
    };
    for (let step = 0; step < 3; step += 1) await vi.advanceTimersToNextTimerAsync();
    for (let step = 0; step < 4; step += 1) await busyFor(100);
    expect(outcome).not.toHaveBeenCalled();
    await vi.advanceTimersToNextTimerAsync();
    await failed;
    expect(outcome).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: 'TimeoutError' }));
    expect(Date.now() - startMs).toBe(2 * TIMEOUT_MS + 400);

    const last = ask().catch(outcome);
    const busyMs = Date.now();
    while (outcome.mock.calls.length === 1) await busyFor(100);
    await last;
    expect(Date.now() - busyMs).toBeGreaterThanOrEqual(4 * TIMEOUT_MS);
    expect(Date.now() - busyMs).toBeLessThan(5 * TIMEOUT_MS);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not charged for time in which Redis answers others, within bounds', async () => {
    fetching.mockImplementationOnce(silence).mockResolvedValue(Response.json({ result: 'v' }));
    const outcome = vi.fn();
    const startMs = Date.now();
    const failed = ask().catch(outcome);
    for (let second = 0; second < 3; second += 1) {
      fetching.mockResolvedValueOnce(Response.json({ result: 'v' }));
      await ask();
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2);
    }
    // Of each half of the time limit the first quarter did not count.
    expect(outcome).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 4);
    await failed;
    expect(outcome).toHaveBeenCalledOnce();
    expect(Date.now() - startMs).toBe(1.75 * TIMEOUT_MS);

    fetching.mockImplementationOnce(silence);
    const askedMs = Date.now();
    const last = ask().catch(outcome);
    while (outcome.mock.calls.length === 1) {
      fetching.mockResolvedValueOnce(Response.json({ result: 'v' }));
      await ask();
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 8);
    }
    await last;
    expect(Date.now() - askedMs).toBe(4 * TIMEOUT_MS);
  });

  it('is given longer while answers take long, within bounds, and not once they are quick again', async () => {
    const slow = new UpstashRest({ url: 'http://redis.test/', token: 't', timeoutMs: TIMEOUT_MS });
    const ask = () => slow.request<string>({ body: ['GET', 'k'] });
    const answersAfter = async (ms: number, times: number) => {
      fetching.mockImplementation(
        () => new Promise((resolve) => setTimeout(() => resolve(Response.json({ result: 'v' })), ms)),
      );
      for (let count = 0; count < times; count += 1) {
        const answer = ask();
        await vi.advanceTimersByTimeAsync(ms);
        expect(await answer).toEqual({ result: 'v' });
      }
    };
    const limitMs = async () => {
      fetching.mockImplementation(silence);
      const startMs = Date.now();
      const failed = expect(ask()).rejects.toMatchObject({ name: 'TimeoutError' });
      while (vi.getTimerCount() > 0) await vi.advanceTimersToNextTimerAsync();
      await failed;
      return Date.now() - startMs;
    };
    expect(await limitMs()).toBe(TIMEOUT_MS);
    await answersAfter(TIMEOUT_MS / 2, 50);
    expect(await limitMs()).toBeCloseTo(2 * TIMEOUT_MS, -2);
    await answersAfter(1.9 * TIMEOUT_MS, 50);
    expect(await limitMs()).toBe(4 * TIMEOUT_MS);
    await answersAfter(5, 50);
    expect(await limitMs()).toBe(TIMEOUT_MS);
  });

  it('is tried once more where the connection broke', async () => {
    fetching.mockRejectedValueOnce(new TypeError('connection lost'));
    fetching.mockResolvedValueOnce(Response.json({ result: 'v' }));
    expect(await ask()).toEqual({ result: 'v' });
    fetching.mockRejectedValue(new TypeError('connection lost'));
    await expect(ask()).rejects.toThrow(TypeError);
    expect(fetching).toHaveBeenCalledTimes(4);
  });

  it('fails with Redis’ words when it is refused, and says so when the answer is no JSON', async () => {
    fetching.mockResolvedValueOnce(Response.json({ error: 'NOSCRIPT none' }, { status: 400 }));
    await expect(ask()).rejects.toMatchObject({ name: 'UpstashError', message: 'NOSCRIPT none' });
    fetching.mockResolvedValueOnce(new Response('<html>', { status: 502 }));
    await expect(ask()).rejects.toMatchObject({ name: 'UpstashJSONParseError' });
    expect(vi.getTimerCount()).toBe(0);
  });
});
