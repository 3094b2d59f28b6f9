/**
 * How the page looks and is handled: on a desktop and on a phone, in light and dark, by keyboard, offline.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { call } from '../../src/client/sdk/call.ts';
import { createSession, getSession } from '../../src/protocol/http/sessions.ts';
import { DESKTOP, PHONE } from './browser.ts';
import { findNothing, fitsThePhone } from './looks.ts';
import { PlayerPage } from './player.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, PATIENCE_MS, SessionPage } from './session-page.ts';

const EXAMPLE = fileURLToPath(new URL('readme-example.ts', import.meta.url));
const PANELS = ['people', 'chat', 'ai', 'sounds', 'strudels', 'history'] as const;

export async function layout({ stack, browser }: Scene): Promise<void> {
  const ana = await browser.newPerson('Ana');
  const ben = await browser.newPerson('Ben', PHONE);

  await step(
    'a button that is pressed before the page’s scripts have come is pressed all the same',
    async () => {
      const { page } = await browser.newPerson('Early');
      let letThrough = () => {};
      const pressed = new Promise<void>((resolve) => {
        letThrough = resolve;
      });
      await page.route(/\/assets\/.*\.js$/, async (route) => {
        await pressed;
        await route.continue();
      });
      await page.goto(stack.url, { waitUntil: 'commit' });
      await page.getByTestId('demo-play').click();
      letThrough();
      await page.locator('.demo[data-playing=true]').waitFor();
      await page.close();
    },
  );

  await step('a pattern plays before anything is asked', async () => {
    await ana.page.goto(stack.url);
    await ana.page.getByTestId('demo-play').click();
    await ana.page.locator('.demo[data-playing=true]').waitFor();
    await ana.page.locator('.demo mark').first().waitFor();
    await screenshot(ana.page, 'demo-desktop');
    await ana.page.getByTestId('demo-play').click();
    await ana.page.locator('.demo[data-playing=false]').waitFor();
    assert.equal(await ana.page.locator('.demo mark').count(), 0);
  });

  await step(
    'the start’s example, which is painted after the words, has its place from the beginning',
    async () => {
      for (const { page } of [ana, ben]) {
        await page.goto(stack.url);
        await page.locator('html:not([data-unpainted]):not([data-waiting])').waitFor();
        const heights = await page.locator('.demo pre').evaluate((code) => {
          const { dataset } = document.documentElement;
          const shown = code.getBoundingClientRect().height;
          dataset.unpainted = '';
          const before = code.getBoundingClientRect().height;
          delete dataset.unpainted;
          return { shown, before };
        });
        assert.equal(heights.before, heights.shown);
      }
    },
  );

  await step('one click makes a session, under a made-up name', async () => {
    await ana.page.getByTestId('jam-now').click();
    const told = ana.page.getByTestId('toasts').locator('.toast').filter({ hasText: 'You are “' });
    const [, name] = /“(.+)”/.exec((await told.textContent()) ?? '') ?? [];
    assert.match(name ?? '', /^[A-Z][a-z]+ [A-Z][a-z]+$/);
    await new SessionPage(ana.page).isOpen();
    const person = ana.page.getByTestId('participants').locator('.person-name');
    assert.equal(await person.textContent(), name);
  });
  const host = new SessionPage(ana.page);
  const link = await host.invite('co-author');

  await step('start and invite have no fault that axe knows, and fit a phone', async () => {
    for (const [address, name] of [
      [stack.url, 'start'],
      [link, 'join'],
    ] as const) {
      await ben.page.goto(address);
      await ben.page.locator('#app main').waitFor();
      await inEachLook(ben.page, name);
    }
  });
  const guest = await SessionPage.join(ben.page, link, 'Ben');

  await step('a session with each panel has none either', async () => {
    await ben.page.locator('.cm-foldGutter').waitFor();
    await inEachLook(ben.page, 'session');
    for (const panel of PANELS) {
      await guest.tab(panel);
      await ben.page.locator(`#panel-${panel}`).waitFor();
      await inEachLook(ben.page, `panel-${panel}`);
    }
  });

  await step('dialogs and the menu neither', async () => {
    await ana.page.getByTestId('invite').click();
    await ana.page.getByTestId('invites').waitFor();
    await inEachLook(ana.page, 'share');
    await ana.page.keyboard.press('Escape');
    await ana.page.getByTestId('menu').click();
    await inEachLook(ana.page, 'menu');
    await ana.page.getByTestId('settings').click();
    await ana.page.locator('[data-testid=settings-discoverable]:enabled').waitFor();
    await inEachLook(ana.page, 'settings');
    await ana.page.keyboard.press('Escape');
    await ana.page.setViewportSize(DESKTOP);
  });

  await step('focus goes back to what opened a dialog', async () => {
    await ana.page.getByTestId('invite').click();
    await ana.page.getByTestId('invite-dialog').waitFor();
    await ana.page.keyboard.press('Escape');
    await ana.page.locator('[data-testid=invite]:focus').waitFor();
  });

  await step('a panel closes, and the editor has its room', async () => {
    await host.tab('chat');
    const narrow = (await ana.page.getByTestId('editor').boundingBox())?.width ?? 0;
    await ana.page.locator('#panel-chat').getByTestId('panel-close').click();
    await eventually('the editor to be wider', async () => {
      const wide = (await ana.page.getByTestId('editor').boundingBox())?.width ?? 0;
      return wide > narrow + 300 || `${narrow} px became ${wide}`;
    });
    await guest.say('look at the chorus');
    await ana.page.locator('[data-testid=tab-chat][data-news=true]').waitFor();
    await host.tab('chat');
    assert.equal(await ana.page.locator('[data-testid=tab-chat]').getAttribute('data-news'), 'false');
  });

  await step('a phone gives the editor what is left, and panels are sheets over it', async () => {
    await ben.page.setViewportSize(PHONE);
    await guest.tab('chat');
    await ben.page.locator('#panel-chat').getByTestId('panel-close').click();
    const editor = await ben.page.getByTestId('editor').boundingBox();
    assert(editor && editor.height >= PHONE.height * 0.75, `the editor is ${editor?.height} px high`);
    await guest.tab('people');
    const covered = await ben.page.getByTestId('editor').boundingBox();
    assert.equal(covered?.height, editor.height);
    await screenshot(ben.page, 'sheet-phone');
    await ben.page.locator('#panel-people').getByTestId('panel-close').click();
  });

  await step('who is followed stays in sight', async () => {
    await guest.type(`\n// more${'\n'.repeat(60)}// the end`, 0);
    await host.newestIs('none');
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+Home');
    await ana.page.getByTestId('follow').click();
    await ana.page.locator('.cm-line', { hasText: '// the end' }).waitFor();
    await guest.type(' of it', 0);
    await ana.page.locator('.cm-line', { hasText: '// the end of it' }).waitFor();
    assert.equal(await ana.page.getByTestId('follow').getAttribute('aria-pressed'), 'true');
    await screenshot(ana.page, 'following-desktop');
    await ana.page.mouse.move(300, 400);
    await ana.page.mouse.wheel(0, -200);
    await ana.page.locator('[data-testid=follow][aria-pressed=false]').waitFor();
  });

  await step('sounds are searched, heard and copied; examples are put in', async () => {
    await host.tab('sounds');
    await ana.page.getByTestId('sound-search').fill('saw');
    const row = ana.page
      .getByTestId('sounds')
      .locator('.sound')
      .filter({ hasText: /^sawtooth/ });
    await row.getByTestId('sound-hear').click();
    await new PlayerPage(ana.page).sounds();
    await row.getByTestId('sound-copy').click();
    await host.toast('s("sawtooth") is copied');
    assert.equal(await ana.page.evaluate(() => navigator.clipboard.readText()), 's("sawtooth")');
    await screenshot(ana.page, 'sounds-desktop');
    await host.tab('strudels');
    await ana.page.getByTestId('examples').click();
    await ana.page.getByTestId('example-use').first().click();
    await eventually('the example', async () => {
      const [mine, theirs] = await Promise.all([host.text(), guest.text()]);
      return (mine === theirs && !mine.includes('// more')) || theirs;
    });
    await screenshot(ana.page, 'examples-desktop');
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+z');
    await guest.shows('// more');
  });

  await step('thousands of sounds are found, by hand, by keyboard and by a search', async () => {
    for (const [name, viewport] of [
      ['desktop', DESKTOP],
      ['phone', PHONE],
    ] as const) {
      await lookThroughSounds(browser, stack.url, name, viewport);
    }
  });

  await step('the code is formatted and searched from the menu', async () => {
    await replaceText(ana.page, 'stack( s("bd") ,s("hh") )');
    await host.menu('format');
    await eventually('the formatted code', async () => {
      const text = await guest.text();
      return text.trim() === 'stack(s("bd"), s("hh"));' || text.trim() === 'stack(s("bd"), s("hh"))' || text;
    });
    await host.menu('find');
    await ana.page.locator('.cm-search').waitFor();
    await ana.page.keyboard.press('Escape');
  });

  await step('a picture of what sounds is below the code', async () => {
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+Enter');
    await new PlayerPage(ana.page).sounds();
    await ana.page.locator('.picture-place[data-shown=true]').waitFor();
    await screenshot(ana.page, 'roll-desktop');
    await ana.page.getByTestId('view').click();
    await screenshot(ana.page, 'wave-desktop');
    await ana.page.getByTestId('stop').click();
    await ben.page.getByTestId('playback').filter({ hasText: 'pressed stop' }).waitFor();
  });

  await step('the history has what was played; it is compared, restored and taken back', async () => {
    const played = await host.text();
    await replaceText(ana.page, 's("hh*16")');
    await guest.shows('hh*16');
    await host.tab('history');
    const version = ana.page.getByTestId('versions').locator('li[data-cause=played]').first();
    await version.getByTestId('version').click();
    await version.locator('[data-kind=now]').filter({ hasText: 'hh*16' }).waitFor();
    await version.locator('[data-kind=version]').filter({ hasText: 'stack' }).waitFor();
    await findNothing(ana.page, 'a version');
    await screenshot(ana.page, 'history-desktop');
    await version.getByTestId('version-restore').click();
    await host.toast('Restored, for everybody');
    await eventually('the version', async () => (await guest.text()) === played || guest.text());
    await ana.page.getByTestId('versions').locator('li[data-cause=restored]').first().waitFor();
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+z');
    await guest.shows('hh*16');
    await guest.tab('history');
    await ben.page.getByTestId('version').first().click();
    await ben.page.getByTestId('version-view').waitFor();
    await screenshot(ben.page, 'history-phone');
    await ben.page.locator('#panel-history').getByTestId('panel-close').click();
  });

  await step('a phone has the signs of mini-notation while one writes', async () => {
    await replaceText(ben.page, 's(');
    const keys = ben.page.getByTestId('mini-keys');
    await keys.waitFor();
    await keys.getByRole('button', { name: 'Quotes' }).click();
    await ben.page.keyboard.type('bd');
    await keys.getByRole('button', { name: 'Times: faster' }).click();
    await ben.page.keyboard.type('4');
    await host.shows('"bd*4"');
    await screenshot(ben.page, 'mini-keys-phone');
    await ben.page.locator('.session-title').click();
  });

  await step(
    'a link to a pattern shows and plays it without a session, in another site’s frame too',
    async () => {
      await replaceText(ana.page, 's("bd hh")');
      await guest.shows('s("bd hh")');
      await host.menu('pattern-embed');
      await host.toast('The HTML is copied');
      const html = await ana.page.evaluate(() => navigator.clipboard.readText());
      await host.menu('pattern-link');
      await host.toast('A link to this pattern is copied');
      const address = await ana.page.evaluate(() => navigator.clipboard.readText());
      assert(html.includes(`src="${address}"`));
      const site = await otherSite(stack.url, html);
      const { page, context } = await browser.newPerson('a reader');
      await page.goto(site.url);
      const frame = page.frameLocator('iframe');
      await frame.locator('pre').filter({ hasText: 'bd' }).waitFor();
      await frame.getByTestId('demo-play').click();
      await frame.locator('.demo[data-playing=true] mark').first().waitFor();
      await screenshot(page, 'embedded-desktop');
      await page.goto(address);
      await page.locator('pre').waitFor();
      await inEachLook(page, 'pattern');
      const jam = await page.getByTestId('pattern-jam').getAttribute('href');
      await page.goto(new URL(jam ?? '', stack.url).href);
      await page.getByTestId('make-name').fill('Rea');
      await page.getByTestId('make-submit').click();
      const reader = await new SessionPage(page).isOpen();
      assert.equal(await reader.text(), await host.text());
      await page.goto(`${address}x`);
      await page.reload();
      await page.getByRole('alert').filter({ hasText: 'no pattern in it' }).waitFor();
      site.stop();
      await context.close();
    },
  );

  await step('what is offline says so within a second, and that the text is safe', async () => {
    await browser.expectingDrops(async () => {
      await ana.context.setOffline(true);
      const badge = ana.page.getByTestId('connection').filter({ hasText: 'Offline: your text is safe' });
      await badge.waitFor({ timeout: 1_000 });
      await host.type('\n// kept', 0);
      await ana.page
        .getByTestId('save-state')
        .filter({ hasText: 'Offline: your changes are kept here' })
        .waitFor();
      await screenshot(ana.page, 'offline-desktop');
      await ana.context.setOffline(false);
      await host.isOpen();
      await host.newestIs('saved', 'flushed');
    });
    await guest.shows('// kept');
  });

  await step('colours are as the device has them, or as one chooses', async () => {
    const ground = () => ana.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await host.menu('theme');
    await eventually('the light colours', async () => (await ground()) !== dark || 'still dark');
    await ana.page.reload();
    await host.isOpen();
    assert.notEqual(await ground(), dark);
    await ana.page.evaluate(() => localStorage.removeItem('backbeat:theme'));
  });

  await step('forced colours leave nothing out', async () => {
    await ana.page.emulateMedia({ forcedColors: 'active' });
    await ana.page.reload();
    await host.isOpen();
    await screenshot(ana.page, 'forced-colors-desktop');
    await ana.page.emulateMedia({ forcedColors: 'none' });
  });

  await step('a part of the page that can’t be loaded offers another try', async () => {
    await ana.page.reload();
    await host.isOpen();
    await ana.context.route(/assets\/later-/, (route) => route.abort());
    await browser.expectingDrops(async () => {
      await host.tab('strudels');
      await ana.page.locator('#panel-strudels').getByTestId('reload').waitFor();
    });
    await ana.context.unroute(/assets\/later-/);
    await ana.page.locator('#panel-strudels').getByTestId('reload').click();
    await host.isOpen();
    await host.tab('strudels');
    await ana.page.getByTestId('strudels-sign-in').waitFor();
  });

  await step('ten lines put a session on another site’s page, as the README says', async () => {
    const site = await otherSite(stack.url);
    const { page, context } = await browser.newPerson('the other site');
    const made = page.waitForResponse(
      (response) => response.url().endsWith('/api/v1/sessions') && response.request().method() === 'POST',
    );
    await page.goto(site.url);
    const { id, token } = createSession.reply.parse(await (await made).json());
    const text = page.locator('textarea');
    await eventually('the code', async () => (await text.inputValue()) === 's("bd hh")' || 'not yet');
    await text.fill('s("bd hh cp")');
    await eventually('the edit to be stored', async () => {
      const { code } = await call(getSession, { origin: new URL(stack.url).origin, token, params: { id } });
      return code === 's("bd hh cp")' || code;
    });
    site.stop();
    await context.close();
  });
}

async function replaceText(page: Page, text: string): Promise<void> {
  await page.locator('.cm-content').focus();
  await page.keyboard.press('Control+a');
  // Typed over, it would take on the colour of what was there, which Chromium writes as a style.
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

/**
 * Serves a page of another site.
 * @param html by default with the README's example
 */
