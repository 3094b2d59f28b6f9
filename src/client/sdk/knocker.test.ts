import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from './call.ts';
import { type KnockOptions, knockAndWait } from './knocker.ts';

const SESSION = '11111111-2222-4333-8444-555555555555';
const KNOCK = '11111111-2222-4333-8444-000000000001';

type Answer = { status: number; body: object } | 'lost';

/** What is asked, and what the next requests of each kind are answered; the last answer goes on. */
let asked: { method: string; path: string; token: string | null; body: unknown }[];
let answers: Record<'POST' | 'GET' | 'DELETE', Answer[]>;

const ok = (body: object): Answer => ({ status: 200, body });
const waiting = ok({ status: 'waiting' });
const refusal = (status: number, error: string): Answer => ({ status, body: { error, message: 'no' } });

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  const knocked = {
    knock_id: KNOCK,
    token: 'secret',
    expires_at: new Date(Date.now() + 600_000).toISOString(),
  };
  answers = { POST: [ok(knocked)], GET: [waiting], DELETE: [ok({ message: 'done' })] };
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const method = init.method as 'POST' | 'GET' | 'DELETE';
    const token = new Headers(init.headers).get('authorization');
    asked.push({ method, path: url, token, body: init.body && JSON.parse(String(init.body)) });
    // As a server that lets the caller wait.
    if (method === 'GET') await new Promise((resolve) => setTimeout(resolve, 1_000));
    init.signal?.throwIfAborted();
    const [answer] = answers[method].length > 1 ? answers[method].splice(0, 1) : answers[method];
    if (answer === undefined || answer === 'lost') throw new TypeError('lost');
    return Response.json(answer.body, { status: answer.status });
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Knocks; what came of it, or the error. */
function knocking(over: Partial<KnockOptions> = {}) {
  const outcome = knockAndWait({ sessionId: SESSION, displayName: 'Eve', ...over }).catch((e: unknown) => e);
  return { outcome };
}

const methods = () => asked.map(({ method }) => method);

describe('knocking', () => {
  it('asks until there is an answer, with the token of the knock', async () => {
    const admitted = {
      status: 'admitted',
      session_id: SESSION,
      role: 'viewer',
      display_name: 'Eve',
      token: 't',
    };
    answers.GET = [waiting, waiting, ok(admitted)];
    const until: Date[] = [];
    const { outcome } = knocking({ token: 'mine', onWaiting: (date) => until.push(date) });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await outcome).toEqual(admitted);
    expect(until).toHaveLength(1);
    const path = `/api/v1/sessions/${SESSION}/knocks`;
    expect(asked[0]).toEqual({ method: 'POST', path, token: 'Bearer mine', body: { display_name: 'Eve' } });
    for (const { token, path: of } of asked.slice(1)) {
      expect([token, of]).toEqual(['Bearer secret', `${path}/${KNOCK}`]);
    }
    expect(methods()).toEqual(['POST', 'GET', 'GET', 'GET']);
  });

  it.each(['refused', 'host_away', 'ended', 'expired'])('tells that it was %s', async (status) => {
    answers.GET = [ok({ status })];
    const { outcome } = knocking();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await outcome).toEqual({ status });
  });

  it('tells why it was refused at once', async () => {
    answers.POST = [refusal(409, 'host_away')];
    expect(await knocking().outcome).toMatchObject({ status: 409, code: 'host_away' });
    expect(methods()).toEqual(['POST']);
  });

  it('goes on after a lost connection, and knocks again where the room has lost it', async () => {
    answers.GET = [
      'lost',
      refusal(503, 'server_error'),
      refusal(404, 'not_found'),
      ok({ status: 'refused' }),
    ];
    const { outcome } = knocking();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await outcome).toEqual({ status: 'refused' });
    expect(methods()).toEqual(['POST', 'GET', 'GET', 'GET', 'POST', 'GET']);
  });

  it('ends, whatever is lost', async () => {
    answers.GET = ['lost'];
    const { outcome } = knocking();
    await vi.advanceTimersByTimeAsync(700_000);
    expect(await outcome).toEqual({ status: 'expired' });
    answers.GET = [refusal(404, 'not_found')];
    const second = knocking();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await second.outcome).toEqual({ status: 'expired' });
    answers.GET = [refusal(401, 'unauthorized')];
    const third = knocking();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await third.outcome).toBeInstanceOf(ApiError);
  });

  it('tells the hosts when it is given up', async () => {
    const giveUp = new AbortController();
    const { outcome } = knocking({ signal: giveUp.signal });
    await vi.advanceTimersByTimeAsync(1_500);
    giveUp.abort();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await outcome).toMatchObject({ name: 'AbortError' });
    expect(asked.filter(({ method }) => method === 'DELETE')).toEqual([
      {
        method: 'DELETE',
        path: `/api/v1/sessions/${SESSION}/knocks/${KNOCK}`,
        token: 'Bearer secret',
        body: undefined,
      },
    ]);
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(before);
  });
});
