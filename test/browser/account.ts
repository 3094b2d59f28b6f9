/**
 * Accounts in the page: signing in with a provider from wherever one is, tokens that are renewed, other tabs,
 * and what users do with their account. On a stack of its own, with the provider that signs in as anybody and
 * tokens that live for a minute.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { decodeJwt } from 'jose';
import type { Page } from 'playwright-core';
import { accountExport } from '../../src/protocol/http/accounts.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { DESKTOP, PHONE, type TestBrowser } from './browser.ts';
import { findNothing, fitsThePhone } from './looks.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, PATIENCE_MS, SessionPage } from './session-page.ts';

/** How much of a token's minute is over when it has expired. */
const TOKEN_MS = 60_000;
const PICTURE = 'https://avatars.githubusercontent.com/me.svg';
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="teal" d="M0 0h8v8H0z"/></svg>';

export async function account({ browser }: Scene): Promise<void> {
  const stack = await startStack({ ACCESS_TOKEN_MINUTES: '1' }, ['--sign-in']);
  try {
    for (const [name, viewport] of [
      ['desktop', DESKTOP],
      ['phone', PHONE],
    ] as const) {
      const device = { stack, browser, viewport, name };
      await comingIn(device);
      await tokens(device);
      await theAccount(device);
      await inASession(device);
      await theEnd(device);
    }
    await trouble({ stack, browser, viewport: DESKTOP, name: 'desktop' });
  } finally {
    await browser.closePages();
    await stack.stop();
  }
}

interface Device {
  stack: Stack;
  browser: TestBrowser;
  viewport: typeof DESKTOP;
  name: 'desktop' | 'phone';
}

/** At the provider: says who one is. */
async function beAnybody(page: Page, name: string): Promise<void> {
  await page.getByLabel('Who do you want to be?').fill(name);
  await page.getByTestId('local-sign-in').click();
}

/** From the start. */
async function signIn(page: Page, url: string, name: string): Promise<void> {
  await page.goto(url);
  await page.getByTestId('sign-in').click();
  await page.getByTestId('sign-in-local').click();
  await beAnybody(page, name);
  await isSignedIn(page, name);
}

async function isSignedIn(page: Page, name: string): Promise<void> {
  await page.getByTestId('account-name').filter({ hasText: name }).waitFor({ timeout: PATIENCE_MS });
}

/** The address has nothing of the way there. */
function isClean(page: Page): void {
  assert.equal(new URL(page.url()).search, '');
}

const tokenIn = (page: Page) => page.evaluate(() => localStorage.getItem('backbeat:user-token'));

