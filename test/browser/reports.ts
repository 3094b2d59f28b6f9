/**
 * What people met elsewhere: browsers that keep nothing, clocks that are wrong, networks that stop
 * WebSockets, keys that have become void, tabs that are hidden or closed too early.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { signSessionToken } from '../../src/access/session-token.ts';
import { MAX_CONNECTIONS_PER_ADDRESS } from '../../src/protocol/index.ts';
import { Scene as Rooms } from '../support/session.ts';
import { TestBrowser } from './browser.ts';
import { CHROMIUM } from './chromium.ts';
import { startProxy, type Upgrades } from './proxies.ts';
import { type Scene, screenshot, step, userToken } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

/** A reason is there within this time. */
const REASON_MS = 10_000;

export async function reports(scene: Scene): Promise<void> {
  await hiddenTabs(scene);
  await blockedStorage(scene);
  await fullStorage(scene);
  await lostAnswer(scene);
  await plainHttp(scene);
  await wrongClocks(scene);
  await voidKeys(scene);
  await blockedSockets(scene);
  await unsentText(scene);
  await frozenStores(scene);
}

/** As the browser does it, which can't be told to. */
const setHidden = (page: Page, isHidden: boolean) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);

async function hiddenTabs({ stack, browser }: Scene): Promise<void> {
  const [ana, ben] = [await browser.newPerson('Ana'), await browser.newPerson('Ben')];
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Hidden');
  const guest = await SessionPage.join(ben.page, await host.invite('co-author'), 'Ben');
  await step('who has turned to another tab is shown as away, stays connected, and is back', async () => {
    await setHidden(ben.page, true);
    await host.tab('people');
    await host.waitFor(host.person('Ben').filter({ hasText: 'away' }), 'Ben to be away');
    await screenshot(ana.page, 'away-desktop');
    assert.equal(await ana.page.locator('[data-testid=follow][data-away=true]').count(), 1);
    await host.type('\n// while Ben is away');
    await guest.shows('// while Ben is away');
    await setHidden(ben.page, false);
    await eventually('Ben to be back', async () => {
      const text = (await host.person('Ben').textContent()) ?? '';
      return !text.includes('away') || text;
    });
  });
  await browser.closePages();
}

async function blockedStorage({ stack, browser }: Scene): Promise<void> {
  await step('a browser that blocks cookies and storage: all of it works, and the page says so', async () => {
    const profile = await mkdtemp(join(tmpdir(), 'backbeat-blocked-'));
    await mkdir(join(profile, 'Default'));
    const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
    await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify(settings));
    const context = await chromium.launchPersistentContext(profile, {
      // It reads these settings; its engine alone doesn’t.
      executablePath: CHROMIUM,
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'],
    });
    try {
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      await page.goto(stack.url);
      const failure = await page.evaluate(() => {
        try {
          return String(localStorage.length);
        } catch (error) {
          return error instanceof Error ? error.name : 'unknown';
        }
      });
      assert.equal(failure, 'SecurityError');
      await page.getByTestId('forgetful').waitFor();
      const host = await SessionPage.make(page, stack.url, 'Ana', 'Forgetful');
      await host.type('\n// kept by the room');
      await host.newestIs('saved', 'flushed');
      await page.getByTestId('menu').click();
      await page.getByTestId('theme').click();
      await screenshot(page, 'forgetful-desktop');
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    }
  });
  await browser.closePages();
}

/** Fills a storage of the page up to the last character. */
const fill = (page: Page, name: 'localStorage' | 'sessionStorage') =>
  page.evaluate((which) => {
    const storage = which === 'localStorage' ? localStorage : sessionStorage;
    let chars = 4 * 1024 * 1024;
    for (let count = 0; chars >= 1; count++) {
      try {
        storage.setItem(`filler ${count}`, 'x'.repeat(chars));
      } catch {
        chars = Math.floor(chars / 2);
      }
    }
  }, name);

async function fullStorage({ stack, browser }: Scene): Promise<void> {
  for (const full of [['sessionStorage'], ['localStorage'], ['localStorage', 'sessionStorage']] as const) {
    await step(
      `with ${full.join(' and ')} full a session opens, and an invite for one lets one in`,
      async () => {
        const [ana, ben] = [await browser.newPerson('Ana'), await browser.newPerson('Ben')];
        for (const { page } of [ana, ben]) {
          await page.goto(stack.url);
          for (const name of full) await fill(page, name);
        }
        const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Full');
        await host.type('\n// kept all the same');
        await host.newestIs('saved', 'flushed');
        const link = await host.invite('co-author', { uses: 1 });
        const guest = await SessionPage.join(ben.page, link, 'Ben');
        await guest.shows('// kept all the same');
        await ben.page.getByTestId('forgetful').waitFor();
        // Where the tab has room, a reload comes back with the key.
        if (!(full as readonly string[]).includes('sessionStorage')) {
          await ben.page.reload();
          await guest.isOpen();
          await host.people('Ana host', 'Ben co-author');
        }
        await browser.closePages();
      },
    );
  }
}