async function otherSite(backbeat: string, html?: string): Promise<{ url: string; stop(): void }> {
  const { outputFiles } = await build({
    entryPoints: [EXAMPLE],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
  });
  const script = (outputFiles[0]?.text ?? '').replace('http://127.0.0.1:8787', new URL(backbeat).origin);
  const server = createServer((request, response) => {
    const isScript = request.url === '/example.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript
        ? script
        : `<link rel="icon" href="data:,">${html ?? '<textarea></textarea><script type="module" src="example.js"></script>'}`,
    );
  });
  server.listen(0, '127.0.0.1');
  // A step that fails doesn't stop it.
  server.unref();
  await once(server, 'listening');
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  return { url: `http://127.0.0.1:${address.port}/`, stop: () => server.close() };
}

/** Nothing to find by day or by night, on a desktop or a phone; each is in a picture. */
async function inEachLook(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of [
    ['desktop', DESKTOP],
    ['phone', PHONE],
  ] as const) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await findNothing(page, `${name}, ${size}, ${colorScheme}`);
      await screenshot(page, `${name}-${size}-${colorScheme}`);
    }
    if (size === 'phone') await fitsThePhone(page);
  }
}

/** As Strudel's maps are: drum machines of a dozen sounds, and a pack of very many. */
const DRUMS = ['bd', 'sd', 'hh', 'oh', 'cp', 'rim', 'lt', 'mt', 'ht', 'cr', 'rd', 'cb'];
const MACHINES = ['RolandTR909', 'LinnDrum', ...Array.from({ length: 70 }, (_, index) => `Yamaha${index}`)];
const MAPS: Record<string, Record<string, unknown>> = {
  'tidal-drum-machines': Object.fromEntries(
    MACHINES.flatMap((machine) => DRUMS.map((drum) => [`${machine}_${drum}`, ['a.wav', 'b.wav']])),
  ),
  'tidal-drum-machines-alias': { RolandTR909: 'TR909' },
  vcsl: Object.fromEntries(Array.from({ length: 1_500 }, (_, index) => [`thing${index}`, ['a.wav']])),
  'uzu-wavetables': Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`wt_${index}`, ['a.wav']])),
};

