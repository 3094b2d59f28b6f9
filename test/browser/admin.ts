/** The operator's page: from a write that Postgres refuses to its being there. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { getSystemStatus } from '../../src/protocol/http/operation.ts';
import { PHONE } from './browser.ts';
import { findNothing, fitsThePhone } from './looks.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, PATIENCE_MS, SessionPage } from './session-page.ts';

const CODE = 's("bd") // the chorus';
const CHAT = 'the chorus is great';
const REFUSE = {
  sessions: "alter table sessions add constraint refused check (code not like '%chorus%') not valid",
  messages:
    "alter table session_messages add constraint refused check (content not like '%chorus%') not valid",
};

export async function admin({ stack, browser }: Scene): Promise<void> {
  const database = new pg.Client({ connectionString: stack.databaseUrl });
  await database.connect();
  try {
    await run({ stack, browser }, async (sql, params = []) => (await database.query(sql, params)).rows);
  } finally {
    await database.end();
  }
}

type Sql = (sql: string, params?: string[]) => Promise<Record<string, unknown>[]>;

async function run({ stack, browser }: Pick<Scene, 'stack' | 'browser'>, sql: Sql): Promise<void> {
  const ana = await browser.newPerson('Ana');
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'Refused');
  const { page, context } = await browser.newPerson('Olga', PHONE);
  const shows = (testId: string, text: string | RegExp) =>
    page
      .getByTestId(testId)
      .filter({ hasText: text })
      .waitFor({ timeout: PATIENCE_MS })
      .catch((cause: unknown) => {
        throw new Error(`waited for ${testId} to show ${text}`, { cause });
      });

  // The figures and the list come by two requests.
  const letters = (count: number) =>
    eventually(`${count} letters`, async () => {
      const [shown, known] = [
        await page.getByTestId('letter').count(),
        (await statusOf(stack)).buffer?.dead_letters,
      ];
      return (shown === count && known === count) || `${shown} are shown of ${known}`;
    });

  await step('Postgres refuses what is written: dead letters', async () => {
    for (const refuse of Object.values(REFUSE)) await sql(refuse);
    await host.type(CODE);
    await host.tab('chat');
    await host.say(CHAT);
    await eventually('two dead letters', async () => {
      const { buffer } = await statusOf(stack);
      return buffer?.dead_letters === 2 || JSON.stringify(buffer);
    });
  });

  await step('the page asks for the secret, and says that a wrong one is wrong', async () => {
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(new URL('/admin', stack.url).href);
    await page.getByTestId('secret').waitFor();
    await findNothing(page, 'sign-in');
    await browser.expectingRefusals(async () => {
      await page.keyboard.type('not-the-secret-of-this-server');
      await page.keyboard.press('Enter');
      await shows('secret-problem', 'This is not the flush secret of this server');
    });
    await findNothing(page, 'refused');
    await screenshot(page, 'admin-refused-phone');
    await page.getByTestId('secret').fill(stack.flushSecret);
    await page.keyboard.press('Enter');
    await page.getByTestId('figure-letters').waitFor();
    assert(asked.every((url) => !url.includes(stack.flushSecret)));
    assert(!page.url().includes(stack.flushSecret));
    // It is the tab's, and nothing else's.
    const kept = await page.evaluate(() => [Object.values(sessionStorage), Object.values(localStorage)]);
    assert.deepEqual(kept, [[stack.flushSecret], []]);
    assert.equal(await page.evaluate(() => document.cookie), '');
  });

  await step('it shows the lag, the budgets, the alert and the letters', async () => {
    await shows('figure-lag', 'none');
    await shows('figure-letters', '2');
    await shows('budget-sessions', 'Sessions made by strangers');
    await shows('budget-commits', /\d 1,000,000,000$/);
    await shows('alert-dead_letters', '2 dead letters wait to be looked at');
    await letters(2);
    await shows('letters', '23514');
  });

  await step('its plots have points, more with each poll', async () => {
    const pointsOf = (id: string) =>
      page
        .getByTestId(`plot-${id}`)
        .locator('polyline')
        .evaluateAll((lines) =>
          lines.flatMap((line) => (line.getAttribute('points') ?? '').split(' ').filter(Boolean)),
        );
    for (const id of ['lag', 'dirty', 'letters', 'flushed']) {
      await eventually(`points of ${id}`, async () => {
        const points = await pointsOf(id);
        return (points.length >= 2 && new Set(points).size >= 2) || `${id} has ${points.join(' ')}`;
      });
    }
  });

  await step(
    'the page has no fault that axe knows, by day and by night, on a phone and a desktop',
    async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await findNothing(page, colorScheme);
        await screenshot(page, `admin-${colorScheme}-phone`);
      }
      await fitsThePhone(page);
      await page.setViewportSize({ width: 1280, height: 800 });
      await findNothing(page, 'desktop');
      await screenshot(page, 'admin-desktop');
      await page.setViewportSize(PHONE);
    },
  );

  await step('one letter is replayed once its reason is mended; the other is refused still', async () => {
    await sql('alter table sessions drop constraint refused');
    await browser.expectingRefusals(async () => {
      await page.getByTestId('replay-page').focus();
      await page.keyboard.press('Enter');
      await shows('letters-outcome', '1 replayed, 1 refused.');
      await letters(1);
      await shows('letter', 'Refused still: 23514');
    });
    const [row] = await sql('select code from sessions where id = $1', [host.sessionId]);
    assert.equal(row?.code, await host.text());
    assert((await host.text()).includes(CODE));
    await findNothing(page, 'a refused letter');
    await screenshot(page, 'admin-letter-refused-phone');
  });

  await step('the last one, too: none is left, and the alert is over', async () => {
    await sql('alter table session_messages drop constraint refused');
    await page.getByTestId('replay').click();
    await shows('no-letters', 'There are none.');
    await shows('alerts', 'All is well.');
    await shows('figure-letters', '0');
    const rows = await sql('select content from session_messages where session_id = $1', [host.sessionId]);
    assert.deepEqual(
      rows.map(({ content }) => content),
      [CHAT],
    );
    assert.equal((await statusOf(stack)).buffer?.dead_letters, 0);
  });

  await step(
    'what is worth nothing is discarded: not before one has said so, and one session alone',
    async () => {
      await sql(REFUSE.messages);
      const { page: bensPage } = await browser.newPerson('Ben');
      const other = await SessionPage.make(bensPage, stack.url, 'Ben', 'Refused, too');
      for (const each of [host, other]) {
        await each.tab('chat');
        await each.say(`${CHAT}, again`);
        await each.say(`${CHAT}, and again`);
      }
      await letters(4);
      const ofHost = page.getByTestId('letter').filter({ hasText: host.sessionId });
      await ofHost.first().getByTestId('discard').click();
      await page.getByTestId('discard-dialog').waitFor();
      await findNothing(page, 'the question before a discard');
      await screenshot(page, 'admin-discard-phone');
      // Enter keeps it, and so does Escape.
      await page.keyboard.press('Enter');
      await page.getByTestId('discard-dialog').waitFor({ state: 'detached' });
      await ofHost.first().getByTestId('discard').click();
      await page.getByTestId('discard-dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.getByTestId('discard-dialog').waitFor({ state: 'detached' });
      await letters(4);
      await ofHost.first().getByTestId('discard').click();
      await page.getByTestId('discard-yes').click();
      await shows('letters-outcome', '1 discarded.');
      await letters(3);
      const ofOther = page.getByTestId('letter').filter({ hasText: other.sessionId });
      await ofOther.first().getByTestId('discard-session').click();
      await shows('discard-dialog', other.sessionId);
      await page.getByTestId('discard-yes').click();
      await shows('letters-outcome', '2 discarded.');
      await letters(1);
      assert.equal(await ofHost.count(), 1);
      await fitsThePhone(page);
      await sql('alter table session_messages drop constraint refused');
      await page.getByTestId('replay').click();
      await shows('no-letters', 'There are none.');
    },
  );

  await step('it says when the server can’t be reached, and goes on when it is back', async () => {
    await browser.expectingDrops(async () => {
      await context.setOffline(true);
      await shows('problem', 'The server can’t be reached.');
      await screenshot(page, 'admin-unreachable-phone');
      await context.setOffline(false);
      await page.getByTestId('problem').filter({ hasText: 'reached' }).waitFor({ state: 'detached' });
    });
  });

  await step('a reload keeps the secret, another tab doesn’t have it, and it can be forgotten', async () => {
    await page.reload();
    await page.getByTestId('figure-lag').waitFor();
    const other = await context.newPage();
    await other.goto(new URL('/admin', stack.url).href);
    await other.getByTestId('secret').waitFor();
    await other.close();
    await page.getByTestId('forget').click();
    await page.getByTestId('secret').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  });
}

async function statusOf({ url, flushSecret }: Scene['stack']) {
  const response = await fetch(new URL(getSystemStatus.path, url), {
    headers: { authorization: `Bearer ${flushSecret}` },
  });
  return getSystemStatus.reply.parse(await response.json());
}
