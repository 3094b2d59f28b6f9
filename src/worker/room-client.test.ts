import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { RoomStubs } from './platform.ts';
import { RoomClient, RoomRefusedError, RoomUnavailableError } from './room-client.ts';

const sessionId = randomUUID();

/** A client whose rooms answer like this, and what they were sent. */
function clientOf(answer: () => Response | Promise<Response>) {
  const sent: { sessionId: string; path: string; init: Parameters<RoomStubs['fetch']>[2] }[] = [];
  const client = new RoomClient({
    fetch: async (to, path, init) => {
      sent.push({ sessionId: to, path, init });
      return answer();
    },
  });
  return { client, sent };
}

const edit = { code: 'x', user_id: null, display_name: 'Ada', role: 'host' } as const;

describe('the client of rooms', () => {
  it('tells a room by one request', async () => {
    const { client, sent } = clientOf(() => Response.json({ delivered: 3 }));
    expect(await client.sendCommand(sessionId, { kind: 'discovery_ended' })).toBe(3);
    expect(sent).toEqual([
      { sessionId, path: '/command', init: { method: 'POST', body: '{"kind":"discovery_ended"}' } },
    ]);
  });

  it('sets code, and says where it is safe', async () => {
    const { client, sent } = clientOf(() => Response.json({ rev: 7, durable: 'buffer' }));
    expect(await client.setCode(sessionId, edit)).toEqual({ rev: 7, durable: 'buffer' });
    expect(JSON.parse(String(sent[0]?.init.body))).toEqual({ kind: 'set_code', ...edit });
  });

  it('passes a refusal on', async () => {
    const refusal = { error: 'not_found', message: 'the session has ended' };
    const { client } = clientOf(() => Response.json(refusal, { status: 410 }));
    const refused = await client.setCode(sessionId, edit).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RoomRefusedError);
    expect(refused).toMatchObject({ status: 410, code: 'not_found', message: 'the session has ended' });
  });

  it.each([404, 410])('has no connections to tell in a session that is gone (%i)', async (status) => {
    const { client } = clientOf(() => Response.json({ error: 'not_found', message: 'gone' }, { status }));
    expect(await client.sendCommand(sessionId, { kind: 'live_ended' })).toBe(0);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ['no answer', () => Promise.reject(new TypeError('fetch failed'))],
    ['an answer that is not JSON', () => new Response('oops')],
    ['an answer of another shape', () => Response.json({ ok: true })],
    ['an error of the server', () => Response.json({ error: 'server_error', message: 'x' }, { status: 503 })],
    [
      'a status that no room refuses with',
      () => Response.json({ error: 'unauthorized', message: 'x' }, { status: 401 }),
    ],
    ['a refusal of another shape', () => Response.json({ no: 'shape' }, { status: 404 })],
  ])('counts %s as being out of reach', async (_, answer) => {
    const { client } = clientOf(answer);
    await expect(client.sendCommand(sessionId, { kind: 'live_ended' })).rejects.toThrow(RoomUnavailableError);
    await expect(client.setCode(sessionId, edit)).rejects.toThrow(RoomUnavailableError);
  });
});