async function comingIn({ stack, browser, viewport, name: device }: Device): Promise<void> {
  const on = ` (${device})`;
  const ada = await browser.newPerson('Ada', viewport);
  const { page } = ada;
  const host = new SessionPage(page);
  const me = `Ada ${device}`;

  await step(`the dialog offers the provider, loudly local, and a pasted token behind it${on}`, async () => {
    await page.goto(stack.url);
    await page.getByTestId('sign-in').click();
    const dialog = page.getByTestId('sign-in-dialog');
    await dialog.getByText('anybody can be anybody').waitFor();
    assert.equal(await dialog.getByTestId('sign-in-token').isVisible(), false);
    await screenshot(page, `account-sign-in-${device}`);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await findNothing(page, `the sign-in dialog, ${colorScheme}`);
    }
    await dialog.getByTestId('use-token').click();
    await dialog.getByTestId('sign-in-token').waitFor();
    if (device === 'phone') await fitsThePhone(page);
    await dialog.getByTestId('sign-in-close').click();
  });

  await step(`a session that one hosts without an account: signed in, one is back in it${on}`, async () => {
    await SessionPage.make(page, stack.url, 'Ada', `Before ${device}`);
    const { sessionId } = host;
    await host.type('\n// before signing in');
    await host.newestIs('saved', 'flushed');
    await host.tab('chat');
    await page.getByTestId('chat-input').fill('half a sentence');
    await host.tab('strudels');
    await page.getByTestId('strudels-sign-in').click();
    const link = page.getByTestId('sign-in-local');
    const href = (await link.getAttribute('href')) ?? '';
    assert.equal(new URL(href, stack.url).searchParams.get('return_to'), `/s/${sessionId}`);
    await link.click();
    await beAnybody(page, me);
    await host.isOpen();
    isClean(page);
    assert.equal(host.sessionId, sessionId);
    await host.toast(`Signed in as ${me}. The session that you host here is your account’s now.`);
    await host.shows('// before signing in');
    await host.people('Ada host');
    await host.tab('chat');
    await eventually('the half sentence', async () => {
      const text = await page.getByTestId('chat-input').inputValue();
      return text === 'half a sentence' || text;
    });
    await host.tab('strudels');
    await page.getByTestId('strudel-save').waitFor();
    await screenshot(page, `account-in-session-${device}`);
  });

  await step(`it is among the account's own sessions, in another browser, too${on}`, async () => {
    await page.goto(stack.url);
    await page.getByTestId('my-sessions').getByText(`Before ${device}`).waitFor();
    assert.equal(await page.getByText('Recent, not signed in').count(), 0);
    const other = await browser.newPerson('Ada elsewhere', viewport);
    await signIn(other.page, stack.url, me);
    isClean(other.page);
    await other.page.getByTestId('my-sessions').getByText(`Before ${device}`).click();
    const there = await new SessionPage(other.page).isOpen();
    await there.people(`${me} host`);
    await other.context.close();
  });

  await step(`from an invite one comes back to it, with the name one has typed${on}`, async () => {
    await page.getByTestId('my-sessions').getByText(`Before ${device}`).click();
    await host.isOpen();
    const invite = await host.invite('co-author');
    const ben = await browser.newPerson('Ben', viewport);
    const asked: string[] = [];
    ben.page.on('request', (request) => asked.push(request.url()));
    await ben.page.goto(invite);
    await ben.page.getByTestId('join-name').fill('Benjamin');
    await screenshot(ben.page, `account-invite-${device}`);
    await ben.page.getByTestId('join-sign-in').click();
    await ben.page.getByTestId('sign-in-local').click();
    await beAnybody(ben.page, `Ben ${device}`);
    await ben.page.getByText('You join with your account').waitFor();
    assert.equal(ben.page.url(), invite);
    await eventually('the typed name', async () => {
      const name = await ben.page.getByTestId('join-name').inputValue();
      return name === 'Benjamin' || name;
    });
    const secret = invite.split('#/join/')[1] ?? '';
    assert(secret.length > 8);
    // The browser leaves the fragment out of what it asks; nothing else may have it.
    assert.deepEqual(
      asked.filter((url) => url.replace(/#.*/, '').includes(secret)),
      [],
    );
    await ben.page.getByTestId('join-submit').click();
    await new SessionPage(ben.page).isOpen();
    await host.people(`${me} host`, 'Benjamin co-author');
    await ben.context.close();
  });
  await browser.closePages();
}

/** As if a computer had slept for so long: the page's clock, not the server's. */
const SLEEPER = `
  const real = Date;
  const now = () => real.now() + Number(localStorage.getItem('test:slept') ?? 0);
  window.Date = class extends real {
    constructor(...given) {
      if (given.length === 0) super(now());
      else super(...given);
    }
    static now() {
      return now();
    }
  };
`;

async function tokens({ stack, browser, viewport, name: device }: Device): Promise<void> {
  const on = ` (${device})`;
  const { page, context } = await browser.newPerson('Cleo', viewport);
  await context.addInitScript({ content: SLEEPER });
  const me = `Cleo ${device}`;
  await signIn(page, stack.url, me);

  await step(`a page that wakes renews the token, once for all tabs${on}`, async () => {
    const second = await context.newPage();
    await second.goto(stack.url);
    await isSignedIn(second, me);
    const renewals: string[] = [];
    context.on('request', (request) => {
      if (request.url().endsWith('/auth/refresh')) renewals.push(request.url());
    });
    const before = (await tokenIn(page)) ?? '';
    // Tokens of one second are the same.
    const { iat = 0 } = decodeJwt(before);
    await eventually('the next second', async () => Date.now() > (iat + 1) * 1_000 || 'not yet');
    await page.evaluate((ms) => localStorage.setItem('test:slept', String(ms)), TOKEN_MS);
    // Both want it before either has it. Then their clock is right again, by which the new one is new.
    await context.route('**/auth/refresh', async (route) => {
      await eventually('the other tab to want it, too', async () => {
        const { pending = [] } = await page.evaluate(() => navigator.locks.query());
        return pending.some(({ name }) => name === 'backbeat:renewal') || 'it does not yet';
      });
      await page.evaluate(() => localStorage.removeItem('test:slept'));
      await route.continue();
    });
    for (const tab of [page, second]) await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
    await eventually('another token', async () => (await tokenIn(page)) !== before || 'it is the same');
    for (const tab of [page, second]) {
      await tab.evaluate(() => navigator.locks.request('backbeat:renewal', () => {}));
    }
    assert.equal(renewals.length, 1);
    await context.unroute('**/auth/refresh');
    await second.close();
  });

  await step(
    `a token that the server takes no more is renewed, and what was asked is done${on}`,
    async () => {
      const made = await SessionPage.make(page, stack.url, me, `Spoilt ${device}`);
      const { sessionId } = made;
      await page.goto(stack.url);
      await page.getByTestId('my-sessions').getByText(`Spoilt ${device}`).waitFor();
      await spoilToken(page);
      await browser.expectingRefusals(async () => {
        await page.reload();
        await page.getByTestId('my-sessions').getByText(`Spoilt ${device}`).waitFor();
      });
      assert.equal(await page.getByTestId('sign-in-over').count(), 0);
      // The same on the way into a session by the account's token alone.
      await spoilToken(page);
      await page.evaluate(() => localStorage.removeItem('backbeat:sessions'));
      await browser.expectingRefusals(async () => {
        await page.goto(`${stack.url}/#/s/${sessionId}`);
        await page.reload();
        await made.isOpen();
      });
      assert.equal(await page.getByTestId('notice').count(), 0);
      await made.people(`${me} host`);
      await page.goto(stack.url);
    },
  );

  await step(`signing out in one tab signs the other out, a session of the account, too${on}`, async () => {
    const second = await context.newPage();
    await second.goto(stack.url);
    await second.getByTestId('my-sessions').getByText(`Spoilt ${device}`).click();
    await new SessionPage(second).isOpen();
    const third = await context.newPage();
    await third.goto(stack.url);
    await isSignedIn(third, me);
    await browser.expectingRefusals(async () => {
      await page.getByTestId('sign-out').click();
      await page.getByTestId('sign-in').waitFor();
      await third.getByTestId('sign-in').waitFor();
      await second.locator('[data-testid=notice], [data-testid=join-name]').first().waitFor();
    });
    assert.equal(await tokenIn(third), null);
    await third.reload();
    await third.getByTestId('sign-in').waitFor();
    await second.close();
    await third.close();
    assert.equal((await context.cookies()).filter(({ name }) => name.includes('refresh')).length, 0);
  });

  await step(`signed out everywhere, another browser's sign-in has expired, and says so${on}`, async () => {
    await signIn(page, stack.url, me);
    const other = await browser.newPerson('Cleo elsewhere', viewport);
    await signIn(other.page, stack.url, me);
    await page.getByTestId('account-open').click();
    await page.getByTestId('account-everywhere').click();
    await page.getByTestId('question-yes').click();
    await page.getByTestId('sign-in').waitFor();
    await new SessionPage(page).toast('You are signed out everywhere.');
    await browser.expectingRefusals(async () => {
      await other.page.reload();
      await other.page.getByTestId('sign-in-over').waitFor();
      await screenshot(other.page, `account-over-${device}`);
      await other.page.getByTestId('sign-in').click();
      await other.page.getByTestId('sign-in-local').click();
      await beAnybody(other.page, me);
      await isSignedIn(other.page, me);
    });
    assert.equal(await other.page.getByTestId('sign-in-over').count(), 0);
  });
  await browser.closePages();
}

/** Puts one in its place that is of the same account, lives as long, and has a signature that isn't good. */
async function spoilToken(page: Page): Promise<void> {
  await page.evaluate(() => {
    const token = localStorage.getItem('backbeat:user-token') ?? '';
    localStorage.setItem('backbeat:user-token', `${token.split('.').slice(0, 2).join('.')}.AAAA`);
  });
}

async function theAccount({ stack, browser, viewport, name: device }: Device): Promise<void> {
  const on = ` (${device})`;
  const { page, context } = await browser.newPerson('Dora', viewport);
  await context.route(PICTURE, (route) => route.fulfill({ contentType: 'image/svg+xml', body: SVG }));
  const me = `Dora ${device}`;
  const dialog = page.getByTestId('account-dialog');
  await signIn(page, stack.url, me);

  await step(`another name and a picture${on}`, async () => {
    await page.getByTestId('account-open').click();
    await page.getByTestId('account-name-field').fill('Dora the First');
    await page.getByTestId('account-picture-field').fill('http://pictures.example/me.svg');
    await page.getByTestId('account-save').click();
    await dialog.getByText('A picture’s address begins with https://.').waitFor();
    await page.getByTestId('account-picture-field').fill(PICTURE);
    await page.getByTestId('account-save').click();
    await page.getByTestId('account-note').filter({ hasText: 'Saved.' }).waitFor();
    await page.getByTestId('account-title').filter({ hasText: 'Dora the First' }).waitFor();
    await eventually(
      'the picture',
      async () =>
        (await page
          .getByTestId('account-picture')
          .evaluate((image) => image instanceof HTMLImageElement && image.naturalWidth > 0)) ||
        'it is not shown',
    );
    await screenshot(page, `account-${device}`);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await findNothing(page, `the account's dialog, ${colorScheme}`);
      await screenshot(page, `account-${colorScheme}-${device}`);
    }
  });

  await step(`consent is off, and stays as it is switched${on}`, async () => {
    const consent = page.getByTestId('account-training');
    assert.equal(await consent.isChecked(), false);
    await consent.check();
    await eventually('the switch to be done', async () => (await consent.isEnabled()) || 'it is busy');
    await page.getByTestId('account-close').click();
    await isSignedIn(page, 'Dora the First');
    await page.reload();
    await isSignedIn(page, 'Dora the First');
    await page.getByTestId('account-open').click();
    assert.equal(await consent.isChecked(), true);
    assert.equal(await page.getByTestId('account-picture-field').inputValue(), PICTURE);
  });

  await step(`the dialog is used by keyboard alone, and gives the focus back${on}`, async () => {
    await page.getByTestId('account-name-field').focus();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'account-picture-field');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute('data-testid')),
      'account-open',
    );
  });

  await step(`everything as one file; one that broke off is no file${on}`, async () => {
    await SessionPage.make(page, stack.url, 'Dora', `Kept ${device}`);
    const host = new SessionPage(page);
    await host.type('\n// for the file');
    await host.say('for the file, too');
    await host.newestIs('flushed');
    await page.goto(stack.url);
    await page.getByTestId('account-open').click();
    const arrives = page.waitForEvent('download');
    await page.getByTestId('account-download').click();
    const download = await arrives;
    assert.equal(download.suggestedFilename(), 'backbeat-account.json');
    const parsed = accountExport.parse(JSON.parse(await readFile(await download.path(), 'utf8')));
    assert.equal(parsed.user.name, 'Dora the First');
    assert.deepEqual(
      parsed.sessions.map(({ title }) => title),
      [`Kept ${device}`],
    );
    assert(parsed.sessions[0]?.code.includes('// for the file'));
    await page.getByTestId('account-progress').filter({ hasText: 'Downloaded' }).waitFor();
    await context.route('**/auth/me/export', async (route) => {
      const whole = await (await route.fetch()).text();
      await route.fulfill({ contentType: 'application/json', body: whole.slice(0, -30) });
    });
    const files: unknown[] = [];
    page.on('download', (file) => files.push(file));
    await page.getByTestId('account-download').click();
    await page.getByTestId('account-download-problem').filter({ hasText: 'broke off' }).waitFor();
    assert.equal(files.length, 0);
    await context.unroute('**/auth/me/export');
    if (device === 'phone') await fitsThePhone(page);
  });
  await browser.closePages();
}

