/**
 * What participants find who have never been here: that something plays, the way in, and the way out; on a
 * desktop and on a phone.
 */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { DESKTOP, PHONE } from './browser.ts';
import { findNothing, fitsThePhone } from './looks.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, PATIENCE_MS, SessionPage } from './session-page.ts';

const SIZES = [
  ['desktop', DESKTOP],
  ['phone', PHONE],
] as const;
const LOOKS = ['light', 'dark', 'forced'] as const;

export async function newcomers(scene: Scene): Promise<void> {
  await hearing(scene);
  await leaving(scene);
}

/** What plays and isn't heard is said in words. */
async function hearing({ stack, browser }: Scene): Promise<void> {
  const ana = await browser.newPerson('Ana');
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Something plays');
  const watching = await host.invite('viewer');
  const writing = await host.invite('co-author');
  const play = async () => {
    await ana.page.getByTestId('play').click();
    await ana.page.locator('.playback[data-playing=true]').waitFor({ timeout: PATIENCE_MS });
  };

  const writer = await browser.newPerson('Ben', PHONE);
  const ben = await SessionPage.join(writer.page, writing, 'Ben');
  await step('words that come while one writes cover nothing, and move nothing to press', async () => {
    await ben.mayType(true);
    await ben.type('\n'.repeat(40), 0);
    await ben.type('// the end', 0);
    await writer.page.getByTestId('mini-keys').waitFor();
    const { page } = writer;
    const places = () =>
      Promise.all(
        ['mini-keys', 'save-bar', 'play', 'listen'].map((id) => page.getByTestId(id).boundingBox()),
      );
    const before = await places();
    assert(await caretShows(page), 'the caret isn’t in sight before');
    await host.shows('// the end');
    await play();
    await called(page, 'Ana plays · Tap to listen');
    assert.deepEqual(await places(), before);
    await eventually('the caret to stay in sight', async () => (await caretShows(page)) || 'it doesn’t');
    await page.keyboard.type('!');
    await ben.shows('// the end!');
    await screenshot(page, 'listen-writing-phone');
    // The editor keeps the keyboard.
    await page.getByTestId('listen-call-dismiss').tap();
    await page.getByTestId('listen-call').waitFor({ state: 'detached' });
    await page.locator('.cm-content:focus').waitFor();
    await page.close();
  });

  for (const [size, viewport] of SIZES) {
    await step(`who comes while it plays reads that they may listen, ${size}`, async () => {
      const { page, context } = await browser.newPerson(`Vera (${size})`, viewport);
      await record(page);
      await SessionPage.join(page, watching, `Vera ${size}`);
      await called(page, `Ana plays · ${size === 'phone' ? 'Tap' : 'Click'} to listen`);
      if (size === 'phone') {
        await fitsThePhone(page);
        // A sheet over the editor leaves the words in sight.
        await page.getByTestId('tab-chat').click();
        await page.locator('#panel-chat').waitFor();
        await called(page, 'Ana plays');
        await screenshot(page, 'listen-sheet-phone');
        await page.locator('#panel-chat').getByTestId('panel-close').click();
      }
      for (const look of LOOKS) {
        await page.emulateMedia({
          colorScheme: look === 'light' ? 'light' : 'dark',
          forcedColors: look === 'forced' ? 'active' : 'none',
        });
        if (look !== 'forced') await findNothing(page, `listening, ${size}, ${look}`);
        await screenshot(page, `listen-${size}-${look}`);
      }
      await page.emulateMedia({ forcedColors: 'none' });
      // Another press on Play is nothing to say again.
      await play();
      await page.getByTestId('playback').filter({ hasText: 'Ana pressed play' }).waitFor();
      assert.deepEqual(await recorded(page), ['Music plays that you don’t hear yet. Press Listen.']);
      await page.getByTestId('listen-call-press').click();
      await page.getByTestId('listen-call').waitFor({ state: 'detached' });
      await page.locator('[data-testid=listen][aria-pressed=true]').waitFor();
      // By keyboard it is done, too; who has chosen silence isn't called again.
      await page.getByTestId('listen').click();
      assert.equal(await page.getByTestId('listen-call').count(), 0);
      await context.close();
    });
  }

  await step('who doesn’t want to listen now isn’t asked again, and finds Listen all the same', async () => {
    const { page, context } = await browser.newPerson('Cem');
    await SessionPage.join(page, watching, 'Cem');
    await called(page, 'Ana plays');
    await page.getByTestId('listen-call-dismiss').focus();
    await page.keyboard.press('Enter');
    await page.getByTestId('listen-call').waitFor({ state: 'detached' });
    await page.locator('[data-testid=listen]:focus').waitFor();
    await ana.page.getByTestId('stop').click();
    await page.locator('.playback[data-playing=false]').waitFor();
    await play();
    await page.locator('[data-testid=listen][data-missing=true]').waitFor();
    assert.equal(await page.getByTestId('listen-call').count(), 0);
    await context.close();
  });
  await ana.context.close();
}

