/**
 * What helps with writing, in Chromium: completion, help, who changed what, formatting, the keys of a phone
 * and the find panel. All in a shadow root, under the policy of the session's page.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import { metaPolicy } from '../../deploy/header-policy.ts';
import { peerColorStyle } from '../../src/client/editor/index.ts';
import { PHONE } from './browser.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually } from './session-page.ts';

const ADDRESS = 'https://writing.test/';
const HEADERS = fileURLToPath(new URL('../../src/client/static/_headers', import.meta.url));
const PAGE = fileURLToPath(new URL('writing-page.ts', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** A finger's, in pixels. */
const MIN_TARGET = 44;
const STYLE = `
  :root { color-scheme: dark; --panel: #141920; --line: #262f3b; --text: #e6ebf2; --dim: #95a1b2 }
  body { margin: 0; background: #0d1015; height: 100vh }
  #editor { height: 100% }`;

export async function writing({ browser }: Pick<Scene, 'browser'>): Promise<void> {
  const files = await bundle();
  const desktop = await browser.newPerson('the writer');
  await serve(desktop.context, files);
  await onDesktop(await open(desktop.page));
  const phone = await browser.newPerson('the phone', PHONE, { hasTouch: true, isMobile: true });
  await serve(phone.context, files);
  await onPhone(await open(phone.page));
}

/** The page's script, and what it loads when it is needed. */
async function bundle(): Promise<ReadonlyMap<string, string>> {
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    bundle: true,
    splitting: true,
    format: 'esm',
    outdir: 'writing',
    write: false,
    logLevel: 'silent',
  });
  return new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
}

async function serve(context: BrowserContext, files: ReadonlyMap<string, string>): Promise<void> {
  const policy = metaPolicy(readFileSync(HEADERS, 'utf8'));
  const html = `<!doctype html><html lang="en"><title>Writing</title>
    <meta name="viewport" content="width=device-width">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <link rel="stylesheet" href="/style.css"><main id="editor"></main>
    <script type="module" src="/writing-page.js"></script></html>`;
  await context.route(`${ADDRESS}**`, (route) => {
    const name = basename(new URL(route.request().url()).pathname);
    if (name === '') return route.fulfill({ body: html, contentType: 'text/html' });
    if (name === 'style.css') return route.fulfill({ body: STYLE, contentType: 'text/css' });
    const body = files.get(name);
    if (body === undefined) return route.fulfill({ status: 204 });
    return route.fulfill({ body, contentType: 'text/javascript' });
  });
}

async function open(page: Page): Promise<Page> {
  await page.goto(ADDRESS);
  await page.waitForFunction(() => 'desk' in window);
  return page;
}

const openText = (page: Page, marked: string) => page.evaluate((text) => window.desk.open(text), marked);

const reads = (page: Page, expected: string) =>
  eventually(expected, async () => {
    const text = await page.evaluate(() => window.desk.text);
    return text === expected || `it reads ${text}`;
  });

/** The list of completions, and its chosen one. */
const list = (page: Page) => page.locator('.cm-tooltip-autocomplete');
const chosen = (page: Page) => list(page).locator('[aria-selected]');

/** Takes a completion by Tab; a list that has just opened takes nothing yet. */
async function take(page: Page, label: string): Promise<void> {
  await eventually(`${label} to be chosen`, async () => {
    const text = (await chosen(page).count()) > 0 ? await chosen(page).textContent() : 'nothing';
    return text?.startsWith(label) || `it is ${text}`;
  });
  await eventually(`${label} to be taken`, async () => {
    const isOpen = await list(page).getByText(label, { exact: true }).first().isVisible();
    if (isOpen) await page.keyboard.press('Tab');
    return !isOpen || 'the list is open';
  });
}