/** From the session's menu. */
async function inASession({ stack, browser, viewport, name: device }: Device): Promise<void> {
  const on = ` (${device})`;
  const host = await SessionPage.make(
    (await browser.newPerson('Gil', viewport)).page,
    stack.url,
    'Gil',
    `With guests ${device}`,
  );
  const link = await host.invite('co-author');
  const { page, context } = await browser.newPerson('Hedy', viewport);
  await context.route(PICTURE, (route) => route.fulfill({ contentType: 'image/svg+xml', body: SVG }));
  const guest = await SessionPage.join(page, link, 'Hedy');
  const me = `Hedy ${device}`;
  const menu = page.locator('#session-menu');
  const account = page.getByTestId('account-dialog');
  const look = async (what: string) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await findNothing(page, `${what}, ${colorScheme}`);
    }
    if (device === 'phone') await fitsThePhone(page);
    await screenshot(page, `account-${what.replaceAll(' ', '-')}-${device}`);
  };

  await step(`the server is asked about accounts only once the menu is opened${on}`, async () => {
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.reload();
    await guest.isOpen();
    await menu.getByTestId('copy-code').waitFor({ state: 'attached' });
    assert.deepEqual(
      asked.filter((path) => path.startsWith('/api/v1/auth')),
      [],
    );
    await page.getByTestId('menu').click();
    await page.getByTestId('menu-sign-in').waitFor();
    assert.deepEqual(
      asked.filter((path) => path.startsWith('/api/v1/auth')),
      ['/api/v1/auth/providers'],
    );
    await look('menu signed out');
  });

  await step(`a guest signs in from the menu, and is back in the session${on}`, async () => {
    await page.keyboard.press('Escape');
    await guest.type('\n// by a guest');
    await guest.newestIs('saved', 'flushed');
    await page.getByTestId('menu').click();
    await page.getByTestId('menu-sign-in').click();
    await page.getByTestId('sign-in-local').click();
    await beAnybody(page, me);
    await guest.isOpen();
    isClean(page);
    await guest.toast(`Signed in as ${me}.`);
    await guest.shows('// by a guest');
    await host.people('Gil host', 'Hedy co-author');
    await page.getByTestId('menu').click();
    await page.getByTestId('menu-account').filter({ hasText: me }).waitFor();
    await look('menu signed in');
  });

  await step(`the account's dialog opens over the session, and closes by keyboard${on}`, async () => {
    await page.getByTestId('menu-account').click();
    await page.getByTestId('account-picture-field').fill(PICTURE);
    await page.getByTestId('account-save').click();
    await page.getByTestId('account-note').filter({ hasText: 'Saved.' }).waitFor();
    await look('dialog in a session');
    await page.keyboard.press('Escape');
    await account.waitFor({ state: 'detached' });
    await page.locator('[data-testid=menu]:focus').waitFor();
    await guest.isOpen();
    await page.reload();
    await guest.isOpen();
    await page.getByTestId('menu').click();
    await eventually(
      'the picture',
      async () =>
        (await page
          .getByTestId('menu-account-picture')
          .evaluate((image) => image instanceof HTMLImageElement && image.naturalWidth > 0)) ||
        'it is not shown',
    );
    await look('menu with a picture');
  });

  await step(`a guest who is in it without the account signs out, and stays${on}`, async () => {
    await page.getByTestId('menu-sign-out').click();
    await page.getByTestId('question-dialog').getByText('You stay in this session').waitFor();
    await guest.yes();
    await guest.toast('You are signed out.');
    await guest.type('\n// still here');
    await guest.newestIs('saved', 'flushed');
    await host.shows('// still here');
    await page.getByTestId('menu').click();
    await page.getByTestId('menu-sign-in').waitFor();
    assert.equal(await page.getByTestId('menu-sign-out').count(), 0);
    await page.keyboard.press('Escape');
  });

  await step(`one who made the session with the account leaves it${on}`, async () => {
    await signIn(page, stack.url, me);
    await page.getByTestId('jam-now').click();
    await guest.isOpen();
    await guest.type('\n// mine');
    await guest.newestIs('saved', 'flushed');
    const { sessionId } = guest;
    await page.getByTestId('menu').click();
    await page.getByTestId('menu-sign-out').click();
    await page.getByTestId('question-dialog').getByText('and leave it').waitFor();
    await guest.yes();
    await page.getByTestId('sign-in').waitFor();
    await guest.toast('You are signed out.');
    assert.equal(await tokenIn(page), null);
    assert(!page.url().includes(sessionId));
    await context.close();
    await host.page.context().close();
  });
}

