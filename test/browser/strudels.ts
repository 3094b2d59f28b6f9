/** Saved strudels: keeping code, and making a session about it. */
import assert from 'node:assert/strict';
import { PHONE } from './browser.ts';
import { type Scene, screenshot, step, userToken } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

export async function strudels(scene: Scene): Promise<void> {
  const { stack, browser } = scene;
  const ana = await browser.newPerson('Ana');
  const ben = await browser.newPerson('Ben', PHONE);
  const host = new SessionPage(ana.page);
  const coAuthor = new SessionPage(ben.page);
  await host.signIn(stack.url, await userToken(scene, 'ana-of-strudels', 'Ana'));
  await SessionPage.make(ana.page, stack.url, 'Ana', 'With strudels');
  await coAuthor.signIn(stack.url, await userToken(scene, 'ben-of-strudels', 'Ben'));
  await SessionPage.join(ben.page, await host.invite('co-author'), 'Ben');
  await host.tab('strudels');
  await coAuthor.tab('strudels');
  const scratch = await host.text();

  await step('the session’s code is kept as a strudel', async () => {
    await host.saveStrudel('Rolling techno', {
      description: 'Four on the floor',
      tags: 'techno, 130',
      isPublic: true,
      license: 'CC BY 4.0',
      signal: 'cc-cr',
    });
    await screenshot(ana.page, 'strudel-saved-desktop');
    await host.type('\n// for myself');
    await host.newestIs('saved', 'flushed');
    await host.saveStrudel('Private matter');
    assert.deepEqual(await host.strudelTitles(), ['Private matter', 'Rolling techno']);
    await ana.page.getByTestId('strudel-search').fill('rolling');
    await eventually(
      'the search',
      async () => (await host.strudelTitles()).join() === 'Rolling techno' || 'not yet',
    );
    await ana.page.getByTestId('strudel-search').fill('');
  });

  await step('others find public ones, and the session turns to one for everybody', async () => {
    await host.type('\n// goes on');
    await coAuthor.shows('// goes on');
    await ben.page.getByTestId('strudels-public').click();
    await coAuthor.strudel('Rolling techno').getByTestId('strudel-load').click();
    await coAuthor.toast('The session is about “Rolling techno” now');
    await eventually('the strudel’s code', async () => (await host.text()) === scratch || host.text());
    assert.equal(await coAuthor.text(), scratch);
    await host.toast('Ben switched to a saved strudel');
    await host.waitFor(
      ana.page.getByTestId('strudel-current').filter({ hasText: 'Rolling techno' }),
      'the strudel to be named',
    );
    await screenshot(ana.page, 'strudel-loaded-desktop');
    await screenshot(ben.page, 'strudel-loaded-phone');
  });

  await step('a public one is found by its tags, says whose it is, and is forked with credit', async () => {
    const choice = ben.page.getByTestId('strudel-tag-choice');
    await choice.getByText('130', { exact: true }).click();
    const row = coAuthor.strudel('Rolling techno');
    await row.filter({ hasText: 'by Ana' }).waitFor();
    assert.equal(await row.getByTestId('strudel-rights').textContent(), 'CC BY 4.0 · AI: With credit');
    await row.getByTestId('strudel-fork').click();
    await ben.page.getByText('made from “Rolling techno” by Ana').waitFor();
    assert.equal(await ben.page.getByTestId('strudel-license').inputValue(), 'CC BY 4.0');
    await screenshot(ben.page, 'strudel-fork-phone');
    await ben.page.getByTestId('strudel-title').fill('Slow version');
    await ben.page.getByTestId('strudel-signal').selectOption('no-ai');
    await ben.page.getByTestId('strudel-submit').click();
    const fork = coAuthor.strudel('Slow version');
    await coAuthor.waitFor(fork.filter({ hasText: 'no AI' }), 'the fork among one’s own');
    assert.equal(await fork.getByTestId('strudel-origin').textContent(), 'made from “Rolling techno” by Ana');
    await ben.page.getByTestId('strudels-public').click();
    await choice.getByText('130', { exact: true }).click();
    await coAuthor.waitFor(row, 'all public strudels');
  });

  await step('who has no account finds the public ones, too', async () => {
    const cleo = await browser.newPerson('Cleo');
    await SessionPage.join(cleo.page, await host.invite('viewer'), 'Cleo');
    const visitor = new SessionPage(cleo.page);
    await visitor.tab('strudels');
    await visitor.waitFor(visitor.strudel('Rolling techno'), 'the public strudel');
    await cleo.page.getByTestId('strudels-sign-in').waitFor();
    for (const name of ['strudel-save', 'strudel-fork', 'strudel-edit']) {
      assert.equal(await cleo.page.getByTestId(name).count(), 0, name);
    }
    await cleo.context.close();
    await host.tab('strudels');
  });

  await step('a strudel that says “no AI” is not given to it, and the page says so', async () => {
    await ben.page.getByTestId('strudels-own').click();
    await coAuthor.strudel('Slow version').getByTestId('strudel-load').click();
    await coAuthor.toast('The session is about “Slow version” now');
    await host.tab('ai');
    await host.ask('make it faster');
    await host.waitFor(ana.page.getByText('doesn’t allow it to be given to an AI'), 'the reason');
    await host.tab('strudels');
    await ben.page.getByTestId('strudels-public').click();
    await coAuthor.strudel('Rolling techno').getByTestId('strudel-load').click();
    // Not by the notice: that of the first time may still be there. A switch replaces what is typed before.
    const current = ana.page.getByTestId('strudel-current').filter({ hasText: 'Rolling techno' });
    await host.waitFor(current, 'the strudel to be named');
  });

  await step('its owner updates it, and the way back to scratch has what was there', async () => {
    await host.type('\n// better');
    await host.shows('// better');
    await host.newestIs('saved', 'flushed');
    await host.strudel('Rolling techno').getByTestId('strudel-update').click();
    await host.toast('holds this code now');
    await ben.page.getByTestId('strudel-scratch').click();
    await coAuthor.toast('Back to scratch');
    await Promise.all([host.shows('// goes on'), coAuthor.shows('// goes on')]);
    await host.strudel('Rolling techno').getByTestId('strudel-load').click();
    await Promise.all([host.shows('// better'), coAuthor.shows('// better')]);
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+z');
    await coAuthor.shows('// goes on');
  });

  await step('a strudel that is gone is refused with a reason, and nothing changes', async () => {
    await ana.page.getByTestId('strudel-scratch').click();
    await host.toast('Back to scratch');
    await host.strudel('Rolling techno').getByTestId('strudel-delete').click();
    await host.yes();
    await eventually(
      'the strudel to go',
      async () => (await host.strudelTitles()).join() === 'Private matter' || 'it is still there',
    );
    const text = await coAuthor.text();
    await coAuthor.strudel('Rolling techno').getByTestId('strudel-load').click();
    await coAuthor.toast('no such strudel');
    assert.equal(await coAuthor.text(), text);
    await screenshot(ben.page, 'strudel-refused-phone');
  });

  await step('a co-author leaves', async () => {
    await coAuthor.menu('leave');
    await coAuthor.yes();
    await coAuthor.waitFor(ben.page.getByTestId('make-submit'), 'the start screen');
    await host.people('Ana host');
  });
}
