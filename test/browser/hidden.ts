/**
 * A tab that is really hidden: another one is in front of it, and Chromium runs its timers once a minute.
 *
 * Playwright tells each page that it has the focus, and starts Chromium with timers as of a visible page. So
 * this part starts its own, and speaks the DevTools' protocol to it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { startStack } from '../support/stack.ts';
import { CHROMIUM } from './chromium.ts';
import { step } from './scene.ts';
import { eventually } from './session-page.ts';

/** For so long the tab is watched; a room closes what is silent for 60 s, and what is hidden for 150 s. */
const HIDDEN_MS = 121_000;
const QUIET_MS = 4_000;
/** Chromium begins when the page has been loaded and hidden for a minute, and goes by full minutes. */
const THROTTLED_AFTER_MS = 120_000;
/** Longer than the second at which timers of a hidden page run before that. */
const RESTED_MS = 10_000;
/** One at each full minute, and a few while the processor is busy; without it there are 120. */
const MOST_WAKES = 10;
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--remote-debugging-port=0',
  '--window-size=1440,900',
  '--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1',
];

const replySchema = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});
const targetSchema = z.object({ targetId: z.string() });
const attachedSchema = z.object({ sessionId: z.string() });
const valueSchema = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.undefined().optional(),
});
const statsSchema = z.object({ statements: z.number() });
/** The editor's text, which is in a shadow root. */
const CONTENT = `document.querySelector('[data-testid=editor]')?.shadowRoot.querySelector('.cm-content')`;
const wakesSchema = z.array(z.number());
/** Sessions as the page keeps them in its browser. */
const knownSchema = z.tuple([z.object({ id: z.string(), token: z.string() })]);

/** Chromium by its own protocol. */
class Devtools {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: z.infer<typeof replySchema>) => void>();
  #count = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const reply = replySchema.safeParse(JSON.parse(String(data)));
      if (reply.success) this.#waiting.get(reply.data.id)?.(reply.data);
    });
  }

  static async connect(child: ChildProcess): Promise<Devtools> {
    assert(child.stderr);
    for await (const line of createInterface({ input: child.stderr })) {
      const address = /ws:\/\/\S+/.exec(line)?.[0];
      if (address === undefined) continue;
      const socket = new WebSocket(address);
      await once(socket, 'open');
      return new Devtools(socket);
    }
    throw new Error('Chromium did not start');
  }

  async send<T extends z.ZodType>(
    method: string,
    params: object,
    reply: T,
    sessionId?: string,
  ): Promise<z.output<T>> {
    this.#count += 1;
    const id = this.#count;
    const { result, error } = await new Promise<z.infer<typeof replySchema>>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
    assert.equal(error, undefined, `${method}: ${JSON.stringify(error)}`);
    return reply.parse(result);
  }

  /** Opens a tab; what it resolves with evaluates an expression in it. */
  async tab(url: string): Promise<(expression: string) => Promise<unknown>> {
    const target = await this.send('Target.createTarget', { url }, targetSchema);
    await this.send('Target.activateTarget', target, z.unknown());
    const { sessionId } = await this.send(
      'Target.attachToTarget',
      { ...target, flatten: true },
      attachedSchema,
    );
    return async (expression) => {
      const asked = { expression, returnByValue: true };
      try {
        return (await this.send('Runtime.evaluate', asked, valueSchema, sessionId)).result.value;
      } catch (error) {
        // While it goes from one document to the next there is nothing to ask.
        if (String(error).includes('execution context')) return undefined;
        throw error;
      }
    };
  }
}

/** On a stack of its own, as it counts the statements that reach Postgres: it may run beside other parts. */
export async function hidden(): Promise<void> {
  const stack = await startStack();
  const profile = await mkdtemp(join(tmpdir(), 'backbeat-hidden-'));
  const chromium = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(chromium, 'exit');
  let ben: SessionClient | null = null;
  try {
    const devtools = await Devtools.connect(chromium);
    const inTab = await devtools.tab(stack.url);
    const press = (testId: string) =>
      eventually(`${testId} to be there`, async () => {
        const button = `document.querySelector('[data-testid=${testId}]')`;
        return (await inTab(`${button}?.click(), ${button} !== null`)) === true || 'no button';
      });
    const shows = (text: string) =>
      eventually(`the tab to show ${text}`, async () => {
        const shown = String(await inTab(`${CONTENT}?.textContent ?? ''`));
        return shown.includes(text) || shown;
      });
    await eventually('the page to have begun', async () => {
      const begun = await inTab('document.querySelector("template#scripts") !== null && document.readyState');
      return begun === 'complete' || String(begun);
    });
    await press('jam-now');
    await eventually('the editor to be there', async () => {
      return (await inTab(`Boolean(${CONTENT})`)) === true || String(await inTab('location.href'));
    });
    const known = knownSchema.parse(
      JSON.parse(String(await inTab("localStorage.getItem('backbeat:sessions')"))),
    );
    const [{ id, token }] = known;
    await inTab('wakes = []; (function wake() { wakes.push(Date.now()); setTimeout(wake, 500); })()');

    ben = new SessionClient({ url: stack.url, sessionId: id, token, WebSocket });
    const other = ben;
    let hasLeft = false;
    ben.on('message', ({ type }) => {
      if (type === 'user_left') hasLeft = true;
    });
    await eventually(
      'the other client to be in',
      async () => other.snapshot.connection.state === 'open' || '',
    );

    const statements = async () => {
      const stats = await fetch(new URL('/_stats', stack.neonFetchEndpoint));
      return statsSchema.parse(await stats.json()).statements;
    };
    await devtools.tab('about:blank');
    await step(
      'with another tab in front, the page is hidden, and its timers run once a minute',
      async () => {
        await eventually('the tab to be hidden', async () => {
          const state = await inTab('document.visibilityState');
          return state === 'hidden' || String(state);
        });
        await eventually('nothing to be written any more', async () => {
          const before = await statements();
          await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
          return before === (await statements()) || 'there are still statements';
        });
        await eventually(
          'its timers to be throttled',
          async () => {
            const restedMs = z.number().parse(await inTab('Date.now() - wakes.at(-1)'));
            return restedMs > RESTED_MS || `it woke ${restedMs} ms ago`;
          },
          THROTTLED_AFTER_MS,
        );
        const before = await statements();
        await inTab('wakes = []');
        await new Promise((resolve) => setTimeout(resolve, HIDDEN_MS));
        const wakes = wakesSchema.parse(await inTab('wakes'));
        assert(wakes.length <= MOST_WAKES, `its timers aren't throttled: ${wakes.length} wakes`);
        assert.equal(await inTab('document.visibilityState'), 'hidden');
        const asked = (await statements()) - before;
        assert.equal(asked, 0, `Postgres was asked ${asked} times`);
      },
    );
    await step('it has stayed connected all the time, and gets what others type at once', async () => {
      assert(!hasLeft);
      other.edit('// typed meanwhile');
      await shows('// typed meanwhile');
    });
  } finally {
    ben?.close();
    chromium.kill();
    await exited;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    await stack.stop();
  }
}