async function theEnd({ stack, browser, viewport, name: device }: Device): Promise<void> {
  const on = ` (${device})`;
  const { page } = await browser.newPerson('Emil', viewport);
  const me = `Emil ${device}`;
  await signIn(page, stack.url, me);
  await step(`an account is deleted, with more sessions than one request deals with${on}`, async () => {
    const ids = await manySessions(page, 10);
    await page.getByTestId('account-open').click();
    await page.getByTestId('account-delete').click();
    await page.getByTestId('account-confirm').fill('somebody else');
    await page.getByTestId('account-delete-submit').click();
    await page.getByTestId('account-dialog').getByText('Nothing was deleted.').waitFor();
    await screenshot(page, `account-delete-${device}`);
    await findNothing(page, 'the question before deleting');
    const said: string[] = [];
    await page.exposeFunction('noteProgress', (text: string) => said.push(text));
    await page.evaluate(() => {
      const place = document.querySelector('[data-testid=account-delete-progress]');
      new MutationObserver(() => Reflect.get(window, 'noteProgress')(place?.textContent)).observe(
        place ?? document.body,
        { childList: true, characterData: true, subtree: true },
      );
    });
    await page.getByTestId('account-confirm').fill(me);
    await page.getByTestId('account-delete-submit').click();
    await page.getByTestId('sign-in').waitFor({ timeout: PATIENCE_MS });
    await new SessionPage(page).toast('Your account is deleted.');
    assert(
      said.some((text) => /\d+ sessions? to go/.test(text)),
      `it said ${said}`,
    );
    assert.equal(await tokenIn(page), null);
    for (const id of ids) {
      const response = await fetch(new URL(`/api/v1/sessions/${id}/live`, stack.url));
      assert.notEqual(response.status, 200);
    }
  });
  await browser.closePages();
}