async function lookThroughSounds(
  browser: Scene['browser'],
  url: string,
  name: string,
  viewport: typeof DESKTOP,
): Promise<void> {
  const { page, context } = await browser.newPerson(`a listener (${name})`, viewport);
  await context.route(/^https:\/\/strudel\.b-cdn\.net\//, async (route) => {
    const [, map = ''] = /([\w-]+)\.json$/.exec(new URL(route.request().url()).pathname) ?? [];
    await route.fulfill({ json: MAPS[map] ?? {}, headers: { 'access-control-allow-origin': '*' } });
  });
  await page.goto(url);
  await page.getByTestId('jam-now').click();
  const session = await new SessionPage(page).isOpen();
  await session.tab('sounds');
  const sounds = page.getByTestId('sounds');
  const fold = (title: string) => sounds.locator('summary').filter({ hasText: new RegExp(`^${title}`) });
  await fold('Drum machines 72').waitFor({ timeout: PATIENCE_MS });
  // What is closed isn't drawn.
  const rows = sounds.locator('.sound');
  assert((await rows.count()) < 130, `${await rows.count()} sounds are drawn`);
  await fold('Samples 1500').click();
  await rows.filter({ hasText: 'thing59' }).waitFor();
  assert.equal(await rows.filter({ hasText: /^thing60/ }).count(), 0);
  await sounds.getByTestId('sounds-more').last().click();
  // The keyboard goes on with the first of those that came.
  await page.locator('[data-testid=sound-hear][aria-label="Hear thing60"]:focus').waitFor();
  await page.keyboard.press('ArrowDown');
  await page.locator('[data-testid=sound-hear][aria-label="Hear thing61"]:focus').waitFor();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await page.locator('[data-testid=sound-hear][aria-label="Hear thing59"]:focus').waitFor();
  await fold('Samples 1500').click();
  await rows.filter({ hasText: 'thing59' }).waitFor({ state: 'detached' });
  await fold('Drum machines 72').click();
  // By its own name, not by another one as well.
  assert.equal(await fold('TR909').count(), 0);
  await fold('Roland TR909 12').click();
  await rows.filter({ hasText: /^cb/ }).first().waitFor();
  await inEachLook(page, `sounds-many-${name}`);
  await page.setViewportSize(viewport);
  await page.getByTestId('sound-search').fill('tr909 bd');
  await page.getByTestId('sounds-found').filter({ hasText: '1 sound' }).waitFor();
  await rows.filter({ hasText: /^bd Roland TR909/ }).waitFor();
  await rows.first().getByTestId('sound-copy').click();
  await session.toast('s("bd").bank("rolandtr909") is copied');
  await page.getByTestId('sound-search').fill('bd');
  await page.getByTestId('sounds-found').filter({ hasText: '73 sounds' }).waitFor();
  assert.equal(await rows.count(), 60);
  await inEachLook(page, `sounds-found-${name}`);
  await page.getByTestId('sound-search').fill('nothing is called so');
  await page.getByTestId('sounds-found').filter({ hasText: 'No sound is called' }).waitFor();
  await context.close();
}
