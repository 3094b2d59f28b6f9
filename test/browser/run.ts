/**
 * The browser test: people in real browsers on the whole local stack.
 *
 *     npm run test:browser [-- account reports merging layout player people newcomers durability editing
 *                           listening admin releases writing ai strudels chat markup audience hidden]
 *                           [--postgres=real --redis=embedded] [--beside=PID]
 *
 * Without names all parts run, in this order. `hour`, which takes one, and `hidden`, which mostly waits and
 * may run beside the others, run only by their names. With `--beside`, what is left when that process has
 * ended is run by two streams, each on a stack of its own.
 */
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { identify } from '../../dev/process-table.ts';
import { startAiProvider } from '../support/ai-provider.ts';
import { startStack } from '../support/stack.ts';
import { account } from './account.ts';
import { admin } from './admin.ts';
import { ai } from './ai.ts';
import { audience } from './audience.ts';
import { TestBrowser } from './browser.ts';
import { chat } from './chat.ts';
import { CHROMIUM, ENGINE } from './chromium.ts';
import { durability } from './durability.ts';
import { editing } from './editing.ts';
import { hidden } from './hidden.ts';
import { layout } from './layout.ts';
import { listening } from './listening.ts';
import { markup } from './markup.ts';
import { hour, merging } from './merging.ts';
import { newcomers } from './newcomers.ts';
import { people } from './people.ts';
import { player } from './player.ts';
import { releases } from './releases.ts';
import { reports } from './reports.ts';
import { inPart, SCREENSHOTS, type Scene } from './scene.ts';
import { strudels } from './strudels.ts';
import { writing } from './writing.ts';

type Part = (scene: Scene) => Promise<void>;

/** The longest first, so that no stream ends long after the other. */
const PARTS: Record<string, Part> = {
  account,
  reports,
  merging,
  layout,
  player,
  people,
  newcomers,
  durability,
  editing,
  listening,
  admin,
  releases,
  writing,
  ai,
  strudels,
  chat,
  markup,
  audience,
};
/** In the whole browser: only that runs the player's frame in a process of its own. */
const IN_WHOLE_BROWSER = new Set(['player', 'listening']);
const BY_NAME: Record<string, Part> = { ...PARTS, hour };
const HIDDEN = 'hidden';
/** How often it is looked whether the process of `--beside` has ended, in milliseconds. */
const BESIDE_POLL_MS = 1_000;

async function main(): Promise<void> {
  const { values, positionals: named } = parseArgs({
    allowPositionals: true,
    options: { postgres: { type: 'string' }, redis: { type: 'string' }, beside: { type: 'string' } },
  });
  const unknown = named.filter((name) => !(name in BY_NAME) && name !== HIDDEN);
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}`);
  if (named.includes(HIDDEN)) await hidden();
  if (named.length > 0 && named.every((name) => name === HIDDEN)) return;
  await rm(SCREENSHOTS, { recursive: true, force: true });
  await mkdir(SCREENSHOTS, { recursive: true });

  const waiting = Object.entries(named.length > 0 ? BY_NAME : PARTS).filter(
    ([name]) => named.length === 0 || named.includes(name),
  );
  const stackArgs = [
    ...(values.postgres === undefined ? [] : [`--postgres=${values.postgres}`]),
    ...(values.redis === undefined ? [] : [`--redis=${values.redis}`]),
  ];
  const first = runStream(waiting, stackArgs);
  const second = values.beside === undefined ? null : runBeside(Number(values.beside), waiting, stackArgs);
  const outcomes = await Promise.allSettled([first, second]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** A second stream, from when that process has ended. */
async function runBeside(pid: number, waiting: [string, Part][], stackArgs: string[]): Promise<void> {
  while (identify(pid) !== null && waiting.length > 0) await setTimeout(BESIDE_POLL_MS);
  if (waiting.length > 0) await runStream(waiting, stackArgs);
}

/**
 * Takes part after part from the front, on a stack of its own and each with a new browser, until none is
 * left or one failed; then none is left for others either.
 */
async function runStream(waiting: [string, Part][], stackArgs: string[]): Promise<void> {
  const provider = await startAiProvider();
  const stack = await startStack(
    {
      // Short limits, so that a store which doesn't answer is noticed soon.
      REDIS_TIMEOUT_MS: '1000',
      POSTGRES_TIMEOUT_MS: '3000',
      BREAKER_RETRY_MS: '500',
      // Long enough for "saved" to be seen before "in Postgres".
      FLUSH_ALARM_MS: '2000',
      AI_PROVIDER: 'anthropic',
      ANTHROPIC_API_KEY: 'sk-of-the-server',
      ANTHROPIC_BASE_URL: provider.url,
      OPENAI_API_KEY: '',
      OPENAI_BASE_URL: provider.url,
    },
    stackArgs,
  );
  let running = '';
  let browser: TestBrowser | null = null;
  try {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, run] = next;
      running = name;
      const startMs = performance.now();
      const opened = await TestBrowser.launch([], IN_WHOLE_BROWSER.has(name) ? CHROMIUM : ENGINE);
      browser = opened;
      await inPart(name, () => run({ stack, browser: opened, provider }));
      assert.deepEqual(opened.complaints, [], 'the pages complained');
      await opened.close();
      console.log(`      ${name}: ${Math.round((performance.now() - startMs) / 1000)} s`);
    }
  } catch (error) {
    waiting.length = 0;
    for (const [index, page] of (browser?.pages() ?? []).entries()) {
      await page.screenshot({ path: join(SCREENSHOTS, `failed-${running}-${index}.png`) });
    }
    for (const complaint of browser?.complaints ?? []) console.error(`  ${complaint}`);
    console.error(stack.logs().slice(-4_000));
    throw error;
  } finally {
    await browser?.close();
    await stack.stop();
    await provider.stop();
  }
}

try {
  await main();
  console.log('browser test: all well');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