/** Everybody can leave, reads before what becomes of the session, and finds the way back. */
async function leaving({ stack, browser }: Scene): Promise<void> {
  const ben = await browser.newPerson('Ben');
  for (const [size, viewport] of SIZES) {
    const ana = await browser.newPerson(`Ana (${size})`, viewport);
    const host = await SessionPage.make(ana.page, stack.url, 'Ana', `Left on a ${size}`);
    const guest = await SessionPage.join(ben.page, await host.invite('co-author'), 'Ben');
    await guest.people('Ana host', 'Ben co-author');

    await step(`the host leaves, the session goes on, and they come back as its host, ${size}`, async () => {
      const question = ana.page.getByTestId('question-dialog');
      await host.menu('leave');
      await host.waitFor(question.filter({ hasText: 'The session goes on without you' }), 'the question');
      await host.waitFor(question.filter({ hasText: 'You stay its host' }), 'what becomes of the host');
      await findNothing(ana.page, `leaving, ${size}`);
      await screenshot(ana.page, `leave-host-${size}`);
      await host.yes();
      await host.waitFor(ana.page.getByTestId('jam-now'), 'the start page');
      await guest.people('Ben co-author');
      await guest.mayType(true);
      await guest.type(`// while the host is away, ${size}`, 0);
      await guest.newestIs('saved', 'flushed');
      await ana.page.getByRole('link', { name: `Left on a ${size}` }).click();
      await host.isOpen();
      await host.people('Ana host', 'Ben co-author');
      await host.shows(`// while the host is away, ${size}`);
    });

    await step(`a co-author leaves, and is told that they can come back, ${size}`, async () => {
      await guest.menu('leave');
      const question = ben.page.getByTestId('question-dialog');
      await guest.waitFor(question.filter({ hasText: 'The session goes on without you' }), 'the question');
      await guest.waitFor(question.filter({ hasText: 'as long as its host keeps you in' }), 'the condition');
      await guest.yes();
      await guest.waitFor(ben.page.getByTestId('jam-now'), 'the start page');
      await host.people('Ana host');
    });

    await step(`one may leave offline, too, ${size}`, async () => {
      await browser.expectingDrops(async () => {
        await ana.context.setOffline(true);
        await ana.page.locator('[data-testid=connection][data-state=reconnecting]').waitFor();
        await host.menu('leave');
        await host.yes();
        await host.waitFor(ana.page.getByTestId('jam-now'), 'the start page');
        const list = ana.page.getByRole('region', { name: 'Live now' });
        await host.waitFor(list.filter({ hasText: 'can’t be reached' }), 'the start to be offline');
        await ana.context.setOffline(false);
      });
    });
    await ana.context.close();
  }
  await ben.context.close();
}

/** Waits until the page says so, where nothing lies over it. */
async function called(page: Page, text: string): Promise<void> {
  const call = page.getByTestId('listen-call');
  await call.filter({ hasText: text }).waitFor({ timeout: PATIENCE_MS });
  const { covered, small } = await call.evaluate((element) => {
    const buttons = [...element.querySelectorAll('button')].map((button) => {
      const { left, top, width, height } = button.getBoundingClientRect();
      const hit = document.elementFromPoint(left + width / 2, top + height / 2);
      return { isHit: button.contains(hit), height };
    });
    const isTouch = matchMedia('(pointer: coarse)').matches;
    return {
      covered: buttons.some(({ isHit }) => !isHit),
      small: buttons.some(({ height }) => isTouch && height < 44),
    };
  });
  assert(!covered, 'something lies over it');
  assert(!small, 'it is too small for a finger');
}

/** Whether what one writes is in sight: neither scrolled away nor under anything. */
async function caretShows(page: Page): Promise<boolean> {
  return await page.evaluate(() => {
    const root = document.querySelector('[data-testid=editor]')?.shadowRoot;
    const caret = root?.querySelector('.cm-cursor-primary')?.getBoundingClientRect();
    const editor = root?.querySelector('.cm-scroller')?.getBoundingClientRect();
    if (!caret || !editor || caret.top < editor.top || caret.bottom > editor.bottom) return false;
    const hit = document.elementFromPoint(caret.left, (caret.top + caret.bottom) / 2);
    return hit?.getAttribute('data-testid') === 'editor';
  });
}

/** Notes what a screen reader is told of listening. */
async function record(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const said: string[] = [];
    Object.assign(window, { saidOfListening: said });
    new MutationObserver(() => {
      const text = document.querySelector('[data-testid=listen-said]')?.textContent ?? '';
      if (text !== (said.at(-1) ?? '')) said.push(text);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
}

async function recorded(page: Page): Promise<unknown> {
  return await page.evaluate(() => Reflect.get(window, 'saidOfListening'));
}
