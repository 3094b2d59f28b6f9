/** A room as its clients see it: state, order, acknowledgements, resends, roles, limits. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { signSessionToken } from '../../src/access/session-token.ts';
import { COUNTS_PER_TERM, numberIn } from '../../src/domain/revision.ts';
import {
  MAX_CHAT_CHARS,
  MAX_CHAT_PER_MINUTE,
  MAX_CODE_BYTES,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_SIGNALS_PER_SECOND,
} from '../../src/protocol/index.ts';
import { RESERVATION_HEADER } from '../../src/room/connections/grant.ts';
import { rev } from '../support/commits.ts';
import { RawClient, RefusedError } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

let stack: Stack;
let scene: Scene;

beforeAll(async () => {
  stack = await startStack({ BACKBEAT_CRON_MS: '0', FLUSH_ALARM_MS: '1000' });
  scene = new Scene(stack);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

describe('the main job', () => {
  it('commits an edit and a message, acknowledges them, flushes them, and says so', async () => {
    const { id, token } = await scene.session({ code: 'start' });
    const ada = await scene.join(id, 'host', { token });
    expect(ada.state.payload).toMatchObject({
      code: 'start',
      rev: 0,
      your_role: 'host',
      your_display_name: 'Ada',
      participants: [{ display_name: 'Ada', role: 'host', user_id: null }],
    });
    expect((await ada.edit('s("bd")', 'r1')).payload).toEqual({
      rev: rev(1),
      request_id: 'r1',
      durable: 'buffer',
    });
    const messageId = randomUUID();
    ada.send('chat_message', { message: 'hello', id: messageId });
    await ada.next('ack', (ack) => ack.message_id === messageId);
    await ada.next('flushed', (flushed) => flushed.rev === rev(1));
    await vi.waitUntil(async () => (await scene.stored(id))?.messages.length === 1, WAIT);
    expect(await scene.stored(id)).toEqual({ code: 's("bd")', rev: rev(1), messages: ['hello'] });
    await vi.waitUntil(async () => !(await scene.isDirty(id)), WAIT);
  });

  it('shows an edit to everybody but its sender, and a message to everybody', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const ben = await scene.join(id, 'co-author');
    expect((await ada.next('user_joined')).payload).toEqual({
      user_id: null,
      display_name: 'co-author',
      role: 'co-author',
      participant_id: expect.any(String),
      color: 1,
    });
    ben.send('code_update', { code: 'x', cursor_line: 1, cursor_col: 1, source: 'paste' });
    expect((await ada.next('code_update')).payload).toEqual({
      code: 'x',
      rev: rev(1),
      cursor_line: 1,
      cursor_col: 1,
      source: 'paste',
      display_name: 'co-author',
      user_id: null,
      role: 'co-author',
      participant_id: expect.any(String),
    });
    ben.send('chat_message', { message: 'hi' });
    const [toAda, toBen] = await Promise.all([ada.next('chat_message'), ben.next('chat_message')]);
    expect(toAda.payload).toEqual(toBen.payload);
    ben.send('play');
    ben.send('cursor_position', { line: 3, col: 4 });
    ben.send('stop');
    await ada.next('play');
    expect((await ada.next('cursor_position')).payload).toMatchObject({ line: 3, col: 4, role: 'co-author' });
    await ada.next('stop');
    await ben.roundTrip();
    expect(ben.all('code_update')).toEqual([]);
    expect(ben.all('play')).toEqual([]);
    // Some numbers are of what wasn't for her.
    const seqs = ada.broadcastSeqs();
    expect(seqs.length).toBeGreaterThan(3);
    expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
    await ben.close();
    expect((await ada.next('user_left')).payload.display_name).toBe('co-author');
  });

  it('gives a late joiner the state and then exactly what came after it, in order', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    let isTyping = true;
    let sent = 0;
    const typing = (async () => {
      while (isTyping) {
        sent += 1;
        ada.send('code_update', { code: `edit ${sent}`, request_id: `r${sent}` });
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
    })();
    const joiners = [];
    for (let i = 0; i < 5; i++) joiners.push(await scene.join(id, 'viewer'));
    isTyping = false;
    await typing;
    await ada.next('ack', (ack) => ack.request_id === `r${sent}`);
    for (const joiner of joiners) {
      const { payload: state } = joiner.state;
      const seen = state.rev % COUNTS_PER_TERM;
      expect(state).toMatchObject(
        seen === 0 ? { code: '', rev: 0 } : { code: `edit ${seen}`, rev: rev(seen) },
      );
      if (seen < sent) await joiner.next('code_update', (update) => update.rev === rev(sent));
      expect(joiner.all('code_update').map(({ payload }) => [payload.rev, payload.code])).toEqual(
        Array.from({ length: sent - seen }, (_, i) => [rev(seen + i + 1), `edit ${seen + i + 1}`]),
      );
    }
  });

  it('shows history to who comes later', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    for (const message of ['one', 'two', 'three']) ada.send('chat_message', { message });
    await ada.next('chat_message', ({ message }) => message === 'three');
    const ben = await scene.join(id, 'viewer');
    expect(ben.state.payload.chat_history.map(({ content }) => content)).toEqual(['one', 'two', 'three']);
  });
});

describe('a resend', () => {
  it('of an edit after a reconnect has no second effect, though others have edited since', async () => {
    const { id } = await scene.session();
    const ada = { connectionId: randomUUID(), token: await scene.token(id, 'host') };
    const first = await scene.join(id, 'host', ada);
    await first.edit('mine', 'r1');
    first.terminate();
    const ben = await scene.join(id, 'co-author');
    await ben.edit('theirs', 'q1');
    const back = await scene.join(id, 'host', ada);
    expect(back.state.payload).toMatchObject({ code: 'theirs', rev: rev(2) });
    expect((await back.edit('mine', 'r1')).payload).toMatchObject({ rev: rev(1), request_id: 'r1' });
    const late = await scene.join(id, 'viewer');
    expect(late.state.payload).toMatchObject({ code: 'theirs', rev: rev(2) });
    expect(ben.all('code_update')).toEqual([]);
  });

  it('is no resend when it is another participant’s, who comes with the same connection id', async () => {
    const { id } = await scene.session();
    const connectionId = randomUUID();
    const ada = await scene.join(id, 'host', { connectionId });
    await ada.edit('hers', 'r1');
    ada.terminate();
    const ben = await scene.join(id, 'co-author', { connectionId });
    expect((await ben.edit('his', 'r1')).payload).toMatchObject({ rev: rev(2), request_id: 'r1' });
    expect((await scene.join(id, 'viewer')).state.payload).toMatchObject({ code: 'his', rev: rev(2) });
  });

  it('of a message is stored and shown once', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const messageId = randomUUID();
    ada.send('chat_message', { message: 'once', id: messageId });
    await ada.next('ack', (ack) => ack.message_id === messageId);
    ada.send('chat_message', { message: 'once', id: messageId });
    await ada.next('ack', (ack) => ack.message_id === messageId);
    expect(ada.all('chat_message')).toHaveLength(1);
    await scene.worker('POST', `/flush/${id}`);
    expect((await scene.stored(id))?.messages).toEqual(['once']);
  });

  it('of another’s message is a conflict and changes nothing: at once, when it is stored, after a restart', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const ben = await scene.join(id, 'viewer');
    const messageId = randomUUID();
    const steal = async () => {
      ben.send('chat_message', { message: 'stolen', id: messageId });
      expect((await ben.next('error')).payload.error).toBe('conflict');
    };
    ada.send('chat_message', { message: 'hers', id: messageId });
    // It is hers once the room has it, which others see before it is committed.
    await ben.next('chat_message');
    await steal();
    await ada.next('ack', (ack) => ack.message_id === messageId);
    await steal();
    await scene.worker('POST', `/flush/${id}`);
    const before = await scene.stored(id);
    expect(before?.messages).toEqual(['hers']);
    await steal();
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.join(id, 'viewer');
    back.send('chat_message', { message: 'stolen', id: messageId });
    expect((await back.next('error')).payload.error).toBe('conflict');
    expect(back.all('ack')).toEqual([]);
    expect(back.all('chat_message')).toEqual([]);
    await scene.worker('POST', `/flush/${id}`);
    expect(await scene.stored(id)).toEqual(before);
    expect(ben.all('ack')).toEqual([]);
  });

  it('under another’s connection id neither throws them out nor is taken for theirs', async () => {
    const { id } = await scene.session();
    const connectionId = randomUUID();
    const ada = await scene.join(id, 'host', { connectionId });
    await ada.edit('one', 'r1');
    const ben = await scene.join(id, 'co-author', { connectionId });
    // The id that hers has next.
    expect((await ben.edit('two', 'r2')).payload).toMatchObject({ rev: rev(2), request_id: 'r2' });
    expect((await ada.edit('three', 'r2')).payload).toMatchObject({ rev: rev(3), request_id: 'r2' });
    expect((await scene.join(id, 'viewer')).state.payload).toMatchObject({ code: 'three', rev: rev(3) });
    expect(ada.all('user_left')).toEqual([]);
  });

  it('is known after the room was killed, too', async () => {
    const { id } = await scene.session();
    const ada = { connectionId: randomUUID(), token: await scene.token(id, 'host') };
    await (await scene.join(id, 'host', ada)).edit('mine', 'r1');
    const ben = await scene.join(id, 'co-author');
    await ben.edit('theirs', 'q1');
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.join(id, 'host', ada);
    expect(back.state.payload).toMatchObject({ code: 'theirs', rev: rev(2) });
    expect((await back.edit('mine', 'r1')).payload).toMatchObject({ rev: rev(1) });
    expect((await scene.join(id, 'viewer')).state.payload.code).toBe('theirs');
  });
});

describe('who may come in', () => {
  const refusal = async (options: {
    sessionId: string;
    token?: string;
    connectionId?: string;
    headers?: Record<string, string>;
  }) => {
    const failure = await RawClient.connect({ roomUrl: stack.roomUrl, ...options }).catch(
      (error: unknown) => error,
    );
    if (!(failure instanceof RefusedError)) throw new Error(`not refused: ${String(failure)}`);
    const { error } = JSON.parse(failure.body) as { error: string };
    // A browser can't see that status; the same address says it to a plain GET.
    const url = new URL(`/parties/main/${options.sessionId}`, stack.roomUrl);
    if (options.token) url.searchParams.set('token', options.token);
    if (options.connectionId) url.searchParams.set('_pk', options.connectionId);
    expect((await fetch(url)).status).toBe(failure.status);
    return [failure.status, error];
  };

  it('is refused before the upgrade, with a status and a reason', async () => {
    const { id, token } = await scene.session();
    const other = await scene.session();
    expect(await refusal({ sessionId: id })).toEqual([401, 'unauthorized']);
    expect(await refusal({ sessionId: id, token: 'x.y.z' })).toEqual([401, 'unauthorized']);
    expect(await refusal({ sessionId: id, token: `${token}x` })).toEqual([401, 'unauthorized']);
    expect(await refusal({ sessionId: id, token: other.token })).toEqual([403, 'forbidden']);
    expect(await refusal({ sessionId: 'nonsense', token })).toEqual([400, 'bad_request']);
    expect(await refusal({ sessionId: id, token, connectionId: 'a b' })).toEqual([400, 'bad_request']);
    const nowhere = randomUUID();
    expect(await refusal({ sessionId: nowhere, token: await scene.token(nowhere, 'host') })).toEqual([
      404,
      'not_found',
    ]);
    const forged = await signSessionToken(
      {
        sessionId: id,
        participantId: randomUUID(),
        role: 'host',
        displayName: 'Eve',
        userId: null,
        avatarUrl: null,
      },
      'another secret of the same length',
    );
    expect(await refusal({ sessionId: id, token: forged })).toEqual([401, 'unauthorized']);
  });

  it('cannot say by a header that a place is kept for them', async () => {
    const { id } = await scene.session();
    const headers = { [RESERVATION_HEADER]: randomUUID() };
    expect(await refusal({ sessionId: id, headers })).toEqual([401, 'unauthorized']);
    expect((await scene.join(id, 'viewer', { headers })).state.payload.your_role).toBe('viewer');
  });

  it('is let in a second time under the same connection id without the first being in the way', async () => {
    const { id } = await scene.session();
    const returning = { connectionId: randomUUID(), token: await scene.token(id, 'host') };
    const first = await scene.join(id, 'host', returning);
    const watcher = await scene.join(id, 'viewer');
    const second = await scene.join(id, 'host', returning);
    await second.edit('x', 'r1');
    await watcher.next('code_update');
    expect(first.all('code_update')).toEqual([]);
    expect(second.state.payload.participants).toHaveLength(2);
    expect(watcher.all('user_left')).toEqual([]);
    expect(watcher.all('user_joined')).toEqual([]);
    // Somebody else under that id is somebody else.
    const { connectionId } = returning;
    await scene.join(id, 'co-author', { connectionId, token: await scene.token(id, 'co-author') });
    await watcher.next('user_joined', ({ role }) => role === 'co-author');
    expect(watcher.all('user_left')).toEqual([]);
  });
});

describe('what a message may be', () => {
  it('a viewer’s edit, play or stop is refused, its cursor ignored, its chat taken', async () => {
    const { id } = await scene.session({ code: 'start' });
    const host = await scene.join(id);
    const viewer = await scene.join(id, 'viewer');
    viewer.send('code_update', { code: 'mine', request_id: 'r1' });
    expect((await viewer.next('error', (e) => e.request_id === 'r1')).payload.error).toBe('forbidden');
    viewer.send('play', { request_id: 'p' });
    await viewer.next('error', (e) => e.request_id === 'p' && e.error === 'forbidden');
    viewer.send('cursor_position', { line: 1, col: 1 });
    viewer.send('chat_message', { message: 'hi' });
    await host.next('chat_message');
    expect(host.all('cursor_position')).toEqual([]);
    expect(host.all('code_update')).toEqual([]);
    expect((await scene.join(id, 'viewer')).state.payload).toMatchObject({ code: 'start', rev: 0 });
  });

  it('is refused when it does not fit, and the connection stays', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const cases: [send: () => void, error: string][] = [
      [() => ada.sendFrame('not json'), 'bad_request'],
      [() => ada.sendFrame(Buffer.from([1, 2, 3])), 'bad_request'],
      [() => ada.sendFrame('[]'), 'validation_error'],
      [() => ada.send('no_such_type', {}), 'validation_error'],
      [() => ada.send('code_update', { code: 5 }), 'validation_error'],
      [() => ada.send('code_update', { code: 'a\u0000b' }), 'validation_error'],
      [() => ada.send('code_update', { code: 'a\ud800b' }), 'validation_error'],
      [() => ada.send('code_update', { code: 'x'.repeat(MAX_CODE_BYTES + 1) }), 'validation_error'],
      [() => ada.send('code_update', { code: 'ü'.repeat(MAX_CODE_BYTES / 2 + 1) }), 'validation_error'],
      [() => ada.send('chat_message', { message: ' \n' }), 'validation_error'],
      [() => ada.send('chat_message', { message: 'x'.repeat(MAX_CHAT_CHARS + 1) }), 'validation_error'],
      [() => ada.send('chat_message', { message: 'x', id: 'not a uuid' }), 'validation_error'],
      [() => ada.send('cursor_position', { line: 0, col: 0 }), 'validation_error'],
    ];
    for (const [i, [send, error]] of cases.entries()) {
      send();
      await vi.waitUntil(() => ada.all('error').length > i, WAIT);
      expect(ada.all('error')[i]?.payload.error, `case ${i}`).toBe(error);
    }
    expect((await scene.join(id, 'viewer')).state.payload).toMatchObject({ rev: 0, chat_history: [] });
    expect((await ada.edit('x'.repeat(MAX_CODE_BYTES), 'largest')).payload.rev).toBe(rev(1));
    ada.send('chat_message', { message: 'y'.repeat(MAX_CHAT_CHARS) });
    await ada.next('chat_message');
  });

  it('is limited in number: edits a second and chat a minute, with nothing lost below the limit', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    for (let i = 1; i <= MAX_CODE_UPDATES_PER_SECOND + 1; i++) {
      ada.send('code_update', { code: `edit ${i}`, request_id: `r${i}` });
    }
    const refused = await ada.next('error');
    expect(refused.payload).toMatchObject({
      error: 'too_many_requests',
      request_id: `r${MAX_CODE_UPDATES_PER_SECOND + 1}`,
    });
    await ada.next('ack', (ack) => ack.rev === rev(MAX_CODE_UPDATES_PER_SECOND));
    for (let i = 1; i <= MAX_CHAT_PER_MINUTE + 1; i++) {
      ada.send('chat_message', { message: `message ${i}`, request_id: `m${i}` });
    }
    await ada.next(
      'error',
      (e) => e.request_id === `m${MAX_CHAT_PER_MINUTE + 1}` && e.error === 'too_many_requests',
    );
    expect(ada.all('chat_message')).toHaveLength(MAX_CHAT_PER_MINUTE);
    expect(ada.all('error')).toHaveLength(2);
    // Of another connection each has its own; everything else is counted together.
    const ben = await scene.join(id, 'viewer');
    for (let i = 1; i <= MAX_SIGNALS_PER_SECOND + 1; i++) ben.send('ping', { request_id: `p${i}` });
    const one = await ben.next('error');
    expect(one.payload).toMatchObject({
      error: 'too_many_requests',
      request_id: `p${MAX_SIGNALS_PER_SECOND + 1}`,
    });
    expect(ben.all('pong')).toHaveLength(MAX_SIGNALS_PER_SECOND);
  });
});

describe('one writer per session', () => {
  it('a room that another one has replaced commits nothing more, and sends its clients away', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    await ada.edit('before', 'r1');
    // What another room does when it starts: it registers a greater term, and commits.
    const session = scene.key(`s:${id}`);
    const term = 1_000;
    const fields = { term, code: 'of the successor', rev: numberIn(term, 1) };
    await scene.redis('HSET', session, ...Object.entries(fields).flat().map(String));
    ada.send('code_update', { code: 'of the zombie', request_id: 'r2' });
    await ada.next('server_shutdown');
    expect(await ada.closed).toMatchObject({ code: 1012 });
    expect(ada.all('ack').map(({ payload }) => payload.request_id)).toEqual(['r1']);
    expect(await scene.redis('HGET', session, 'code')).toBe('of the successor');
    // Its clients come back, to whoever has the session now, with what wasn't acknowledged.
    const back = await scene.join(id);
    expect(back.state.payload).toMatchObject({ code: 'of the successor', rev: numberIn(term, 1) });
    expect((await back.edit('of the zombie', 'r2')).payload.rev).toBe(numberIn(term + 1, 1));
  });
});
