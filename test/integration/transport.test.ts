/**
 * What plays belongs to the session: for those who are in it, those who come later, and after any failure.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { MAX_CODE_BYTES, MAX_CPS } from '../../src/protocol/index.ts';
import { rev } from '../support/commits.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

const BEAT = 's("bd*2")';

let stack: Stack;
let scene: Scene;

beforeAll(async () => {
  stack = await startStack({ BACKBEAT_CRON_MS: '0', FLUSH_ALARM_MS: '60000' });
  scene = new Scene(stack);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

/** Until Redis has what plays. */
const inRedis = (id: string, code: string) =>
  vi.waitUntil(async () => (await scene.redis('HGET', scene.key(`s:${id}`), 'played')) === code, WAIT);
const inPostgres = async (id: string) => {
  const [row] = await scene.rows<{ transport: string; played_code: string }>(
    'select transport, played_code from sessions where id = $1',
    [id],
  );
  return row;
};

describe('what plays', () => {
  it('is what one has evaluated, for everybody, until a participant stops it', async () => {
    const { id, token } = await scene.session({ code: BEAT });
    const ada = await scene.join(id, 'host', { token });
    const ben = await scene.join(id, 'co-author');
    expect(ada.state.payload).toMatchObject({ transport: null });
    const before = Date.now();
    ben.send('play', { code: BEAT, cps: 2 });
    const [toAda, toBen] = await Promise.all([ada.next('transport'), ben.next('transport')]);
    expect(toAda.payload).toEqual(toBen.payload);
    expect(toAda.payload).toEqual({
      playing: true,
      code: BEAT,
      rev: 0,
      by: 'co-author',
      since: expect.any(Number),
      cycle: 0,
      cps: 2,
    });
    expect(toAda.payload.since).toBeGreaterThanOrEqual(before - 1_000);
    ada.send('stop');
    const stopped = await ben.next('transport', ({ playing }) => !playing);
    expect(stopped.payload).toMatchObject({ code: '', by: 'Ada', cycle: 0, rev: rev(2) });
    expect((await scene.join(id, 'viewer')).state.payload).toMatchObject({ transport: null });
  });

  it('stays as it was evaluated while the text goes on, also for a participant who joins late', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit(BEAT, 'r1');
    ada.send('play', { code: BEAT });
    await ada.next('transport');
    await ada.edit('half typ', 'r2');
    const late = await scene.join(id, 'viewer');
    expect(late.state.payload).toMatchObject({
      code: 'half typ',
      transport: { playing: true, code: BEAT, rev: rev(1), cps: 0.5 },
    });
  });

  it('goes on in its cycle, and its tempo, when it is evaluated anew', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    ada.send('play', { code: '1', cps: 4 });
    const { payload: first } = await ada.next('transport');
    await ada.roundTrip();
    ada.send('play', { code: '2' });
    const { payload: second } = await ada.next('transport', ({ code }) => code === '2');
    expect(second.cps).toBe(4);
    expect(second.cycle).toBeCloseTo(((second.since - first.since) / 1_000) * 4, 6);
  });

  it('is the session’s code for a client that only says play', async () => {
    const { id } = await scene.session({ code: BEAT });
    const ada = await scene.join(id);
    ada.send('play');
    expect((await ada.next('transport')).payload.code).toBe(BEAT);
  });

  it.each([
    ['code that is too large', { code: 'x'.repeat(MAX_CODE_BYTES + 1) }],
    ['a tempo beyond all music', { cps: MAX_CPS * 2 }],
    ['a tempo of nothing', { cps: 0 }],
    ['a text that can’t be stored', { code: '\u0000' }],
  ])('refuses %s, and changes nothing', async (_name, payload) => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    ada.send('play', payload);
    expect((await ada.next('error')).payload.error).toBe('validation_error');
    expect((await scene.join(id)).state.payload).toMatchObject({ transport: null, rev: 0 });
  });
});

describe('what plays is as safe as an edit', () => {
  it('with the room gone, it is read from Redis', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('typed', 'r1');
    ada.send('play', { code: BEAT, cps: 0.75 });
    const { payload } = await ada.next('transport');
    await inRedis(id, BEAT);
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.join(id);
    expect(back.state.payload).toMatchObject({ code: 'typed', transport: payload });
  });

  it('a stop is told to the buffer, too', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    ada.send('play', { code: BEAT });
    await inRedis(id, BEAT);
    ada.send('stop');
    await inRedis(id, '');
    await stack.control.kill('room');
    await stack.control.start('room');
    expect((await scene.join(id)).state.payload).toMatchObject({ transport: null });
  });

  it('with the buffer gone too, it is read from Postgres, its code by itself', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('typed', 'r1');
    ada.send('play', { code: '"\n"' });
    const { payload } = await ada.next('transport');
    await inRedis(id, '"\n"');
    await scene.worker('POST', '/flush');
    expect(await inPostgres(id)).toMatchObject({
      played_code: '"\n"',
      transport: expect.stringContaining('0.5'),
    });
    expect(await scene.isDirty(id)).toBe(false);
    await stack.control.kill('room');
    await scene.redis('DEL', scene.key(`s:${id}`));
    await stack.control.start('room');
    const back = await scene.join(id);
    expect(back.state.payload).toMatchObject({ code: 'typed', transport: payload });
    back.send('stop');
    await back.next('transport', ({ playing }) => !playing);
    await vi.waitUntil(() => scene.isDirty(id), WAIT);
    await scene.worker('POST', '/flush');
    expect(await inPostgres(id)).toEqual({ played_code: '', transport: '' });
  });

  it('without the buffer, Postgres takes it', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('typed', 'r1');
    await stack.control.stop('redisRest');
    try {
      ada.send('play', { code: BEAT });
      await vi.waitUntil(async () => (await inPostgres(id))?.played_code === BEAT, WAIT);
    } finally {
      await stack.control.start('redisRest');
    }
  });

  it('goes to Redis once: an edit of a large text sends neither the text nor what plays again', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const large = `${'x'.repeat(50_000)}\n`;
    await ada.edit(large, 'r1');
    ada.send('play', { code: `${large}1` });
    await inRedis(id, `${large}1`);
    const before = await scene.redis('INFO', 'stats');
    await ada.edit(`${large}2`, 'r2');
    const after = await scene.redis('INFO', 'stats');
    const read = (info: unknown) => Number(/total_net_input_bytes:(\d+)/.exec(String(info))?.[1]);
    expect(read(after) - read(before)).toBeLessThan(20_000);
    expect(await scene.redis('HGET', scene.key(`s:${id}`), 'played')).toBe(`${large}1`);
  });
});
