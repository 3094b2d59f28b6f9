/**
 * Each of what calls the flush does so on its own, and whatever fails meanwhile, nothing
 * acknowledged is lost.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { numberIn } from '../../src/domain/revision.ts';
import { rev } from '../support/commits.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

const MINUTE_MS = 60_000;

/** Now, or a minute later: in one minute of fifteen, a turn also asks whether sessions are to be deleted. */
function plainMinuteMs(): number {
  const nowMs = Date.now();
  return Math.floor(nowMs / MINUTE_MS) % 15 === 0 ? nowMs + MINUTE_MS : nowMs;
}

function onStack(env: Record<string, string>) {
  const held: { stack: Stack; scene: Scene } = {} as never;
  beforeAll(async () => {
    held.stack = await startStack({ BACKBEAT_CRON_MS: '0', ...env });
    held.scene = new Scene(held.stack);
  });
  afterEach(() => held.scene.leave());
  afterAll(async () => {
    await held.scene?.end();
    await held.stack?.stop();
  });
  return held;
}

describe('with the alarm far away and no cron', () => {
  const on = onStack({ FLUSH_ALARM_MS: '60000' });

  // The two that count come first: a room that an earlier test left behind may ask for
  // something, a minute later.
  it('silence costs no Postgres query, and one Redis command a minute', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('x', 'r1');
    // A row that another transaction holds just then, as who came in is noted, is left for the next flush.
    await vi.waitUntil(async () => {
      await scene.worker('POST', '/flush');
      return !(await scene.isDirty(id));
    }, WAIT);
    // The first turn sends the script's text after its hash.
    await stack.control.cron(plainMinuteMs());
    await scene.quiet();
    const before = await scene.counters();
    for (let minute = 0; minute < 3; minute++) {
      await stack.control.cron(plainMinuteMs());
      await ada.roundTrip();
      await ada.roundTrip();
      await ada.roundTrip();
    }
    const after = await scene.counters();
    expect(after.statements - before.statements).toBe(0);
    expect(after.commands - before.commands).toBe(3);
  });

  it('edits and messages cost no Postgres query, and one Redis command a commit', async () => {
    const { scene } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('warm', 'r0');
    await scene.quiet();
    // Nothing has been flushed, so the session's hash counts all of them.
    const commits = async () => Number(await scene.redis('HGET', scene.key(`s:${id}`), 'commits'));
    const [before, commitsBefore] = [await scene.counters(), await commits()];
    for (let i = 1; i <= 5; i++) {
      ada.send('chat_message', { message: `message ${i}` });
      await ada.edit(`edit ${i}`, `r${i}`);
    }
    await ada.next('ack', ({ request_id }) => request_id === 'r5');
    const [after, made] = [await scene.counters(), (await commits()) - commitsBefore];
    expect(after.statements - before.statements).toBe(0);
    // One of them read the number of commits.
    expect(after.commands - before.commands).toBe(made + 1);
  });

  it('a disconnect flushes', async () => {
    const { scene } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('x', 'r1');
    expect((await scene.stored(id))?.rev).toBe(0);
    await ada.close();
    await vi.waitUntil(async () => (await scene.stored(id))?.code === 'x', WAIT);
    await vi.waitUntil(async () => !(await scene.isDirty(id)), WAIT);
  });

  it('the cron leaves few dirty sessions to their rooms, for two Redis commands', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('x', 'r1');
    // The first look at the system's figures sends the script's text.
    await stack.control.cron(plainMinuteMs());
    await scene.quiet();
    const before = await scene.counters();
    await stack.control.cron(plainMinuteMs());
    const after = await scene.counters();
    // What there is to do; and how things stand, for the operator.
    expect(after.commands - before.commands).toBe(2);
    expect(after.statements - before.statements).toBe(0);
    expect(await scene.isDirty(id)).toBe(true);
  });

  it('the cron sweeps many, and those that go on changing again and again', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('x1', 'r1');
    // As many as are many, of which nothing is left to write.
    const others = Array.from({ length: 20 }, () => [String(Date.now()), randomUUID()]).flat();
    await scene.redis('ZADD', scene.key('dirty'), ...others);
    const turn = stack.control.cron();
    await vi.waitUntil(async () => (await scene.stored(id))?.code === 'x1', WAIT);
    // Still the same turn: it comes back after its pause, and flushes the few that are left too.
    await ada.edit('x2', 'r2');
    await vi.waitUntil(async () => (await scene.stored(id))?.code === 'x2', WAIT);
    await turn;
    expect(await scene.isDirty(id)).toBe(false);
  });

  it('what a killed room left dirty is flushed by the cron, if nobody comes back', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('x', 'r1');
    await stack.control.kill('room');
    await stack.control.start('room');
    // Its alarm would have flushed it twice by now.
    await scene.redis('ZADD', scene.key('dirty'), String(Date.now() - 121_000), id);
    await stack.control.cron();
    expect((await scene.stored(id))?.code).toBe('x');
  });

  it('a later room finds what went to Postgres past the buffer, and a disconnect flushes what was left there', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('older', 'r1');
    await scene.worker('POST', `/flush/${id}`);
    ada.send('chat_message', { message: 'hello' });
    await ada.next('ack', ({ message_id }) => message_id !== undefined);
    await stack.control.stop('redisRest');
    expect((await ada.edit('newer', 'r2')).payload.durable).toBe('postgres');
    // The message is in the buffer, and might have stayed there.
    expect(await scene.stored(id)).toEqual({ code: 'newer', rev: rev(2), messages: ['hello'] });
    await stack.control.start('redisRest');
    await ada.close();
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.join(id);
    expect(back.state.payload).toMatchObject({ code: 'newer', rev: rev(2) });
    expect(back.state.payload.chat_history.map(({ content }) => content)).toEqual(['hello']);
    expect(await scene.isDirty(id)).toBe(true);
    await back.close();
    await vi.waitUntil(async () => !(await scene.isDirty(id)), WAIT);
    expect(await scene.stored(id)).toEqual({ code: 'newer', rev: rev(2), messages: ['hello'] });
  });

  it('reads show what was acknowledged a moment ago', async () => {
    const { scene, stack } = on;
    const { id, token } = await scene.session({ code: 'start' });
    const ada = await scene.join(id, 'host', { token });
    await ada.edit('just now', 'r1');
    ada.send('chat_message', { message: 'hello' });
    await ada.next('ack', ({ message_id }) => message_id !== undefined);
    const read = async (path: string) =>
      (
        await fetch(`${stack.workerUrl}/api/v1/sessions/${id}${path}`, {
          headers: { authorization: `Bearer ${token}` },
        })
      ).json();
    expect(await read('')).toMatchObject({ code: 'just now', rev: rev(1) });
    expect(await read('/messages')).toMatchObject({ messages: [{ content: 'hello' }] });
    expect(await scene.stored(id)).toEqual({ code: 'start', rev: 0, messages: [] });
  });

  it('four sweeps at once write everything once', async () => {
    const { scene } = on;
    const sessions = await Promise.all(Array.from({ length: 12 }, () => scene.session()));
    for (const { id } of sessions) {
      const client = await scene.join(id);
      client.send('chat_message', { message: 'hello' });
      await client.edit(`code of ${id}`, 'r1');
      await client.next('ack', ({ message_id }) => message_id !== undefined);
    }
    const sweeps = await Promise.all(Array.from({ length: 4 }, () => scene.worker('POST', '/flush')));
    expect(sweeps.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await scene.worker('POST', '/flush');
    for (const { id } of sessions) {
      expect(await scene.stored(id)).toEqual({ code: `code of ${id}`, rev: rev(1), messages: ['hello'] });
      expect(await scene.isDirty(id)).toBe(false);
    }
  });

  it('a poisoned session stands alone among the dead letters, and the others are flushed', async () => {
    const { scene } = on;
    const sessions = await Promise.all(Array.from({ length: 6 }, () => scene.session()));
    for (const { id } of sessions) await (await scene.join(id)).edit('fine', 'r1');
    const poisoned = sessions[0]!;
    // U+0000, which the room would never let in, and Postgres can't hold.
    await scene.redis('HSET', scene.key(`s:${poisoned.id}`), 'code', 'a\u0000b');
    expect(await scene.worker('POST', '/flush')).toMatchObject({ status: 200, body: { dead_letters: 1 } });
    for (const { id } of sessions) {
      expect((await scene.stored(id))?.code).toBe(id === poisoned.id ? '' : 'fine');
      expect(await scene.isDirty(id)).toBe(false);
    }
    const { body } = await scene.worker('GET', '/flush/dead');
    const { letters } = body as { letters: { id: string; session_id: string; reason: { code: string } }[] };
    expect(letters).toMatchObject([{ session_id: poisoned.id, kind: 'code' }]);
    const replay = `/flush/dead/${encodeURIComponent(letters[0]?.id ?? '')}/replay`;
    expect(await scene.worker('POST', replay)).toMatchObject({ status: 409, body: { error: 'conflict' } });
    await scene.redis('DEL', scene.key('dead'));
  });

  it('a session that was deleted while dirty goes to the dead letters whole', async () => {
    const { scene } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    ada.send('chat_message', { message: 'hello' });
    await ada.next('ack', ({ message_id }) => message_id !== undefined);
    await ada.edit('x', 'r1');
    await scene.sql('delete from sessions where id = $1', [id]);
    expect(await scene.worker('POST', `/flush/${id}`)).toMatchObject({
      body: { dead_letters: 2, is_dirty: false },
    });
    await scene.redis('DEL', scene.key('dead'));
  });
});

