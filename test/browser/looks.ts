/** What can be said of a page's looks by a program: axe's rules, and whether it fits a phone. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { PHONE } from './browser.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Runs axe on the page as it is. */
export async function findNothing(page: Page, what: string): Promise<void> {
  // By the debugger: the page's policy lets no script in.
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    // The script puts it there.
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    // A name that is fading has any contrast for a moment; the colours' own test says what it has before.
    const found = await axe.run(
      { include: document, exclude: [{ fromShadowDom: ['.editor', '.cm-peer-name'] }] },
      // The player's frame is of another origin, and has nothing to press or to read.
      { iframes: false },
    );
    return found.violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]);
  });
  assert.deepEqual(violations, [], `${what}: axe finds something`);
}

/** Nothing is wider than the screen, and what is pressed is large enough for a finger. */
export async function fitsThePhone(page: Page): Promise<void> {
  const { width, small } = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    small: [...document.querySelectorAll('button, select, input, label:has(input)')]
      .filter((element) => !element.closest('label') || element.matches('label'))
      .filter((element) => element.checkVisibility())
      .map((element) => ({ what: element.outerHTML.slice(0, 80), box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.height < 44 || box.width < 44)
      .map(({ what }) => what),
  }));
  assert(width <= PHONE.width, `the page is ${width} px wide`);
  assert.deepEqual(small, []);
}
