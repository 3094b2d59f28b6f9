/**
 * The browser test: people in real browsers on the whole local stack.
 *
 *     npm run test:browser [-- editing writing merging people newcomers audience layout strudels chat ai
 *                           markup admin player listening durability reports account releases hidden]
 *                           [--postgres=real --redis=embedded]
 *
 * Without names all parts run, two at a time, each of the two with a stack and a browser of its own: a part
 * waits more than it works. `hour`, which takes one, and `hidden`, which mostly waits and may run beside the
 * others, run only by their names.
 */
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startAiProvider } from '../support/ai-provider.ts';
import { startStack } from '../support/stack.ts';
import { account } from './account.ts';
import { admin } from './admin.ts';
import { ai } from './ai.ts';
import { audience } from './audience.ts';
import { TestBrowser } from './browser.ts';
import { chat } from './chat.ts';
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
import { SCREENSHOTS, type Scene } from './scene.ts';
import { strudels } from './strudels.ts';
import { writing } from './writing.ts';

type Part = (scene: Scene) => Promise<void>;

const PARTS: Record<string, Part> = {
  editing,
  writing,
  merging,
  people,
  newcomers,
  audience,
  layout,
  strudels,
  chat,
  ai,
  markup,
  admin,
  player,
  listening,
  durability,
  reports,
  account,
  releases,
};
const BY_NAME: Record<string, Part> = { ...PARTS, hour };
const HIDDEN = 'hidden';
/** How many parts run at a time. */
const LANES = 2;

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const flags = args.filter((arg) => arg.startsWith('-'));
  const named = args.filter((arg) => !arg.startsWith('-'));
  const unknown = named.filter((name) => !(name in BY_NAME) && name !== HIDDEN);
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}`);
  if (named.includes(HIDDEN)) await hidden();
  const parts = Object.entries(named.length > 0 ? BY_NAME : PARTS).filter(
    ([name]) => named.length === 0 || named.includes(name),
  );
  if (parts.length === 0) return;
  await rm(SCREENSHOTS, { recursive: true, force: true });
  await mkdir(SCREENSHOTS, { recursive: true });
  const lanes = await Promise.allSettled(
    Array.from({ length: Math.min(LANES, parts.length) }, () => runLane(parts, flags)),
  );
  const failures = lanes.flatMap((lane) => (lane.status === 'rejected' ? [lane.reason as unknown] : []));
  if (failures.length > 0) throw new AggregateError(failures, 'the browser test failed');
}

/**
 * Runs one part after the other, as long as there are any.
 * @param parts what is left to run, for all lanes; emptied where one fails, so that the others end soon.
 */
async function runLane(parts: [string, Part][], flags: string[]): Promise<void> {
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
    flags,
  );
  const browser = await TestBrowser.launch();
  let part = '';
  try {
    for (let next = parts.shift(); next !== undefined; next = parts.shift()) {
      const startMs = performance.now();
      part = next[0];
      await next[1]({ stack, browser, provider });
      assert.deepEqual(browser.complaints, [], 'the pages complained');
      await browser.closePages();
      console.log(`      ${part}: ${Math.round((performance.now() - startMs) / 1000)} s`);
    }
  } catch (error) {
    parts.length = 0;
    for (const [index, page] of browser.pages().entries()) {
      await page.screenshot({ path: join(SCREENSHOTS, `failed-${part}-${index}.png`) });
    }
    for (const complaint of browser.complaints) console.error(`  ${complaint}`);
    console.error(stack.logs().slice(-4_000));
    throw new Error(`${part} failed`, { cause: error });
  } finally {
    await browser.close();
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
