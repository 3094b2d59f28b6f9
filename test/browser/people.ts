/**
 * People: accounts, invites, roles and the session's end, each seen by those it concerns while they look on.
 */
import assert from 'node:assert/strict';
import { DESKTOP, PHONE } from './browser.ts';
import { type Scene, screenshot, step, userToken } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

export async function people(scene: Scene): Promise<void> {
  const { stack, browser } = scene;
  const ana = await browser.newPerson('Ana');
  const ben = await browser.newPerson('Ben', PHONE);
  const vera = await browser.newPerson('Vera');
  const host = new SessionPage(ana.page);

  await step('somebody signs in with a development token, and stays so', async () => {
    await ana.page.goto(stack.url);
    await screenshot(ana.page, 'start-desktop');
    await ben.page.goto(stack.url);
    await screenshot(ben.page, 'start-phone');
    await browser.expectingRefusals(async () => {
      await ana.page.getByTestId('sign-in').click();
      await ana.page
        .getByTestId('sign-in-token')
        .fill(await userToken(scene, 'ana', 'Ana', 'a secret of somebody else'));
      await ana.page.getByTestId('sign-in-submit').click();
      await host.waitFor(
        ana.page.getByTestId('sign-in-dialog').getByTestId('form-problem').filter({ hasText: /\w/ }),
        'a forged token to be refused',
      );
      await screenshot(ana.page, 'sign-in-desktop');
    });
    await host.signIn(stack.url, await userToken(scene, 'ana', 'Ana'));
    assert.equal(await ana.page.getByTestId('account-name').textContent(), 'Ana');
    await ana.page.reload();
    await host.waitFor(ana.page.getByTestId('sign-out'), 'being signed in after a reload');
  });

  const sessionId = await step('their session is under “Your sessions”, to go back to', async () => {
    await SessionPage.make(ana.page, stack.url, 'Ana', 'Friday jam');
    const id = host.sessionId;
    await ana.page.goto(stack.url);
    await ana.page.getByTestId('my-sessions').getByText('Friday jam').click();
    await host.isOpen();
    assert.equal(host.sessionId, id);
    await host.people('Ana host');
    return id;
  });

  const viewerLink = await step('an invite for one lets one in, and says so', async () => {
    const link = await host.invite('co-author', { uses: 1, expiry: 'day' });
    await ana.page.getByTestId('invite').click();
    const facts = ana.page.getByTestId('invite-facts');
    await host.waitFor(facts.filter({ hasText: 'used 0 of 1, until' }), 'the invite to be listed');
    await screenshot(ana.page, 'invite-desktop');
    await ben.page.goto(link);
    const invitation = ben.page.getByTestId('invitation');
    // Who is there gets to Postgres a moment after they have come, and is kept for 3 s where it is shown.
    await eventually('the invite to say what it leads to', async () => {
      await host.waitFor(invitation, 'what the invite leads to');
      const text = await invitation.textContent();
      if (text === 'Ana invites you to Friday jam as a co-author: you can write and play. 1 person is there.')
        return true;
      await ben.page.reload();
      return String(text);
    });
    await screenshot(ben.page, 'join-phone');
    await SessionPage.join(ben.page, link, 'Ben');
    await browser.expectingRefusals(async () => {
      // What an invite leads to may be some seconds old.
      await eventually('the used invite to be refused before a name is asked', async () => {
        await vera.page.goto(link);
        await vera.page.reload();
        await vera.page.locator('[data-testid=join-name], [data-testid=form-problem]:not(:empty)').waitFor();
        return (await vera.page.getByTestId('join-name').count()) === 0 || 'a name is asked';
      });
      await vera.page.getByTestId('form-problem').filter({ hasText: 'invite' }).waitFor();
      await screenshot(vera.page, 'join-refused-desktop');
    });
    await host.waitFor(facts.filter({ hasText: 'used 1 of 1' }), 'the use to be counted in the open list');
    await ana.page.getByTestId('invite-close').click();
    return await host.invite('viewer');
  });
  const coAuthor = new SessionPage(ben.page);
  const viewer = await SessionPage.join(vera.page, viewerLink, 'Vera');
  await host.people('Ana host', 'Ben co-author', 'Vera viewer');

  await step('the panels’ buttons are one tab stop, arrows go through them, and panels close', async () => {
    await host.tab('chat');
    await ana.page.getByTestId('tab-chat').focus();
    for (const _ of ['ai', 'sounds', 'strudels']) await ana.page.keyboard.press('ArrowDown');
    await ana.page.keyboard.press('Enter');
    assert.equal(await ana.page.getByTestId('tab-strudels').getAttribute('aria-expanded'), 'true');
    await ana.page.locator('#panel-strudels').waitFor();
    assert(await ana.page.locator('#panel-chat').isHidden());
    await ana.page.keyboard.press('End');
    await ana.page.keyboard.press('ArrowDown');
    await ana.page.keyboard.press('Enter');
    await ana.page.locator('#panel-people').waitFor();
    await ana.page.locator('#panel-people').getByTestId('panel-close').click();
    await ana.page.locator('#panel-people').waitFor({ state: 'hidden' });
    assert.equal(await ana.page.locator('.rail [tabindex="0"]').count(), 1);
  });

  await step('roles change under people’s hands', async () => {
    await coAuthor.mayType(true);
    await host.giveRole('Ben', 'viewer');
    await coAuthor.mayType(false);
    await coAuthor.toast('You are a viewer now');
    await screenshot(ben.page, 'role-viewer-phone');
    await host.people('Ana host', 'Ben viewer', 'Vera viewer');
    await viewer.people('Ana host', 'Ben viewer', 'Vera viewer');
    assert(await ben.page.getByTestId('tab-ai').isHidden());
    await host.giveRole('Ben', 'co-author');
    await host.giveRole('Vera', 'co-author');
    await Promise.all([coAuthor.mayType(true), viewer.mayType(true)]);
    await viewer.toast('You are a co-author now');
    await viewer.type('\n// Vera writes');
    await Promise.all([host.shows('// Vera writes'), coAuthor.shows('// Vera writes')]);
    await viewer.newestIs('saved', 'flushed');
    assert.equal(await ana.page.getByTestId('save-state').textContent(), 'Nothing to save');
    await screenshot(ana.page, 'people-desktop');
  });

  await step('one’s own name is changed for everybody, at the caret too, and stays so', async () => {
    // Hidden is not enough: the page hears of it a moment later, and until then can't open the next one.
    const isClosed = () => ben.page.getByTestId('name-dialog').waitFor({ state: 'detached' });
    const rename = async (name: string) => {
      await ben.page.getByTestId('name-field').fill(name);
      await ben.page.getByTestId('name-save').click();
      await isClosed();
    };
    const focused = () =>
      ben.page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? 'something else');
    await coAuthor.type('\n// Ben writes');
    await host.waitFor(ana.page.locator('.cm-peer-name', { hasText: 'Ben' }), 'Ben’s caret');
    await coAuthor.say('as Ben');
    await coAuthor.tab('people');
    const change = ben.page.getByTestId('change-name');
    assert.equal(await change.count(), 1);
    const { width = 0, height = 0 } = (await change.boundingBox()) ?? {};
    assert(width >= 44 && height >= 44, `the button is ${width} by ${height}`);
    await screenshot(ben.page, 'people-phone');
    await change.click();
    await ben.page.getByLabel('Your name', { exact: true }).waitFor();
    assert.equal(await focused(), 'name-field');
    assert.equal(await ben.page.getByTestId('name-field').inputValue(), 'Ben');
    await screenshot(ben.page, 'change-name-phone');
    await ben.page.keyboard.press('Escape');
    await isClosed();
    assert.equal(await focused(), 'change-name');
    await ben.page.keyboard.press('Enter');
    await ben.page.getByTestId('name-field').fill('   ');
    await ben.page.keyboard.press('Enter');
    await host.waitFor(
      ben.page.getByTestId('form-problem').filter({ hasText: 'A name isn’t blank.' }),
      'a blank name to be refused',
    );
    await rename('Benno');
    await host.people('Ana host', 'Benno co-author', 'Vera co-author');
    await viewer.people('Ana host', 'Benno co-author', 'Vera co-author');
    await host.waitFor(ana.page.locator('.cm-peer-name', { hasText: 'Benno' }), 'the name at the caret');
    await coAuthor.say('as Benno');
    await host.hears('as Benno');
    await ben.page.reload();
    await coAuthor.isOpen();
    await coAuthor.people('Ana host', 'Benno co-author', 'Vera co-author');
    await host.tab('chat');
    const said = ana.page
      .getByTestId('chat-list')
      .locator('.message')
      .filter({ hasText: /as Ben/ });
    assert.deepEqual(await said.locator('.message-name').allTextContents(), ['Ben', 'Benno']);
    await coAuthor.tab('people');
    await change.click();
    await rename('Ben');
    await host.people('Ana host', 'Ben co-author', 'Vera co-author');
  });

  await step('who joins or reloads sees the others’ carets at once', async () => {
    await coAuthor.type('\n// Ben again');
    await host.shows('// Ben again');
    await ana.page.reload();
    await host.isOpen();
    await host.waitFor(ana.page.locator('.cm-peer-name', { hasText: 'Ben' }), 'Ben’s caret after a reload');
    const ofAna = ben.page.locator('.cm-peer-name', { hasText: 'Ana' });
    await eventually('Ana’s caret to be gone until she places it', async () => {
      const count = await ofAna.count();
      return count === 0 || `there are ${count}`;
    });
    await host.type(' ');
    await ofAna.waitFor({ state: 'attached' });
  });

  await step('who came by an invite that is revoked is out, unless the host has said more', async () => {
    const cleo = await browser.newPerson('Cleo');
    const guest = await SessionPage.join(cleo.page, viewerLink, 'Cleo');
    await host.people('Ana host', 'Ben co-author', 'Vera co-author', 'Cleo viewer');
    await ana.page.getByTestId('invite').click();
    const invite = ana.page.getByTestId('invites').locator('li').filter({ hasText: 'Viewer' });
    await invite.getByTestId('invite-revoke').click();
    await guest.notice('You are no longer in this session');
    await guest.shows('// Vera writes');
    await cleo.page.getByTestId('notice-copy').click();
    await host.waitFor(cleo.page.getByTestId('notice').getByText('Copied'), 'the code to be copied');
    assert.equal(await cleo.page.evaluate(() => navigator.clipboard.readText()), await host.text());
    await screenshot(cleo.page, 'sent-away-desktop');
    await ana.page.getByTestId('invite-close').click();
    await host.people('Ana host', 'Ben co-author', 'Vera co-author');
    await viewer.mayType(true);
    await cleo.context.close();
  });

  await step('who is removed is out, and is let in again', async () => {
    await host.sendAway('Ben');
    await coAuthor.notice('You are no longer in this session');
    await screenshot(ben.page, 'removed-phone');
    await host.people('Ana host', 'Vera co-author');
    await browser.expectingRefusals(async () => {
      await ben.page.reload();
      await coAuthor.notice('removed');
      // They may ask, beside the code that they had; here the host does it by themselves.
      await ben.page.getByTestId('knock-ask').click();
      const knock = ana.page.getByTestId('knock').filter({ hasText: 'Ben asks to be let in' });
      await host.waitFor(knock, 'the knock');
      await ben.page.getByTestId('knock-cancel').click();
      await knock.waitFor({ state: 'detached' });
    });
    await host.tab('people');
    await ana.page.getByTestId('away-summary').click();
    await ana.page.getByTestId('let-in').click();
    await host.toast('Ben may come back');
    await ben.page.getByTestId('notice-retry').click();
    await coAuthor.isOpen();
    await coAuthor.mayType(true);
    await host.people('Ana host', 'Ben co-author', 'Vera co-author');
  });

  await step(
    'who is removed and came by a link that still works can’t come back when the host closes it',
    async () => {
      const link = await host.invite('co-author');
      const finn = await browser.newPerson('Finn', PHONE);
      const guest = await SessionPage.join(finn.page, link, 'Finn');
      await host.people('Ana host', 'Ben co-author', 'Finn co-author', 'Vera co-author');
      await host.tab('people');
      await host.person('Finn').getByTestId('person-remove').click();
      await ana.page.getByTestId('question-yes').click();
      const question = ana.page
        .getByTestId('question-dialog')
        .filter({ hasText: 'Close the invite link, too?' });
      await host.waitFor(question, 'the page to offer to close the link');
      await screenshot(ana.page, 'close-link-desktop');
      await host.yes();
      await host.toast('The invite link is closed');
      await guest.notice('You are no longer in this session');
      await finn.context.close();
      const again = await browser.newPerson('Finn again', PHONE);
      await browser.expectingRefusals(async () => {
        await again.page.goto(link);
        const refused = again.page.getByText('The invite is not valid.');
        // What an invite leads to is kept for three seconds.
        await eventually('the link to be refused', async () => {
          await again.page.reload();
          await host.waitFor(refused.or(again.page.getByTestId('join-name')), 'the card');
          return (await refused.count()) > 0 || 'it is shown as it was';
        });
      });
      await screenshot(again.page, 'closed-link-phone');
      await again.context.close();
      await host.people('Ana host', 'Ben co-author', 'Vera co-author');
    },
  );

  await step('the plain address asks the host, who lets in or doesn’t', async () => {
    await ana.page.getByTestId('invite').click();
    const address = await ana.page.getByTestId('share-address').inputValue();
    await ana.page.getByTestId('invite-close').click();
    const gus = await browser.newPerson('Gus', PHONE);
    const guest = new SessionPage(gus.page);
    await browser.expectingRefusals(async () => {
      await gus.page.goto(address);
      await gus.page.getByTestId('join-name').fill('Gus');
      await gus.page.getByTestId('join-submit').click();
      await guest.waitFor(gus.page.getByTestId('knocking'), 'the wait for the host');
      await screenshot(gus.page, 'knocking-phone');
      const knock = ana.page.getByTestId('knock').filter({ hasText: 'Gus asks to be let in' });
      await knock.getByTestId('knock-refuse').click();
      await guest.waitFor(
        gus.page.getByTestId('knock-problem').filter({ hasText: 'doesn’t let you in' }),
        'the refusal',
      );
      // Who is known by name finds the same, with the name in its place.
      await gus.page.reload();
      await guest.waitFor(gus.page.getByTestId('ask-why'), 'what one needs');
      assert.equal(await gus.page.getByTestId('join-name').inputValue(), 'Gus');
      assert.equal(await gus.page.getByTestId('editor').count(), 0);
      await gus.page.getByTestId('join-submit').click();
      await host.waitFor(knock, 'the second knock');
      await screenshot(ana.page, 'knock-desktop');
      await knock.getByTestId('knock-viewer').click();
      await guest.isOpen();
    });
    await guest.mayType(false);
    await host.people('Ana host', 'Ben co-author', 'Gus viewer', 'Vera co-author');
    assert.equal(await ana.page.getByTestId('knock').count(), 0);
    await host.sendAway('Gus');
    await guest.notice('You are no longer in this session');
    await gus.context.close();
    await host.people('Ana host', 'Ben co-author', 'Vera co-author');
  });

  await step('a session that is open to everybody is listed, and can be looked into', async () => {
    await host.menu('settings');
    const note = ana.page.getByTestId('settings-note');
    await ana.page.getByTestId('settings-title').fill('Open stage');
    await ana.page.getByTestId('settings-rename').click();
    await host.waitFor(note.filter({ hasText: 'Renamed' }), 'the session to be renamed');
    assert.equal(await ana.page.getByTestId('title').textContent(), 'Open stage');
    await ana.page.getByTestId('settings-discoverable').check();
    await host.waitFor(note.filter({ hasText: 'Everyone may look in' }), 'the session to be open');
    await screenshot(ana.page, 'settings-desktop');
    const eve = await browser.newPerson('Eve', DESKTOP);
    const guest = new SessionPage(eve.page);
    await eventually('the session to be listed with those who are there', async () => {
      await eve.page.goto(stack.url);
      const row = eve.page.getByTestId('live-sessions').locator('li').filter({ hasText: 'Open stage' });
      await guest.waitFor(row, 'the session to be listed');
      const text = (await row.textContent()) ?? '';
      return text.includes('3 here') || text;
    });
    await screenshot(eve.page, 'live-desktop');
    await eve.page.getByTestId('live-sessions').getByText('Open stage').click();
    await eve.page.getByTestId('join-name').fill('Eve');
    await eve.page.getByTestId('join-submit').click();
    await guest.isOpen();
    await guest.mayType(false);
    await eventually('the title', async () => {
      const title = await eve.page.getByTestId('title').textContent();
      return title === 'Open stage' || `it is ${title}`;
    });
    await host.people('Ana host', 'Ben co-author', 'Eve viewer', 'Vera co-author');
    await eve.page.reload();
    await guest.isOpen();
    await host.people('Ana host', 'Ben co-author', 'Eve viewer', 'Vera co-author');
    await ana.page.getByTestId('settings-discoverable').uncheck();
    await guest.notice('You are no longer in this session');
    await ana.page.getByTestId('settings-close').click();
    await eve.context.close();
  });

  await step('everybody is sent away, and the host stays', async () => {
    const link = await host.invite('co-author');
    await host.menu('settings');
    await ana.page.getByTestId('settings-end-live').click();
    await screenshot(ana.page, 'question-desktop');
    await host.yes();
    await ana.page.getByTestId('settings-close').click();
    await Promise.all([coAuthor, viewer].map((page) => page.notice('You are no longer in this session')));
    await host.people('Ana host');
    await host.mayType(true);
    await browser.expectingRefusals(async () => {
      await vera.page.goto(link);
      await host.waitFor(
        vera.page.getByTestId('form-problem').filter({ hasText: 'invite' }),
        'the revoked invite to be refused',
      );
    });
  });

  await step('the session ends: its code stays, and another can go on from it', async () => {
    const link = await host.invite('viewer');
    // Rooms allow for clocks that differ: who comes right after everybody was sent away
    // may have to try again.
    await browser.expectingRefusals(() => SessionPage.join(ben.page, link, 'Ben'));
    const text = await host.text();
    await host.say('see you next Friday');
    await host.hears('see you next Friday', 'saved');
    await host.menu('settings');
    await ana.page.getByTestId('settings-end').click();
    await host.yes();
    await Promise.all([host, coAuthor].map((page) => page.notice('This session has ended')));
    assert.equal(await coAuthor.text(), text);
    // Nothing is left to press or to hear, and the menu stays in its corner.
    for (const { page } of [host, coAuthor]) {
      for (const name of ['listen', 'play', 'stop']) assert.equal(await page.getByTestId(name).count(), 0);
      assert.equal(await page.getByTestId('playback').textContent(), '');
      const { x = 0, width = 0 } = (await page.getByTestId('menu').boundingBox()) ?? {};
      const right = (page.viewportSize()?.width ?? 0) - (x + width);
      assert(right >= 0 && right < 32, `the menu ends ${right} px before the edge`);
    }
    await screenshot(ana.page, 'ended-desktop');
    await screenshot(ben.page, 'ended-phone');
    await ana.page.goto(stack.url);
    const ended = ana.page.getByTestId('my-sessions').locator(`[data-session="${sessionId}"]`);
    await host.waitFor(ended.getByText('Start again'), 'the session to be among the ended ones');
    await screenshot(ana.page, 'start-signed-in-desktop');
    await browser.expectingRefusals(async () => {
      await ended.getByText('Open stage').click();
      await host.notice('This session has ended');
      await eventually('its code', async () => (await host.text()) === text || host.text());
      await host.hears('see you next Friday');
      await host.tab('history');
      await ana.page.getByTestId('version').first().click();
      await ana.page.getByTestId('version-view').waitFor();
      await screenshot(ana.page, 'ended-history-desktop');
    });
    await ana.page.getByTestId('notice-restart').click();
    await host.isOpen();
    assert.notEqual(host.sessionId, sessionId);
    assert.equal(await host.text(), text);
  });

  await step('signing out forgets the account and its keys', async () => {
    await ana.page.goto(stack.url);
    await ana.page.getByTestId('sign-out').click();
    await host.waitFor(ana.page.getByTestId('sign-in'), 'being signed out');
    const stored = await ana.page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
    assert(!stored.includes('eyJ'), 'a token is left');
  });
}
