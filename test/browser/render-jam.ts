/**
 * Makes the README's moving picture, `docs/jam.gif`: two people change a pattern while it plays, in a real
 * browser on the local stack. Run it by hand after the page's looks have changed; it needs Chromium and
 * ImageMagick.
 *
 *     npx tsx test/browser/render-jam.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { PROJECT_DIR } from '../../dev/project.ts';
import { startStack } from '../support/stack.ts';
import { CHROMIUM } from './chromium.ts';

const SIZE = { width: 1000, height: 560 };
/** Of the picture; the browser's is larger, so that text is small enough. */
const WIDTH = 800;
const FRAME_MS = 200;
const COLORS = 64;

const stack = await startStack({}, []);
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
});
const folder = mkdtempSync(join(tmpdir(), 'backbeat-jam-'));
try {
  const ana = await newPage();
  await ana.goto(stack.url);
  await ana.getByTestId('make-name').fill('Ana');
  await ana.getByTestId('make-title').fill('Friday jam');
  await ana.getByTestId('make-submit').click();
  await ana.locator('.cm-foldGutter').waitFor();
  await ana.getByTestId('invite').click();
  await ana.getByTestId('invite-make').click();
  await ana.getByTestId('invite-link').waitFor();
  const link = await ana.getByTestId('invite-link').inputValue();
  await ana.keyboard.press('Escape');
  const ben = await newPage();
  await ben.goto(link);
  await ben.getByTestId('join-name').fill('Ben');
  await ben.getByTestId('join-submit').click();
  await ben.locator('.cm-foldGutter').waitFor();

  let frames = 0;
  let isOver = false;
  const filming = (async () => {
    while (!isOver) {
      const next = new Promise((resolve) => setTimeout(resolve, FRAME_MS));
      await ana.screenshot({ path: join(folder, `${String(frames++).padStart(3, '0')}.png`) });
      await next;
    }
  })();
  await ana.getByTestId('play').click();
  await ana.locator('.cm-sounding').first().waitFor();
  await select(ben, 'hh');
  await ben.keyboard.type('hh*2', { delay: 150 });
  await select(ana, '600');
  await ana.keyboard.type('1400', { delay: 150 });
  await ana.keyboard.press('Control+Enter');
  await ben.getByTestId('tab-chat').click();
  await ben.getByTestId('tab-chat').click();
  await ben.getByTestId('chat-input').fill('brighter!');
  await ben.keyboard.press('Enter');
  await ana.getByTestId('chat-list').getByText('brighter!').waitFor();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  isOver = true;
  await filming;
  const picture = join(PROJECT_DIR, 'docs', 'jam.gif');
  execFileSync('/usr/bin/convert', [
    ...['-delay', String(FRAME_MS / 10), '-loop', '0', join(folder, '*.png')],
    ...['-resize', String(WIDTH), '-layers', 'OptimizePlus', '-colors', String(COLORS), '+dither', picture],
  ]);
  process.stdout.write(`${picture}: ${frames} frames\n`);
} finally {
  await browser.close();
  await stack.stop();
  rmSync(folder, { recursive: true });
}

async function newPage(): Promise<Page> {
  const context = await browser.newContext({
    viewport: SIZE,
    colorScheme: 'dark',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  return await context.newPage();
}

/** Selects a word of the code with the mouse, as a person does. */
async function select(page: Page, word: string): Promise<void> {
  const box = await page.evaluate((text) => {
    const root = document.querySelector('[data-testid=editor]')?.shadowRoot;
    const walker = document.createTreeWalker(root ?? document, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const at = walker.currentNode.textContent?.indexOf(text) ?? -1;
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(walker.currentNode, at);
      range.setEnd(walker.currentNode, at + text.length);
      const { left, right, top, bottom } = range.getBoundingClientRect();
      return { left, right, y: (top + bottom) / 2 };
    }
    throw new Error(`there is no ${text}`);
  }, word);
  await page.mouse.move(box.left + 0.5, box.y);
  await page.mouse.down();
  await page.mouse.move(box.right - 0.5, box.y, { steps: 3 });
  await page.mouse.up();
}
