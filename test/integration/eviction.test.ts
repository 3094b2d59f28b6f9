/**
 * A room that nobody talks to is evicted from memory; its alarm is in durable storage, and a
 * fresh instance flushes.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import { rev } from '../support/commits.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { PATIENCE_MS } from '../support/wait.ts';

/** workerd hibernates an idle room after ten seconds or so, and looks for idle rooms now and then. */
const ALARM_MS = 40_000;
const WAIT = { timeout: ALARM_MS + PATIENCE_MS, interval: 200 };

let provider: AiProvider;
let stack: Stack;
let scene: Scene;
beforeAll(async () => {
  provider = await startAiProvider();
  stack = await startStack({
    BACKBEAT_CRON_MS: '0',
    FLUSH_ALARM_MS: String(ALARM_MS),
    ANTHROPIC_API_KEY: 'a-key-for-tests',
    ANTHROPIC_BASE_URL: provider.url,
  });
  scene = new Scene(stack);
});
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
  await provider?.stop();
});

it(
  'the alarm of an evicted room fires in a fresh instance, which flushes and tells those who stayed; an AI at work keeps its room',
  async () => {
    const { id } = await scene.session();
    const term = async (of = id) => Number(await scene.redis('HGET', scene.key(`s:${of}`), 'term'));
    const asking = await scene.session();
    const asker = await scene.join(asking.id);
    const before = await term(asking.id);
    const held = provider.hold();
    asker.send('agent_request', { user_query: 'take your time', request_id: 'a1' });
    const answer = await held;

    const ada = await scene.join(id);
    await ada.edit('x', 'r1');
    const first = await term();
    expect(await scene.isDirty(id)).toBe(true);
    await vi.waitUntil(async () => (await scene.stored(id))?.code === 'x', WAIT);
    await ada.next('flushed', (flushed) => flushed.rev === rev(1));
    // A greater term: whoever flushed is another instance than the one that took the edit.
    expect(await term()).toBeGreaterThan(first);
    expect(await scene.isDirty(id)).toBe(false);

    answer.send('Here I am.');
    answer.end();
    expect((await asker.next('agent_response')).payload.code).toBe('Here I am.');
    expect(await term(asking.id)).toBe(before);
  },
  WAIT.timeout + 20_000,
);
