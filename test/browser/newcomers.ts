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
  await asking(scene);
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

/** The plain address says at once what one needs, and asks the host by the first press. */
async function asking({ stack, browser }: Scene): Promise<void> {
  const ana = await browser.newPerson('Ana');
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'A secret title');
  const address = `${stack.url}#/s/${host.sessionId}`;
  const knock = (name: string) => ana.page.getByTestId('knock').filter({ hasText: `${name} asks` });

  for (const [size, viewport] of SIZES) {
    await step(`the plain address says what one needs, and asks the host at once, ${size}`, async () => {
      const { page, context } = await browser.newPerson(`Gus (${size})`, viewport);
      const guest = new SessionPage(page);
      await page.goto(address);
      const why = page.getByTestId('ask-why');
      await guest.waitFor(
        why.filter({ hasText: 'you need an invite link, or the host has to let you in' }),
        'why',
      );
      await page.getByRole('heading', { name: 'Ask to join' }).waitFor();
      // Nothing of a private session is told.
      const told = (await page.locator('body').textContent()) ?? '';
      assert(!told.includes('secret') && !told.includes('Ana'), told);
      assert(!(await page.title()).includes('secret'));
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await findNothing(page, `asking, ${size}, ${colorScheme}`);
        await screenshot(page, `ask-${size}-${colorScheme}`);
      }
      if (size === 'phone') await fitsThePhone(page);
      await page.getByTestId('join-name').fill(`Gus ${size}`);
      await page.getByTestId('join-submit').click();
      await guest.waitFor(page.getByTestId('knocking'), 'the wait for the host');
      await screenshot(page, `asking-${size}`);
      await browser.expectingRefusals(async () => {
        await knock(`Gus ${size}`).getByTestId('knock-refuse').click();
        const problem = page.getByTestId('knock-problem').filter({ hasText: 'doesn’t let you in' });
        await guest.waitFor(problem, 'the refusal');
      });
      // The name is still there, to ask again.
      assert.equal(await page.getByTestId('join-name').inputValue(), `Gus ${size}`);
      await page.getByTestId('join-submit').click();
      await guest.waitFor(page.getByTestId('knock-cancel'), 'the way to give up');
      await page.getByTestId('knock-cancel').click();
      await knock(`Gus ${size}`).waitFor({ state: 'detached', timeout: PATIENCE_MS });
      await page.getByTestId('join-submit').click();
      await host.waitFor(knock(`Gus ${size}`), 'the third knock');
      // Also while the host passes links on: a dialog lets nothing behind it be pressed.
      await ana.page.getByTestId('invite').click();
      const inDialog = ana.page.getByTestId('invite-dialog').getByTestId('knock');
      await inDialog.waitFor();
      await screenshot(ana.page, `asked-in-dialog-${size}`);
      await inDialog.getByTestId('knock-viewer').click();
      await ana.page.getByTestId('invite-close').click();
      await guest.isOpen();
      await eventually('the title', async () => {
        const title = await page.getByTestId('title').textContent();
        return title === 'A secret title' || `it is ${title}`;
      });
      await page.reload();
      await guest.isOpen();
      await context.close();
    });
  }

  await step('a session that isn’t there is told like a private one, until one asks', async () => {
    const { page, context } = await browser.newPerson('Hal');
    const text = async (to: string) => {
      await page.goto(to);
      await page.reload();
      await page.getByTestId('ask-why').waitFor({ timeout: PATIENCE_MS });
      return await page.locator('main').textContent();
    };
    const missing = `${stack.url}#/s/${crypto.randomUUID()}`;
    assert.equal(await text(address), await text(missing));
    await browser.expectingRefusals(async () => {
      await page.getByTestId('join-name').fill('Hal');
      await page.getByTestId('join-submit').click();
      const problem = page.getByTestId('knock-problem').filter({ hasText: /no such session/i });
      await problem.waitFor({ timeout: PATIENCE_MS });
    });
    await context.close();
  });

  await step('who asks at a session that was opened to everyone meanwhile is in it', async () => {
    const { page, context } = await browser.newPerson('Ida');
    await page.goto(address);
    await page.getByTestId('join-name').fill('Ida');
    await host.menu('settings');
    await ana.page.getByTestId('settings-discoverable').check();
    const note = ana.page.getByTestId('settings-note').filter({ hasText: 'Everyone may look in' });
    await host.waitFor(note, 'the session to be open');
    await browser.expectingRefusals(async () => {
      await page.getByTestId('join-submit').click();
      const guest = await new SessionPage(page).isOpen();
      await guest.mayType(false);
    });
    await context.close();
  });

  await step('a public session’s address says that it is one, and lets in by a name', async () => {
    const { page, context } = await browser.newPerson('Jo', PHONE);
    await eventually('the public list to have it', async () => {
      await page.goto(address);
      await page.reload();
      await page.getByTestId('join-name').waitFor({ timeout: PATIENCE_MS });
      return (await page.getByRole('heading', { name: 'Look in' }).count()) === 1 || 'it has it not yet';
    });
    await screenshot(page, 'look-in-phone');
    await page.getByTestId('join-name').fill('Jo');
    await page.getByTestId('join-submit').click();
    await new SessionPage(page).isOpen();
    // Where the name is known, it isn't asked again, also where the browser has nothing else.
    const another = await context.newPage();
    await another.addInitScript(() => localStorage.removeItem('backbeat:sessions'));
    await another.goto(address);
    await new SessionPage(another).isOpen();
    await context.close();
  });
  await ana.context.close();
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
