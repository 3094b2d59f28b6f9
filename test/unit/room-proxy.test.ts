/** The Worker's API under the rooms' own address: passed on, with the caller's address, which only the rooms can say. */
import type * as Party from 'partykit/server';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { proxy } from '../../src/room/edge.ts';
import { guarded } from '../../src/room/guarded.ts';
import { FORWARDED_ADDRESS, FORWARDED_SECRET } from '../../src/sessions/address.ts';
import { FLUSH_SECRET, WORKER_ENV } from '../support/worker-services.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Passes a request on to a Worker that does this. */
async function pass(worker: () => Promise<Response>): Promise<Response> {
  vi.stubGlobal('fetch', worker);
  const request = new Request('https://rooms.test/api/v1/sessions/live');
  const env = { ...WORKER_ENV, WORKER_URL: 'https://worker.test' };
  return proxy(request as unknown as Party.Request, { env, parties: {} });
}

/** What the Worker gets of a request to the rooms. */
async function passedOn(headers: Record<string, string>): Promise<Request> {
  const got: Request[] = [];
  vi.stubGlobal('fetch', async (url: string, request: Request) => {
    got.push(new Request(url, request));
    return Response.json({});
  });
  const request = new Request('https://rooms.test/api/v1/sessions/live?limit=2', { headers });
  const env = { ...WORKER_ENV, WORKER_URL: 'https://worker.test' };
  // The edge reads what any request has.
  await proxy(request as unknown as Party.Request, { env, parties: {} });
  const [one] = got;
  if (!one) throw new Error('nothing was passed on');
  return one;
}

describe('a request that the rooms pass on', () => {
  it('goes to the same path of the Worker, as it is', async () => {
    const request = await passedOn({ authorization: 'Bearer x' });
    expect(request.url).toBe('https://worker.test/api/v1/sessions/live?limit=2');
    expect(request.headers.get('authorization')).toBe('Bearer x');
  });

  it('says where its caller is', async () => {
    const { headers } = await passedOn({ 'cf-connecting-ip': '198.51.100.1' });
    expect(headers.get(FORWARDED_ADDRESS)).toBe('198.51.100.1');
    expect(headers.get(FORWARDED_SECRET)).toBe(FLUSH_SECRET);
  });

  it('says nothing of what its caller made up', async () => {
    const { headers } = await passedOn({ [FORWARDED_ADDRESS]: '192.0.2.1', [FORWARDED_SECRET]: 'guess' });
    expect([headers.get(FORWARDED_ADDRESS), headers.get(FORWARDED_SECRET)]).toEqual([null, null]);
  });
});

describe('an error that nobody expected', () => {
  const message = 'connect ECONNREFUSED db.internal:5432 with password';
  const fail = () => Promise.reject(new TypeError(message));

  it.each([
    ['of the Worker that is out of reach', () => pass(fail), 503],
    ['of anything else', () => guarded('id', fail), 500],
  ])('%s says nothing to the caller, and its message is not logged', async (_name, answer, status) => {
    const lines: string[] = [];
    vi.spyOn(console, 'warn').mockImplementation((line: string) => void lines.push(line));
    const response = await answer();
    expect(response.status).toBe(status);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.json()).toEqual({ error: 'server_error', message: expect.any(String) });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('TypeError at ');
    expect(lines[0]).not.toContain('internal:5432');
  });
});