/** Makes sessions of the account that is signed in; and shows the start anew. */
async function manySessions(page: Page, count: number): Promise<string[]> {
  const ids = await page.evaluate(async (wanted) => {
    const made: string[] = [];
    for (let number = 0; number < wanted; number++) {
      const response = await fetch('/api/v1/sessions', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${localStorage.getItem('backbeat:user-token')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ title: `Number ${number}`, display_name: 'Emil', code: '' }),
      });
      made.push((await response.json()).id);
    }
    return made;
  }, count);
  assert.equal(new Set(ids).size, count);
  await page.reload();
  return ids;
}

async function trouble({ stack, browser, viewport }: Device): Promise<void> {
  const { page, context } = await browser.newPerson('Fay', viewport);
  const start = new SessionPage(page);
  await step('signing in that is cancelled says so, where one was', async () => {
    await SessionPage.make(page, stack.url, 'Fay', 'Cancelled');
    const { sessionId } = start;
    await start.tab('strudels');
    await page.getByTestId('strudels-sign-in').click();
    await page.getByTestId('sign-in-local').click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await start.isOpen();
    await start.toast('signing in was cancelled');
    isClean(page);
    assert.equal(start.sessionId, sessionId);
    assert.equal(await tokenIn(page), null);
    await screenshot(page, 'account-cancelled-desktop');
  });

  await step('a callback with another state says so, and signs nobody in', async () => {
    await page.goto(stack.url);
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-local').click();
    await page.getByLabel('Who do you want to be?').waitFor();
    await page.goto(`${stack.url}/api/v1/auth/local/callback?code=any&state=not-the-one-that-was-sent`);
    await start.toast('it took too long, or it was begun in another browser');
    isClean(page);
    await page.getByTestId('sign-in').waitFor();
    assert.equal(await tokenIn(page), null);
  });

  await step(
    'an address that says one is signed in, in a browser that isn’t, says what is wrong',
    async () => {
      await browser.expectingRefusals(async () => {
        await page.goto(`${stack.url}/?signed_in=1`);
        await start.toast('You are not signed in');
      });
      isClean(page);
    },
  );

  await step('what can’t be claimed at once is, when the page is loaded again', async () => {
    await context.route('**/auth/claim', (route) => route.abort());
    await browser.expectingDrops(() => signIn(page, stack.url, 'Fay'));
    await start.toast('when the page is loaded again');
    await page.getByText('Recent, not signed in').waitFor();
    await context.unroute('**/auth/claim');
    await page.reload();
    await page.getByTestId('my-sessions').getByText('Cancelled').waitFor();
    await page.getByText('Recent, not signed in').waitFor({ state: 'detached' });
  });
  await browser.closePages();
}