async function lostAnswer({ stack, browser }: Scene): Promise<void> {
  await step(
    'an invite for one isn’t spent by an answer that is lost on its way, nor by a reload',
    async () => {
      const [ana, ben] = [await browser.newPerson('Ana'), await browser.newPerson('Ben')];
      const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Lost answer');
      const link = await host.invite('co-author', { uses: 1 });
      await ben.page.route('**/sessions/join', async (route) => {
        await route.fetch();
        await route.abort('connectionreset');
      });
      await browser.expectingDrops(async () => {
        await ben.page.goto(link);
        await ben.page.getByTestId('join-name').fill('Ben');
        await ben.page.getByTestId('join-submit').click();
        await ben.page.getByTestId('form-problem').filter({ hasText: 'can’t be reached' }).waitFor();
      });
      await ben.page.unroute('**/sessions/join');
      await browser.expectingRefusals(async () => {
        await ben.page.reload();
        await SessionPage.join(ben.page, link, 'Ben');
      });
      await host.people('Ana host', 'Ben co-author');
    },
  );
  await browser.closePages();
}

async function plainHttp({ stack }: Scene): Promise<void> {
  await step('over plain http: by a host name it works, and what can’t be says why', async () => {
    const other = await TestBrowser.launch(['--host-resolver-rules=MAP backbeat.test 127.0.0.1']);
    try {
      const { page } = await other.newPerson('Ana');
      const url = stack.url.replace(/localhost|127\.0\.0\.1/, 'backbeat.test');
      await page.goto(url);
      assert.deepEqual(await page.evaluate(() => [isSecureContext, typeof crypto.randomUUID]), [
        false,
        'undefined',
      ]);
      const host = await SessionPage.make(page, url, 'Ana', 'Plain');
      await host.type('\n// plain');
      await host.newestIs('saved', 'flushed');
      await host.say('in the clear');
      await host.hears('in the clear', 'saved');
      await page.getByTestId('play').click();
      await host.toast('https://');
      await page.reload();
      await host.isOpen();
      await host.shows('// plain');
      assert.deepEqual(
        other.complaints.filter((text) => !/Cross-Origin-Opener-Policy/.test(text)),
        [],
      );
    } finally {
      await other.close();
    }
  });
}

/** The clock that a person can set, by `skewMs`; not the one that counts since the computer was started. */
const SETTABLE_CLOCK = `
  window.skewMs = 0;
  const now = () => real.now() + window.skewMs;
  const real = Date;
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

async function wrongClocks({ stack, browser }: Scene): Promise<void> {
  const ana = await browser.newPerson('Ana');
  await ana.context.addInitScript({ content: SETTABLE_CLOCK });
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Clocks');
  for (const [name, skewMs] of [
    ['30 s back', -30_000],
    ['an hour back', -3_600_000],
    ['eight days ahead', 8 * 86_400_000],
  ] as const) {
    await step(`a clock that is set ${name} while one types delays nothing`, async () => {
      await host.type('\n// before');
      await ana.page.evaluate((ms) => Reflect.set(window, 'skewMs', ms), skewMs);
      await host.type(`\n// ${name}`);
      const startMs = Date.now();
      await host.newestIs('saved', 'flushed');
      assert(Date.now() - startMs < 5_000, 'it took long');
      assert.equal(await ana.page.getByTestId('connection').getAttribute('data-state'), 'open');
    });
  }
  await step('a clock eight days ahead keeps nobody out of their own session', async () => {
    await ana.context.addInitScript({ content: `window.skewMs = ${8 * 86_400_000};` });
    await SessionPage.make(ana.page, stack.url, 'Ana', 'In eight days');
    await ana.page.reload();
    await host.isOpen();
    await host.people('Ana host');
    const link = await host.invite('co-author', { expiry: 'hour' });
    const ben = await browser.newPerson('Ben');
    await SessionPage.join(ben.page, link, 'Ben');
  });
  await browser.closePages();
}

