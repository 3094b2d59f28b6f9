import { describe, expect, it, vi } from 'vitest';
import { connect, FakeSocket, open, useFakeSockets } from '../../../test/support/client.ts';
import { RequestError } from './waiting-requests.ts';

useFakeSockets();

const STRUDEL = '99999999-2222-4333-8444-555555555555';

describe('switching strudels', () => {
  it('is done when the room answers with its state', async () => {
    const client = await open();
    const told = vi.fn();
    client.on('change', ({ by, isOwnRequest }) => told(client.snapshot.code, by, isOwnRequest));
    const done = vi.fn();
    const switched = client.switchStrudel(STRUDEL).then(done);
    const [request] = FakeSocket.last.sent('switch_strudel');
    expect(request).toEqual({ strudel_id: STRUDEL, request_id: expect.any(String) });
    FakeSocket.last.state({ code: 'other', rev: 6 });
    await vi.advanceTimersByTimeAsync(0);
    expect(done).not.toHaveBeenCalled();
    FakeSocket.last.state({
      code: 'loaded',
      rev: 7,
      strudel_id: STRUDEL,
      request_id: String(request?.request_id),
    });
    await switched;
    expect(client.snapshot).toMatchObject({ code: 'loaded', rev: 7, strudelId: STRUDEL });
    expect(told).toHaveBeenLastCalledWith('loaded', null, true);
    FakeSocket.last.state({ code: 'restored', rev: 8 });
    expect(told).toHaveBeenLastCalledWith('restored', null, false);
  });

  it('sends first what was typed before', async () => {
    const client = await open({ editIntervalMs: 10_000 });
    client.edit('one');
    client.edit('two');
    client.switchStrudel(null, { code: 'scratch' }).catch(() => {});
    const frames = FakeSocket.last.frames.map(({ type, payload }) => [type, payload.client_seq]);
    expect(frames).toEqual([
      ['code_update', 1],
      ['code_update', 2],
      ['switch_strudel', undefined],
    ]);
  });

  it('that the room refuses says why, to its caller alone', async () => {
    const client = await open();
    const errors = vi.fn();
    client.on('error', errors);
    const switched = client.switchStrudel(STRUDEL);
    const [request] = FakeSocket.last.sent('switch_strudel');
    FakeSocket.last.say('error', {
      error: 'not_found',
      message: 'there is no such strudel',
      request_id: request?.request_id,
    });
    await expect(switched).rejects.toEqual(new RequestError('not_found', 'there is no such strudel'));
    expect(errors).not.toHaveBeenCalled();
    expect(client.snapshot).toMatchObject({ code: 'base', strudelId: null });
  });

  it('takes edits meanwhile: they are made again on what was loaded', async () => {
    const client = await open();
    client.switchStrudel(STRUDEL).catch(() => {});
    client.edit('base, typed');
    const [request] = FakeSocket.last.sent('switch_strudel');
    FakeSocket.last.change([[4, 'loaded']], 6, { source: 'loaded_strudel', strudel_id: STRUDEL });
    FakeSocket.last.state({
      code: 'loaded',
      rev: 6,
      strudel_id: STRUDEL,
      request_id: String(request?.request_id),
    });
    expect(client.snapshot.code).toBe('loaded, typed');
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.last.sent('code_update').at(-1)).toMatchObject({
      changes: [6, [0, ', typed']],
      sync: 2,
    });
  });

  it('fails when the connection is lost, or isn’t there', async () => {
    const client = await open();
    const switched = client.switchStrudel(STRUDEL);
    FakeSocket.last.drop();
    await expect(switched).rejects.toMatchObject({ code: 'disconnected' });
    await expect(client.switchStrudel(STRUDEL)).rejects.toThrow('not connected');
    await expect((await connect()).switchStrudel(STRUDEL)).rejects.toThrow('not connected');
  });

  it('by another participant is known', async () => {
    const client = await open();
    const loaded = { source: 'loaded_strudel', strudel_id: STRUDEL };
    FakeSocket.last.change([[4, 'loaded']], 6, loaded);
    expect(client.snapshot).toMatchObject({ code: 'loaded', strudelId: STRUDEL });
    FakeSocket.last.change([6, [0, '!']], 7);
    expect(client.snapshot.strudelId).toBe(STRUDEL);
    FakeSocket.last.change([[7]], 8, { ...loaded, strudel_id: null });
    expect(client.snapshot.strudelId).toBeNull();
  });
});
