/** What every part of the browser test gets, and how it says what it does. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import type { AiProvider } from '../support/ai-provider.ts';
import type { Stack } from '../support/stack.ts';
import type { TestBrowser } from './browser.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
export const SCREENSHOTS = fileURLToPath(new URL('screenshots', import.meta.url));

export interface Scene {
  stack: Stack;
  browser: TestBrowser;
  /** What the stack takes for an AI provider. */
  provider: AiProvider;
}

/**
 * A development token, by `npm run token`.
 * @param secret by default the stack's.
 * @param expires by default in 30 days.
 */
export async function userToken(
  { stack }: Scene,
  subject: string,
  name: string,
  secret = stack.jwtSecret,
  expires = '30d',
): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'dev/token.ts', '--sub', subject, '--name', name, '--expires', expires],
    { cwd: PROJECT, env: { ...process.env, JWT_SECRET: secret } },
  );
  return stdout.trim();
}

const part = new AsyncLocalStorage<string>();

/** Runs a part of the test, whose steps are told by its name: two may run at once. */
export function inPart<T>(name: string, run: () => Promise<T>): Promise<T> {
  return part.run(name, run);
}

/** Says what is tried and how it went. */
export async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  const startMs = Date.now();
  const ofPart = part.getStore();
  const full = ofPart === undefined ? name : `${ofPart}: ${name}`;
  const say = (outcome: string) => console.log(`${outcome} ${full} (${Date.now() - startMs} ms)`);
  try {
    const result = await run();
    say('ok   ');
    return result;
  } catch (error) {
    say('FAIL ');
    throw error;
  }
}

export async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
