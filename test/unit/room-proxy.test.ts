/** The Worker's API under the rooms' own address: passed on, with the caller's address, which only the rooms can say. */
import type * as Party from 'partykit/server';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { proxy } from '../../src/room/edge.ts';
import { FORWARDED_ADDRESS, FORWARDED_SECRET } from '../../src/sessions/address.ts';
import { FLUSH_SECRET, WORKER_ENV } from '../support/worker-services.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

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