/** Another key to the session in the place of the browser's: as after the server was given another secret. */
async function spoilKeys(page: Page): Promise<void> {
  const token = await signSessionToken(
    {
      sessionId: randomUUID(),
      participantId: randomUUID(),
      userId: null,
      displayName: 'Ana',
      avatarUrl: null,
      role: 'host',
    },
    'the secret that is no more',
  );
  await page.evaluate((spoilt) => {
    const kept: { token: string }[] = JSON.parse(localStorage.getItem('backbeat:sessions') ?? '[]');
    localStorage.setItem('backbeat:sessions', JSON.stringify(kept.map((one) => ({ ...one, token: spoilt }))));
  }, token);
}

async function voidKeys(scene: Scene): Promise<void> {
  const { stack, browser } = scene;
  const [ana, ben] = [await browser.newPerson('Ana'), await browser.newPerson('Ben')];
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Rotation');
  await host.type('\n// the work of a night');
  await host.newestIs('saved', 'flushed');
  const link = await host.invite('co-author');
  const guest = await SessionPage.join(ben.page, link, 'Ben');

  await step('an invite link lets one in whose key from before is void', async () => {
    await spoilKeys(ben.page);
    await browser.expectingRefusals(async () => {
      await SessionPage.join(ben.page, link, 'Ben');
    });
    await guest.shows('// the work of a night');
  });

  await step('a host whose key is void is told what to do, and takes the code along', async () => {
    await spoilKeys(ana.page);
    await browser.expectingRefusals(async () => {
      await ana.page.reload();
      await host.notice('key to the session isn’t good any more');
    });
    await screenshot(ana.page, 'void-key-desktop');
    await host.shows('// the work of a night');
    await ana.page.getByTestId('notice-copy').click();
    const copied = await ana.page.evaluate(() => navigator.clipboard.readText());
    assert(copied.includes('// the work of a night'));
  });

  await step('a sign-in that has expired says so after a reload, with the way back', async () => {
    await host.signIn(stack.url, await userToken(scene, 'ana', 'Ana'));
    await SessionPage.make(ana.page, stack.url, 'Ana', 'Of an account');
    await spoilKeys(ana.page);
    const { sessionId } = host;
    const expired = await userToken(scene, 'ana', 'Ana', stack.jwtSecret, '0s');
    await ana.page.evaluate((token) => localStorage.setItem('backbeat:user-token', token), expired);
    await browser.expectingRefusals(async () => {
      await ana.page.reload();
      await host.notice('Your sign-in has expired');
      await screenshot(ana.page, 'sign-in-expired-desktop');
      await ana.page.getByTestId('notice-sign-in').click();
      await ana.page.getByTestId('sign-in-token').fill(await userToken(scene, 'ana', 'Ana'));
      await ana.page.getByTestId('sign-in-submit').click();
    });
    await host.isOpen();
    assert.equal(host.sessionId, sessionId);
    await host.people('Ana host');
    await browser.expectingRefusals(async () => {
      await ana.page.evaluate((token) => localStorage.setItem('backbeat:user-token', token), expired);
      await ana.page.goto(stack.url);
      await host.waitFor(
        ana.page.getByTestId('sign-in-over'),
        'the start to say that the sign-in has expired',
      );
    });
  });
  await browser.closePages();
}

async function blockedSockets({ stack, browser }: Scene): Promise<void> {
  const proxy = await startProxy(stack.url, '203.0.113.9');
  const rooms = new Rooms(stack);
  try {
    const ana = await browser.newPerson('Ana');
    const host = await SessionPage.make(ana.page, proxy.url, 'Ana', 'Behind a proxy');
    await host.type('\n// through');
    await host.newestIs('saved', 'flushed');
    const says = async (kind: string, words: string) => {
      const startMs = Date.now();
      const trouble = ana.page.locator(`[data-testid=trouble][data-kind=${kind}]`);
      await host.waitFor(trouble.filter({ hasText: words }), `what is wrong: ${kind}`);
      assert(Date.now() - startMs < REASON_MS, `it took ${Date.now() - startMs} ms`);
    };
    for (const upgrades of ['refused', 'hanging', 'stripped', 'buffered'] satisfies Upgrades[]) {
      await step(
        `a proxy’s ${upgrades} WebSocket: what is wrong, and what can be done, within 10 s`,
        async () => {
          proxy.upgrades = upgrades;
          await browser.expectingDrops(async () => {
            await ana.page.reload();
            await says('blocked', 'try another network');
            if (upgrades === 'hanging') await screenshot(ana.page, 'blocked-desktop');
            proxy.upgrades = 'passed';
            await host.isOpen();
          });
          await ana.page.getByTestId('trouble').waitFor({ state: 'hidden' });
        },
      );
    }
    await step('the eleventh behind one address is told so, and is in when there is a place', async () => {
      const { sessionId } = host;
      const others = [];
      const headers = { 'cf-connecting-ip': '203.0.113.9' };
      for (let count = 1; count < MAX_CONNECTIONS_PER_ADDRESS; count++) {
        others.push(await rooms.join(sessionId, 'co-author', { headers }));
      }
      await browser.expectingDrops(async () => {
        await ana.context.setOffline(true);
        await ana.page.locator('[data-testid=connection][data-state=reconnecting]').waitFor();
        const eleventh = await eventuallyIn(() => rooms.join(sessionId, 'co-author', { headers }));
        await ana.context.setOffline(false);
        await ana.page.reload();
        await says('busy', 'too many connections from your network');
        await eleventh.close();
        await host.isOpen();
      });
      for (const other of others) await other.close();
    });
  } finally {
    await browser.closePages();
    await rooms.leave();
    await rooms.end();
    await proxy.close();
  }
}