async function onDesktop(page: Page): Promise<void> {
  await step('a word is completed as it is typed, and its call opened', async () => {
    await openText(page, 's("bd")|');
    await page.keyboard.type('.lpf');
    await list(page).getByText('lpf', { exact: true }).waitFor();
    await page.locator('.cm-completionInfo').getByText('Low-pass filter').waitFor();
    // A screen reader follows the editor to the chosen one.
    const [active, selected] = await Promise.all([
      page.locator('.cm-content').getAttribute('aria-activedescendant'),
      chosen(page).getAttribute('id'),
    ]);
    assert(active !== null && active === selected);
    await findNothing(page, 'the list');
    await screenshot(page, 'completion-desktop');
    await take(page, 'lpf');
    await reads(page, 's("bd").lpf(|)');
    await page.keyboard.type('800)');
    await reads(page, 's("bd").lpf(800)|');
    await page.keyboard.press('Escape');
  });

  await step('a sound is completed in its text, also one that is known later', async () => {
    await openText(page, '|');
    await page.keyboard.type('sound');
    await list(page).getByText('sound', { exact: true }).first().waitFor();
    await take(page, 'sound');
    await reads(page, 'sound("|")');
    await page.evaluate(() =>
      window.desk.knows({
        functions: ['note'],
        sounds: [{ name: 'casio', kind: 'sample', variations: 3 }],
      }),
    );
    await page.keyboard.type('cas');
    await list(page).getByText('casio').waitFor();
    await take(page, 'casio');
    await page.keyboard.type(':');
    await list(page).getByText('casio, one of 3').first().waitFor();
    await reads(page, 'sound("casio:|")');
  });

  await step('the words of a very long line have no colours, which would make each key wait', async () => {
    const long = 's("bd hh"), '.repeat(400);
    const coloured = (text: string, isColoured: boolean) =>
      eventually(`colours: ${isColoured}`, async () => {
        const words = await page.locator('.cm-line').getByText(text, { exact: true }).count();
        return words > 0 === isColoured || `${words} words are marked`;
      });
    await openText(page, long);
    await coloured('"bd hh"', false);
    await page.evaluate(() => window.desk.replace('s("bd hh")'));
    await coloured('"bd hh"', true);
    await page.evaluate((text) => window.desk.replace(text), long);
    await coloured('"bd hh"', false);
  });

  await step('help is shown by the pointer', async () => {
    await openText(page, 's("bd").jux(rev)|');
    await page.locator('.cm-line').getByText('jux').first().hover();
    await page.locator('.cm-help-card').getByText('a changed copy on the right').waitFor();
    await page.mouse.move(5, 500);
    await page.locator('.cm-help-card').waitFor({ state: 'detached' });
  });

  await step('help is shown by a key, read out, and gone with Escape', async () => {
    await openText(page, 's("bd").every(4, x => x.fast(2|))');
    await page.keyboard.press('F1');
    const card = page.locator('.cm-help-card');
    await card.getByText('Plays a pattern faster.').waitFor();
    await page.locator('.cm-announced').getByText('fast(factor). Plays a pattern faster.').waitFor();
    await findNothing(page, 'the help');
    await screenshot(page, 'help-desktop');
    await page.keyboard.press('Escape');
    await card.waitFor({ state: 'detached' });
    await reads(page, 's("bd").every(4, x => x.fast(2|))');
  });

  await step(
    'what another participant puts in shows in their colour, and is plain text after a moment',
    async () => {
      await openText(page, 's("bd")|');
      await page.evaluate(() => window.desk.ben(5, ' hh'));
      const flash = page.locator('.cm-flash');
      await flash.getByText(' hh').waitFor();
      const [animation, color] = await flash.first().evaluate((element) => {
        const style = getComputedStyle(element);
        return [style.animationName, style.getPropertyValue('--cm-flash')];
      });
      assert.notEqual(animation, 'none');
      // Ben's, who joined second.
      assert.equal(color, peerColorStyle(1));
      await page.keyboard.type('.gain(1)');
      await flash.first().waitFor({ state: 'detached' });
      await reads(page, 's("bd hh").gain(1)|');
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await page.evaluate(() => window.desk.ben(0, '// '));
      await flash.first().waitFor();
      const still = await flash.first().evaluate((element) => {
        const { animationName, backgroundColor } = getComputedStyle(element);
        return { animationName, backgroundColor };
      });
      assert.equal(still.animationName, 'none');
      assert.notEqual(still.backgroundColor, 'rgba(0, 0, 0, 0)');
      await flash.first().waitFor({ state: 'detached' });
      await page.emulateMedia({ reducedMotion: null });
    },
  );

  await step('typing is as fast while others’ text shows', async () => {
    const times: number[] = [];
    // The first warms the engine up.
    for (const flashed of [100, 0, 100]) {
      await openText(page, `${'s("bd")\n'.repeat(200)}|`);
      times.push(
        await page.evaluate((count) => {
          // The last lines are in sight.
          for (let index = 0; index < count; index++) window.desk.ben(index * 8 + 800, 'x');
          const letters = Array.from({ length: 300 }, () => {
            const begin = performance.now();
            const { length } = window.desk.view.state.doc;
            window.desk.view.dispatch({ changes: { from: length, insert: 'a' }, userEvent: 'input.type' });
            return performance.now() - begin;
          });
          // The median: a busy machine has the others wait.
          return letters.sort((one, other) => one - other)[150] ?? 0;
        }, flashed),
      );
    }
    const [, plain = 0, flashing = 0] = times;
    console.log(`      a letter takes ${plain.toFixed(2)} ms, with 100 flashes ${flashing.toFixed(2)} ms`);
    assert(flashing < plain * 2 + 3, `${flashing} ms instead of ${plain}`);
  });

  await step('a pattern is formatted, in one step of undo, and what can’t be read stays', async () => {
    await openText(page, 's( "bd h|h" ).gain( .5 )');
    assert.equal(await page.evaluate(() => window.desk.format()), 'formatted');
    await reads(page, 's("bd h|h").gain(.5)');
    await page.keyboard.press('Control+z');
    await reads(page, 's( "bd h|h" ).gain( .5 )');
    await openText(page, 's("bd"');
    const result = await page.evaluate(() => window.desk.format());
    assert(typeof result === 'object' && /^Line 1 /.test(result.error), JSON.stringify(result));
  });

  await step('the find panel is named, and finds', async () => {
    await openText(page, '|s("bd hh bd")');
    await page.keyboard.press('Control+f');
    await page.getByRole('search', { name: 'Find in the pattern' }).waitFor();
    await page.getByRole('textbox', { name: 'Find' }).focus();
    await page.keyboard.type('bd');
    await eventually('two places', async () => {
      const count = await page.locator('.cm-searchMatch').count();
      return count === 2 || `there are ${count}`;
    });
    await findNothing(page, 'the find panel');
    await screenshot(page, 'find-desktop');
    await page.keyboard.press('Escape');
    await page.getByRole('search').waitFor({ state: 'detached' });
  });
}

