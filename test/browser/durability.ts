/** Saving: from the keystroke to Postgres, and what becomes of it when parts of the stack are killed. */
import assert from 'node:assert/strict';
import { PHONE } from './browser.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

/** People edit and chat while parts of the stack are killed: nothing that showed as saved is lost. */
export async function durability({ stack, browser }: Scene): Promise<void> {
  const ana = await browser.newPerson('Ana');
  const ben = await browser.newPerson('Ben', PHONE);
  const vera = await browser.newPerson('Vera');

  await step('the start screen makes a session', async () => {
    await ana.page.goto(stack.url);
    await screenshot(ana.page, 'start-desktop');
    await ben.page.goto(stack.url);
    await screenshot(ben.page, 'start-phone');
    await SessionPage.make(ana.page, stack.url, 'Ana', 'Friday jam');
  });
  const host = new SessionPage(ana.page);
  const { sessionId } = host;

  const coAuthorLink = await step('the host makes invite links', () => host.invite('co-author'));
  const coAuthor = await step('a co-author joins', async () => {
    const joined = await SessionPage.join(ben.page, coAuthorLink, 'Ben');
    assert.equal(joined.sessionId, sessionId);
    await host.people('Ana host', 'Ben co-author');
    await eventually('the session’s title', async () => {
      const title = await ben.page.getByTestId('title').textContent();
      return title === 'Friday jam' || `it is ${title}`;
    });
    return joined;
  });

  await step('an edit appears for the other, and goes pending → saved → in Postgres', async () => {
    await host.record();
    await host.type('\n// from Ana');
    await coAuthor.shows('// from Ana');
    await screenshot(ana.page, 'session-saved-desktop');
    await host.newestIs('flushed');
    const states = (await host.recorded()).map((shown) => shown.state);
    const firsts = ['pending', 'saved', 'flushed'].map((state) => states.indexOf(state));
    assert(
      firsts.every((at) => at >= 0) && firsts.join() === [...firsts].sort((a, b) => a - b).join(),
      `the newest edit showed ${states.join(', ')}`,
    );
    const dots = await ana.page.getByTestId('edits').locator('li').count();
    assert.equal(await ana.page.getByTestId('edits').locator('li[data-state=flushed]').count(), dots);
  });

  await step('the other way round, and both texts are alike', async () => {
    await coAuthor.type('\n// from Ben');
    await host.shows('// from Ben');
    await coAuthor.newestIs('flushed');
    assert.equal(await host.text(), await coAuthor.text());
  });

  await step('chat goes both ways, once each, in one order', async () => {
    await host.say('shall we start?');
    await host.hears('shall we start?', 'saved');
    await coAuthor.hears('shall we start?');
    await coAuthor.say('<b>one</b>, two, three');
    await coAuthor.hears('<b>one</b>, two, three', 'saved');
    await host.hears('<b>one</b>, two, three');
    assert.deepEqual(await host.chatTexts(), ['shall we start?', '<b>one</b>, two, three']);
    assert.deepEqual(await coAuthor.chatTexts(), await host.chatTexts());
  });

  await step('stop says who pressed', async () => {
    await ana.page.getByTestId('stop').click();
    const line = ben.page.getByTestId('playback');
    await coAuthor.waitFor(line.filter({ hasText: 'Ana pressed stop' }), 'the signal');
  });
  await screenshot(ben.page, 'session-phone');

  await step('a reload keeps everything', async () => {
    const [text, chat] = [await host.text(), await host.chatTexts()];
    await ana.page.reload();
    await host.isOpen();
    await eventually('the same text', async () => (await host.text()) === text || (await host.text()));
    assert.deepEqual(await host.chatTexts(), chat);
    await host.people('Ana host', 'Ben co-author');
  });

  const viewer = await step('a viewer who comes late sees all of it, and can’t type', async () => {
    const link = await host.invite('viewer');
    const joined = await SessionPage.join(vera.page, link, 'Vera');
    await eventually('the same text', async () => (await joined.text()) === (await host.text()) || 'not yet');
    assert.deepEqual(await joined.chatTexts(), await host.chatTexts());
    await host.people('Ana host', 'Ben co-author', 'Vera viewer');
    const before = await joined.text();
    await vera.page.locator('.cm-content').focus();
    await vera.page.keyboard.type('intruder');
    assert.equal(await joined.text(), before);
    assert(await vera.page.getByTestId('play').isDisabled());
    await joined.say('I only listen');
    await host.hears('I only listen');
    return joined;
  });
  await screenshot(ana.page, 'session-desktop');
  await screenshot(vera.page, 'viewer-desktop');

  await step('Postgres stops while typing: saved, not in Postgres; it comes back: in Postgres', async () => {
    await stack.control.stop(stack.postgresPart);
    const { flushed } = await host.revisions();
    await host.type('\n// without Postgres');
    await host.newestIs('saved');
    // A flush is tried, and fails: what is shown isn't only a matter of time.
    const response = await fetch(`${stack.url}/flush/${sessionId}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.flushSecret}` },
    });
    assert.equal(response.ok, false, `the flush answered ${response.status} without Postgres`);
    assert.equal(await host.saveState(), 'saved');
    assert.equal((await host.revisions()).flushed, flushed);
    await screenshot(ana.page, 'without-postgres-desktop');
    await stack.control.start(stack.postgresPart);
    const backMs = Date.now();
    await host.newestIs('flushed');
    assert(Date.now() - backMs < 10_000, `it took ${Date.now() - backMs} ms`);
  });

  await step('Redis stops while typing: acknowledgements go on through Postgres', async () => {
    await stack.control.stop(stack.redisPart);
    await host.type('\n// without Redis');
    await host.newestIs('saved', 'flushed');
    await host.waitFor(ana.page.getByTestId('degraded'), 'the banner');
    await screenshot(ana.page, 'without-redis-desktop');
    await stack.control.start(stack.redisPart);
    await eventually('the banner to go', async () => {
      await host.type('.');
      return (await ana.page.getByTestId('degraded').isHidden()) || 'it is still there';
    });
    await host.newestIs('flushed');
  });

  await step('what no store has taken survives a reload, and is saved when one is back', async () => {
    await Promise.all([stack.control.pause(stack.redisPart), stack.control.pause(stack.postgresPart)]);
    await coAuthor.type('\n// nowhere yet');
    await coAuthor.say('nor this');
    await coAuthor.newestIs('pending');
    await coAuthor.hears('nor this');
    await browser.expectingDrops(async () => {
      await ben.page.reload();
      await coAuthor.shows('// nowhere yet');
      assert.equal(await coAuthor.saveState(), 'pending');
      await screenshot(ben.page, 'pending-phone');
      await Promise.all([stack.control.resume(stack.redisPart), stack.control.resume(stack.postgresPart)]);
      await coAuthor.isOpen();
      await coAuthor.newestIs('flushed');
    });
    await coAuthor.hears('nor this', 'saved');
    await host.shows('// nowhere yet');
    assert.equal((await host.chatTexts()).filter((text) => text === 'nor this').length, 1);
    assert.equal((await host.text()).split('// nowhere yet').length, 2);
  });

  await step('the room is killed while typing: all that showed as saved is there', async () => {
    await coAuthor.record();
    const typing = coAuthor.type(`\n// ${'the quick brown fox '.repeat(12)}`, 15);
    await eventually('something typed to be saved', async () => {
      const shown = await coAuthor.recorded();
      return shown.some(({ state, text }) => state === 'saved' && text.includes('// the quick')) || 'not yet';
    });
    await browser.expectingDrops(async () => {
      await stack.control.kill('room');
      const saved = (await coAuthor.recorded()).findLast(({ state }) => state !== 'pending')?.text ?? '';
      // Whoever typed is gone too, so that nothing can be sent again.
      await typing;
      await ben.context.close();
      await host.waitFor(
        ana.page.locator('[data-testid=connection][data-state=reconnecting]'),
        'the drop to be shown',
      );
      await screenshot(ana.page, 'reconnecting-desktop');
      await stack.control.start('room');
      await Promise.all([host.isOpen(), viewer.isOpen()]);
      const found = await host.text();
      assert(found.startsWith(saved), `saved was\n${saved}\nand found was\n${found}`);
      assert(saved.includes('// the quick'), `nothing of it was saved: ${saved}`);
      await eventually(
        'the viewer to see the same',
        async () => (await viewer.text()) === found || 'not yet',
      );
    });
    await host.people('Ana host', 'Vera viewer');
  });

  await step('the room is killed while typing: who stays loses nothing at all', async () => {
    const line = `// ${'over the lazy dog '.repeat(12)}end`;
    const typing = host.type(`\n${line}`, 20);
    await browser.expectingDrops(async () => {
      await viewer.shows('lazy dog over');
      await stack.control.kill('room');
      await typing;
      await stack.control.start('room');
      await host.isOpen();
      await host.newestIs('flushed');
      await viewer.shows(line);
      assert.equal(await viewer.text(), await host.text());
    });
  });

  await step('a token that the room doesn’t know is refused with a reason', async () => {
    await ana.page.evaluate(() => {
      const sessions = localStorage.getItem('backbeat:sessions') ?? '';
      localStorage.setItem('backbeat:sessions', sessions.replace(/("token":"[^"]{20})./, '$1!'));
    });
    await browser.expectingDrops(async () => {
      await ana.page.reload();
      await host.waitFor(ana.page.locator('[data-testid=connection][data-state=refused]'), 'the refusal');
      const notice = await ana.page.getByTestId('notice').textContent();
      assert.match(notice ?? '', /key/);
      await screenshot(ana.page, 'refused-desktop');
    });
  });
}
