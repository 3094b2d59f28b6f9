/** A jam with an audience: what a page shows that only watches, and what those who write see of the crowd. */
import assert from 'node:assert/strict';
import { MAX_LISTED_PARTICIPANTS } from '../../src/protocol/index.ts';
import { RawClient } from '../support/raw-client.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

const CROWD = 70;

export async function audience({ stack, browser }: Scene): Promise<void> {
  const [ana, ben, eve] = [
    await browser.newPerson('Ana'),
    await browser.newPerson('Ben'),
    await browser.newPerson('Eve'),
  ];
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'A public night');
  const coAuthor = await SessionPage.join(ben.page, await host.invite('co-author'), 'Ben');
  const link = await host.invite('viewer');
  const invite = decodeURIComponent(new URL(link).hash.split('/').at(-1) ?? '');
  const crowd: RawClient[] = [];
  const { sessionId } = host;
  const count = (page: SessionPage) => page.page.getByTestId('people-count').getAttribute('aria-label');

  await step('a crowd comes in to watch: a part of it is listed, all of it is counted', async () => {
    for (let n = 0; n < CROWD; n += 1) {
      const watcher = { sessionId, invite, displayName: `Guest ${n}`, edits: 'changes' as const };
      crowd.push(await RawClient.join({ ...watcher, roomUrl: stack.roomUrl }));
    }
    const watcher = await SessionPage.join(eve.page, link, 'Eve');
    for (const page of [host, coAuthor, watcher]) {
      await eventually('everybody to be counted', async () => {
        const label = await count(page);
        return label === `${CROWD + 3} here` || `${label}`;
      });
    }
    await host.tab('people');
    const listed = await ana.page.getByTestId('participants').locator('li').count();
    assert.equal(listed, MAX_LISTED_PARTICIPANTS);
    await screenshot(ana.page, 'audience-desktop');
  });

  await step('two type at once, and a page in the audience has all of it, with their carets', async () => {
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+a');
    await ana.page.keyboard.press('Delete');
    await host.type('one\ntwo\n');
    await coAuthor.shows('two');
    await Promise.all([host.type('// of Ana', 20), coAuthor.type('// of Ben', 20)]);
    const watcher = new SessionPage(eve.page);
    await eventually('all to show the same', async () => {
      const texts = await Promise.all([host, coAuthor, watcher].map((page) => page.text()));
      return new Set(texts).size === 1 && (texts[0]?.length ?? 0) > 20 ? true : JSON.stringify(texts);
    });
    const names = eve.page.locator('.cm-peer');
    await eventually('both carets', async () => {
      const carets = await names.count();
      return carets === 2 || `${carets} carets`;
    });
    await screenshot(eve.page, 'audience-watcher');
  });

  await step('one of the crowd may write from now on, and goes on from what all have', async () => {
    await host.tab('people');
    await host.giveRole('Guest 31', 'co-author');
    const promotedClient = crowd[31];
    assert(promotedClient);
    const promoted = await promotedClient.next(
      'session_state',
      ({ your_role: role }) => role === 'co-author',
    );
    assert.equal(promoted.payload.code, await host.text());
  });

  await step('the crowd leaves, and the count with it', async () => {
    await Promise.all(crowd.map((watcher) => watcher.close()));
    await eventually('three to be left', async () => {
      const label = await count(host);
      return label === '3 here' || `${label}`;
    });
  });
}