async function onPhone(page: Page): Promise<void> {
  await step('the keys of mini-notation close what they open', async () => {
    await openText(page, 's(|)');
    for (const key of ['"', '<', '[']) assert(await page.evaluate((each) => window.desk.key(each), key));
    await reads(page, 's("<[|]>")');
    for (const key of [']', '>', '"', ')']) await page.evaluate((each) => window.desk.key(each), key);
    await reads(page, 's("<[]>")|');
  });

  await step('the find panel fits a phone and a finger', async () => {
    await page.evaluate(() => window.desk.find());
    await page.getByRole('search').waitFor();
    const controls = page.getByRole('search').locator('button, input[type=text], input:not([type])');
    for (const control of await controls.all()) {
      if (!(await control.isVisible())) continue;
      const box = await control.boundingBox();
      const name = (await control.getAttribute('name')) ?? 'one';
      assert(box && box.height >= MIN_TARGET, `${name} is ${box?.height} px high`);
      assert(box.x >= 0 && box.x + box.width <= PHONE.width, `${name} is out of sight`);
    }
    await screenshot(page, 'find-phone');
    await page.getByRole('button', { name: 'close' }).click();
    await page.getByRole('search').waitFor({ state: 'detached' });
  });

  await step('the list of completions fits a phone', async () => {
    await openText(page, 's("bd")|');
    await page.keyboard.type('.lp');
    await list(page).waitFor();
    const box = await list(page).boundingBox();
    assert(box && box.x >= 0 && box.x + box.width <= PHONE.width, JSON.stringify(box));
    // Its help leaves the list to be read.
    const info = await page.locator('.cm-completionInfo').boundingBox();
    assert(
      info && info.y >= box.y + box.height - 1 && info.x + info.width <= PHONE.width,
      JSON.stringify(info),
    );
    const row = await chosen(page).boundingBox();
    assert(row && row.height >= MIN_TARGET, `a row is ${row?.height} px high`);
    await screenshot(page, 'completion-phone');
  });
}

/**
 * Runs axe on what this page adds to an editor; it looks into shadow roots, too. The list of completions is
 * scrolled by the editor, which keeps the focus, and follows the chosen one by `aria-activedescendant`.
 */
async function findNothing(page: Page, what: string): Promise<void> {
  // By the debugger: the page's policy lets no script in.
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    // The script puts it there.
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const found = await axe.run(
      {
        exclude: [
          { fromShadowDom: ['#editor', '.cm-content'] },
          { fromShadowDom: ['#editor', '.cm-gutters'] },
          // One that is fading has any contrast for a moment.
          { fromShadowDom: ['#editor', '.cm-peer-name'] },
        ],
      },
      {
        rules: {
          'page-has-heading-one': { enabled: false },
          'scrollable-region-focusable': { enabled: false },
        },
      },
    );
    return found.violations.map(({ id, nodes }) => [
      id,
      ...nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
    ]);
  });
  assert.deepEqual(violations, [], `${what}: axe finds something`);
}