describe('with the alarm near and no cron', () => {
  const on = onStack({
    FLUSH_ALARM_MS: '1500',
    BREAKER_RETRY_MS: '500',
    COMMIT_FALLBACK_MS: '200',
    REDIS_TIMEOUT_MS: '1000',
  });

  it('the alarm flushes, though nobody leaves', async () => {
    const { scene } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('x', 'r1');
    await ada.next('flushed', (flushed) => flushed.rev === rev(1));
    expect((await scene.stored(id))?.code).toBe('x');
  });

  it('what a killed room left dirty is flushed by the next one that loads it', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    ada.send('chat_message', { message: 'hello' });
    await ada.edit('x', 'r1');
    await ada.next('ack', ({ message_id }) => message_id !== undefined);
    await stack.control.kill('room');
    expect(await scene.isDirty(id)).toBe(true);
    await stack.control.start('room');
    const back = await scene.join(id, 'viewer');
    // The alarm that the killed room left behind may have been quicker.
    if (back.state.payload.flushed_rev < rev(1)) {
      await back.next('flushed', (flushed) => flushed.rev === rev(1));
    }
    expect(await scene.stored(id)).toEqual({ code: 'x', rev: rev(1), messages: ['hello'] });
  });

  it('while the buffer is down edits are acknowledged from Postgres, and it recovers by itself', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('in the buffer', 'r1');
    await stack.control.stop('redisRest');
    expect((await ada.edit('in Postgres', 'r2')).payload).toEqual({
      rev: rev(2),
      request_id: 'r2',
      durable: 'postgres',
    });
    expect((await ada.next('degraded')).payload).toMatchObject({ reason: 'buffer_unavailable' });
    expect((await scene.stored(id))?.code).toBe('in Postgres');
    const messageId = randomUUID();
    ada.send('chat_message', { message: 'hello', id: messageId });
    expect((await ada.next('ack', (ack) => ack.message_id === messageId)).payload.durable).toBe('postgres');
    // Nobody can enter a session whose newest state may be out of reach; this room's says
    // that it is in Postgres.
    await stack.control.start('redisRest');
    await ada.next('degraded', ({ recovered }) => recovered === true);
    expect((await ada.edit('in the buffer again', 'r3')).payload).toMatchObject({
      rev: rev(3),
      durable: 'buffer',
    });
    await ada.next('flushed', (flushed) => flushed.rev === rev(3));
    expect(await scene.stored(id)).toEqual({ code: 'in the buffer again', rev: rev(3), messages: ['hello'] });
  });

  it('a session that was just made is opened without the buffer, too', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    await stack.control.stop('redisRest');
    try {
      const ada = await scene.join(id);
      expect((await ada.edit('the first', 'r1')).payload).toMatchObject({ durable: 'postgres' });
      expect((await scene.stored(id))?.code).toBe('the first');
    } finally {
      await stack.control.start('redisRest');
    }
  });

  it('a room killed while Postgres stood in goes on from there, not from the older buffer', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('older', 'r1');
    await stack.control.stop('redisRest');
    await ada.edit('newer', 'r2');
    await stack.control.kill('room');
    await stack.control.start('redisRest');
    await stack.control.start('room');
    const back = await scene.join(id);
    expect(back.state.payload).toMatchObject({ code: 'newer', rev: rev(2) });
    await back.edit('newest', 'r3');
    await back.next('flushed', (flushed) => flushed.rev === numberIn(2, 1));
    expect((await scene.stored(id))?.code).toBe('newest');
  });

  it('who enters while old messages are out of reach gets them once they aren’t', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await stack.control.stop('redisRest');
    await ada.edit('in Postgres', 'r1');
    ada.send('chat_message', { message: 'hello' });
    await ada.next('ack', ({ message_id }) => message_id !== undefined);
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.join(id);
    expect(back.state.payload).toMatchObject({ code: 'in Postgres', chat_history: [] });
    await stack.control.start('redisRest');
    const { payload } = await back.next('session_state', (state) => state.chat_history.length > 0);
    expect(payload).toMatchObject({ code: 'in Postgres', chat_history: [{ content: 'hello' }] });
  });

  it('while Postgres is down edits are acknowledged from the buffer, and flushed once it is back', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await stack.control.stop('neonHttp');
    expect((await ada.edit('x', 'r1')).payload.durable).toBe('buffer');
    expect(await scene.worker('POST', `/flush/${id}`)).toMatchObject({ status: 503 });
    await stack.control.start('neonHttp');
    await ada.next('flushed', (flushed) => flushed.rev === rev(1));
    expect((await scene.stored(id))?.code).toBe('x');
  });

  it('while both are down nothing is acknowledged, clients are told, and nothing is lost', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('x1', 'r1');
    await Promise.all([stack.control.stop('neonHttp'), stack.control.stop('redisRest')]);
    ada.send('code_update', { code: 'x2', request_id: 'r2' });
    expect((await ada.next('degraded')).payload).toMatchObject({ reason: 'storage_unavailable' });
    expect(ada.all('ack').map(({ payload }) => payload.request_id)).toEqual(['r1']);
    await Promise.all([stack.control.start('neonHttp'), stack.control.start('redisRest')]);
    await ada.next('ack', ({ request_id }) => request_id === 'r2');
    await ada.next('flushed', (flushed) => flushed.rev === rev(2));
    expect((await scene.stored(id))?.code).toBe('x2');
  });

  it('a restart of everything keeps everything that was acknowledged', async () => {
    const { scene, stack } = on;
    const { id } = await scene.session();
    const ada = await scene.join(id);
    ada.send('chat_message', { message: 'hello' });
    await ada.next('ack', ({ message_id }) => message_id !== undefined);
    await ada.edit('x', 'r1');
    const parts = await stack.control.parts();
    const order = (['redis', 'redisRest', 'postgres', 'neonHttp', 'worker', 'room'] as const).filter(
      (p) => parts[p],
    );
    for (const part of order) await stack.control.kill(part);
    for (const part of order) await stack.control.start(part);
    const back = await scene.join(id);
    expect(back.state.payload).toMatchObject({ code: 'x', rev: rev(1) });
    expect(back.state.payload.chat_history.map(({ content }) => content)).toEqual(['hello']);
    await vi.waitUntil(async () => !(await scene.isDirty(id)), WAIT);
    expect(await scene.stored(id)).toEqual({ code: 'x', rev: rev(1), messages: ['hello'] });
  });
});
