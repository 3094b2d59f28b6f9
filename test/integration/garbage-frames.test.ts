/**
 * Whatever is sent over a socket: it is answered or the socket is closed, nothing changes by it, and
 * everybody else goes on.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type ClientMessageType, parseClientMessage } from '../../src/protocol/index.ts';
import { rev } from '../support/commits.ts';
import { contentsOf } from '../support/contents.ts';
import { fuzz, fuzzTimeoutMs, INTERNAL, mutated, rawBytes, rawText } from '../support/garbage.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';

const RUNS = 24;
/** Fewer than a connection may send within a second. */
const FRAMES = 50;
const EACH_MS = 3_000;

/** One right message of every type. */
const VALID = {
  code_update: {
    code: 's("bd")',
    cursor_line: 1,
    cursor_col: 2,
    source: 'typed',
    base_rev: 1,
    request_id: 'r',
  },
  take_back: { rev: 1, turn: 1, changes: [[0, 'x']], base_rev: 1, sync: 1, request_id: 'r' },
  chat_message: { message: 'hello', id: randomUUID(), request_id: 'r' },
  agent_request: {
    user_query: 'a beat',
    request_id: 'r',
    editor_state: 's("bd")',
    conversation_history: [{ role: 'user', content: 'hi' }],
    provider: 'openai',
    provider_api_key: 'sk-1',
  },
  switch_strudel: {
    strudel_id: randomUUID(),
    request_id: 'r',
    code: 's("hh")',
    conversation_history: [{ role: 'user', content: 'hi' }],
  },
  cursor_position: { line: 1, col: 0 },
  play: { request_id: 'r' },
  stop: { request_id: 'r' },
  ping: { request_id: 'r', mark: 'm', hidden: true },
  pong: { request_id: 'r' },
  resync: { request_id: 'r' },
  answer_knock: { knock_id: randomUUID(), role: 'viewer', readmit: true, request_id: 'r' },
} satisfies Record<ClientMessageType, object>;

const frame = fc.oneof(
  ...Object.entries(VALID).map(([type, payload]) =>
    mutated({
      type,
      session_id: randomUUID(),
      user_id: null,
      timestamp: 't',
      seq: 1,
      request_id: 'q',
      payload,
    }),
  ),
  rawText,
  rawBytes,
);
/** What the protocol takes is no garbage. */
const garbage = frame.filter((sent) => typeof sent !== 'string' || !parseClientMessage(sent).ok);

let stack: Stack;
let scene: Scene;

beforeAll(async () => {
  // Nothing is flushed by itself: what changes has a cause here.
  stack = await startStack({ FLUSH_ALARM_MS: '60000' });
  scene = new Scene(stack);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

it(
  'garbage is refused, message by message, and changes nothing',
  async () => {
    const { id } = await scene.session({ code: 'start' });
    const watcher = await scene.join(id, 'viewer');
    const place = await scene.token(id, 'host');
    await scene.join(id, 'host', { token: place });
    await scene.quiet();
    const before = await contentsOf(scene);
    await fc.assert(
      fc.asyncProperty(fc.array(garbage, { minLength: FRAMES, maxLength: FRAMES }), async (frames) => {
        const client = await scene.join(id, 'host', { token: place });
        for (const sent of frames) client.sendFrame(sent);
        await client.roundTrip();
        const answers = client.received.slice(1).map(({ type }) => type);
        expect(answers).toEqual([...frames.map(() => 'error'), 'pong']);
        for (const { payload } of client.all('error')) {
          expect(['bad_request', 'validation_error']).toContain(payload.error);
          expect(JSON.stringify(payload)).not.toMatch(INTERNAL);
        }
        await client.close();
      }),
      fuzz(RUNS),
    );
    await watcher.roundTrip();
    const seen = new Set(watcher.received.map(({ type }) => type));
    expect([...seen].sort()).toEqual(['pong', 'session_state', 'user_joined']);
    await scene.quiet();
    expect(await contentsOf(scene)).toBe(before);
    expect({} as Record<string, unknown>).not.toHaveProperty('isAdmin');
    // And it all still works.
    const late = await scene.join(id, 'host', { token: place });
    expect(late.state.payload).toMatchObject({ code: 'start', rev: 0, chat_history: [] });
    expect((await late.edit('end', 'r1')).payload.rev).toBe(rev(1));
    expect(stack.logs()).not.toMatch(/unexpected_error|Uncaught|TypeError|"failed"/);
  },
  fuzzTimeoutMs(RUNS, EACH_MS),
);
