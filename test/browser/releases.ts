/**
 * A page that stays open over a release: the server has another build of it then, and no file of the one that
 * is open. What it has loaded goes on; what it hasn't says so, and offers a reload.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { type BuiltPage, buildPage } from '../../deploy/build-page.ts';
import { DESKTOP, PHONE, TestBrowser } from './browser.ts';
import { findNothing, fitsThePhone } from './looks.ts';
import { PlayerPage } from './player.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { SessionPage } from './session-page.ts';

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

export async function releases(scene: Scene): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'backbeat-release-'));
  // A page that a test answers for counts as one of the Internet, which may not reach this computer.
  const browser = await TestBrowser.launch(['--disable-features=LocalNetworkAccessChecks']);
  try {
    // The stack's is: each file has another hash.
    const next = await buildPage({ outDir: folder, minify: false });
    for (const [name, viewport] of [
      ['desktop', DESKTOP],
      ['phone', PHONE],
    ] as const) {
      await session({ ...scene, browser }, next, name, viewport);
      await start({ ...scene, browser }, next, name, viewport);
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}

/** From now on the server has the other build, and nothing of the one before. */
async function release(context: BrowserContext, { outDir }: BuiltPage, url: string): Promise<void> {
  const isFile = (path: string) => path === '/' || /^\/(assets|player|favicon)/.test(path);
  await context.route(
    (address) => address.origin === new URL(url).origin && isFile(address.pathname),
    async (route) => {
      const { pathname } = new URL(route.request().url());
      const file = join(outDir, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
      if (!existsSync(file)) return await route.fulfill({ status: 404, json: { error: 'not_found' } });
      await route.fulfill({
        body: readFileSync(file),
        contentType: TYPES[extname(file)] ?? 'application/octet-stream',
        headers: { 'access-control-allow-origin': '*' },
      });
    },
  );
}

/** The hashed scripts that the page has. */
const scriptsOf = (page: Page) =>
  page.evaluate(() =>
    [...document.scripts].flatMap(({ src }) => (src === '' ? [] : new URL(src).pathname)).sort(),
  );

async function session(
  { stack, browser }: Scene,
  next: BuiltPage,
  device: string,
  viewport: typeof DESKTOP,
): Promise<void> {
  const { page, context } = await browser.newPerson('Ana', viewport);
  const other = await browser.newPerson('Ben');
  const host = await SessionPage.make(page, stack.url, 'Ana', 'Over a release');
  await SessionPage.join(other.page, await host.invite('co-author'), 'Ben');
  const guest = new SessionPage(other.page);
  await page.reload();
  await host.isOpen();
  await page.getByTestId('play').click();
  const player = new PlayerPage(page);
  await player.sounds();
  // The code's colours, and the menu, have been loaded with the session.
  await page.locator('#session-menu').getByTestId('copy-code').waitFor({ state: 'attached' });
  const before = await scriptsOf(page);

  await browser.expectingDrops(async () => {
    await step(`after a release a session that is open goes on (${device})`, async () => {
      await release(context, next, stack.url);
      await host.type('\n// after the release');
      await host.newestIs('saved', 'flushed');
      await guest.shows('// after the release');
      await player.sounds();
      await host.menu('find');
      await page.keyboard.press('Escape');
    });

    await step(`each part that it hasn't loaded offers a reload, and nothing stops (${device})`, async () => {
      const panels = ['ai', 'sounds', 'strudels', 'history'] as const;
      for (const panel of panels) {
        await host.tab(panel);
        await page.locator(`#panel-${panel}`).getByTestId('reload').waitFor();
        if (panel === 'sounds') await screenshot(page, `release-panel-${device}`);
        await page.locator(`#panel-${panel}`).getByTestId('panel-close').click();
      }
      await page.getByTestId('menu').click();
      await page.locator('#session-menu').getByTestId('reload').waitFor();
      await screenshot(page, `release-menu-${device}`);
      const missing = page.getByTestId('not-loaded-dialog');
      for (const open of ['settings', 'invite']) {
        await page.getByTestId(open).click();
        await missing.getByTestId('reload').waitFor();
        await page.keyboard.press('Escape');
        await missing.waitFor({ state: 'detached' });
      }
      await host.menu('format');
      await host.toast('The formatter couldn’t be loaded');
      await player.sounds();
      // What is marked in the code as it plays goes while axe looks at it.
      await page.getByTestId('stop').click();
      await player.isSilent();
      await host.tab('sounds');
      await host.type('\n// just before the reload', 0);
      await page.getByTestId('invite').click();
      await missing.waitFor();
      await findNothing(page, 'parts that are missing');
      if (device === 'phone') await fitsThePhone(page);
      await screenshot(page, `release-dialog-${device}`);
    });

    await step(`reloaded, it is the new release, with the text (${device})`, async () => {
      await page.getByTestId('not-loaded-dialog').getByTestId('reload').click();
      await host.isOpen();
      await host.shows('// just before the reload');
      await host.newestIs('none', 'saved', 'flushed');
      await guest.shows('// just before the reload');
      assert.notDeepEqual(await scriptsOf(page), before);
      await host.tab('sounds');
      await page.locator('#panel-sounds').getByTestId('sounds').waitFor();
    });
  });
  await context.close();
  await other.context.close();
}

async function start(
  { stack, browser }: Scene,
  next: BuiltPage,
  device: string,
  viewport: typeof DESKTOP,
): Promise<void> {
  const { page, context } = await browser.newPerson('Cem', viewport);
  // Without what the page fetches ahead.
  await context.route(/\/assets\/(session-screen|later|player)-/, (route) => route.abort());
  await browser.expectingDrops(async () => {
    await page.goto(stack.url);
    await page.getByTestId('live-sessions').waitFor({ state: 'attached' });
    await release(context, next, stack.url);

    await step(`a start that is open offers a reload for what it hasn't loaded (${device})`, async () => {
      await page.getByTestId('demo-play').click();
      await page.getByRole('alert').filter({ hasText: 'The player couldn’t be loaded. Reload' }).waitFor();
      await page.getByTestId('sign-in').click();
      const missing = page.getByTestId('not-loaded-dialog');
      await missing.getByTestId('reload').waitFor();
      await screenshot(page, `release-start-${device}`);
      await page.keyboard.press('Escape');
      await missing.waitFor({ state: 'detached' });
      await page.getByTestId('jam-now').click();
      await page.locator('.waiting').getByTestId('reload').waitFor();
      await page.locator('.waiting').getByTestId('reload').click();
      await new SessionPage(page).isOpen();
    });
  });
  await context.close();
}