/** Tries again until the place of one who has left is free. */
async function eventuallyIn<T>(enter: () => Promise<T>): Promise<T> {
  let entered: T | null = null;
  await eventually('a place', async () => {
    entered = await enter().catch(() => null);
    return entered !== null || 'the room is full';
  });
  assert(entered);
  return entered;
}

async function unsentText({ stack, browser }: Scene): Promise<void> {
  const ana = await browser.newPerson('Ana');
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Unsent');
  const address = ana.page.url();
  /** Whether the browser asks, when the tab is to be closed. */
  const asksOnClose = async (page: Page) => {
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    const closed = page.waitForEvent('close');
    await page.close({ runBeforeUnload: true });
    await closed;
    return asked;
  };
  await step('a tab whose text isn’t sent yet asks before it is closed', async () => {
    await host.type('\n// sent');
    await host.newestIs('saved', 'flushed');
    await browser.expectingDrops(async () => {
      await ana.context.setOffline(true);
      await host.type('\n// never sent');
      assert.deepEqual(await asksOnClose(ana.page), ['beforeunload']);
      await ana.context.setOffline(false);
    });
  });
  const page = await ana.context.newPage();
  const next = new SessionPage(page);
  await step('at the next visit the text is offered, once', async () => {
    await page.goto(address);
    await next.isOpen();
    await page.getByTestId('unsent').waitFor();
    await screenshot(page, 'unsent-desktop');
    assert(!(await next.text()).includes('// never sent'));
    await page.getByTestId('unsent-copy').click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert(copied.includes('// sent\n// never sent'), copied);
    await page.getByTestId('unsent-dismiss').click();
    await page.getByTestId('unsent').waitFor({ state: 'detached' });
    await page.reload();
    await next.isOpen();
    assert.equal(await page.getByTestId('unsent').count(), 0);
  });
  await step('a tab that has sent everything is closed without a question', async () => {
    await next.type('\n// sent, too');
    await next.newestIs('saved', 'flushed');
    assert.deepEqual(await asksOnClose(page), []);
  });
  await browser.closePages();
}

async function frozenStores({ stack, browser }: Scene): Promise<void> {
  await step(
    'with both stores frozen, Start shows at once that it works on it, and within 5 s why it waits',
    async () => {
      const { page } = await browser.newPerson('Ana');
      await page.goto(stack.url);
      await page.getByTestId('make-name').fill('Ana');
      await stack.control.pause('redisRest');
      await stack.control.pause('neonHttp');
      try {
        await browser.expectingDrops(async () => {
          const startMs = Date.now();
          await page.getByTestId('make-submit').click();
          const form = page.locator('form', { has: page.getByTestId('make-submit') });
          await form.getByTestId('form-progress').waitFor();
          assert(Date.now() - startMs < 1_000, 'nothing shows at once');
          const reason = form.locator(
            '[data-testid=form-progress]:has-text("takes long"), [data-testid=form-problem]:not(:empty)',
          );
          await reason.first().waitFor();
          assert(Date.now() - startMs < 5_000, `the reason took ${Date.now() - startMs} ms`);
          await form.getByTestId('form-problem').filter({ hasText: /\w/ }).waitFor();
        });
      } finally {
        await stack.control.resume('redisRest');
        await stack.control.resume('neonHttp');
      }
      await eventually('the session to be made once the stores answer', async () => {
        await page
          .getByTestId('make-submit')
          .click({ timeout: 1_000 })
          .catch(() => {});
        return page.url().includes('#/s/') || 'it isn’t made';
      });
      await new SessionPage(page).isOpen();
    },
  );
  await browser.closePages();
}
