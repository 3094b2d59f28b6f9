/** The chat of a long session: what was said before comes when it is scrolled to. */
import assert from 'node:assert/strict';
import { Scene as Session } from '../support/session.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

const OLD_MESSAGES = 130;

export async function chat({ stack, browser }: Scene): Promise<void> {
  const ana = await browser.newPerson('Ana');
  await SessionPage.make(ana.page, stack.url, 'Ana', 'A long night');
  const host = new SessionPage(ana.page);
  const { sessionId } = host;
  const session = new Session(stack);
  const list = ana.page.getByTestId('chat-list');

  await step('a session with a long chat is entered: its newest messages are there, at the end', async () => {
    await host.say('the very last');
    await host.hears('the very last', 'saved');
    await session.worker('POST', `/flush/${sessionId}`);
    await session.sql(
      `insert into session_messages (session_id, id, message_type, role, display_name, content, created_at, position)
       select $1, gen_random_uuid(), 'chat', 'user', 'Ben', 'old ' || n, now() - interval '1 hour', n
       from generate_series(1, $2::integer) n`,
      [sessionId, OLD_MESSAGES],
    );
    // A room reads its messages once.
    const address = ana.page.url();
    await ana.page.goto('about:blank');
    await stack.control.restart('room');
    await ana.page.goto(address);
    await host.hears('the very last');
    await eventually('the newest messages', async () => {
      const texts = await host.chatTexts();
      return (
        (texts.length === 50 && texts[0] === `old ${OLD_MESSAGES - 48}`) || `${texts.length}: ${texts[0]}`
      );
    });
    await ana.page.getByTestId('chat-older').waitFor({ state: 'attached' });
  });

  await step('older ones come at the top, and what is read stays where it is', async () => {
    for (const expected of [100, OLD_MESSAGES + 1]) {
      const before = await host.chatTexts();
      await list.evaluate((element) => {
        element.scrollTop = 0;
      });
      await eventually('older messages', async () => {
        const { length } = await host.chatTexts();
        return length === expected || `${length} messages`;
      });
      // The message that was the first is where it was: at the top, below the button for older ones.
      const top = await list.evaluate((element, first) => {
        const shown = [...element.querySelectorAll('li')].find((item) => item.textContent?.includes(first));
        return (shown?.getBoundingClientRect().top ?? 0) - element.getBoundingClientRect().top;
      }, `${before[0]}`);
      assert(top >= 0 && top < 80, `what was read is at ${top}px`);
    }
    await screenshot(ana.page, 'chat-older-desktop');
    const texts = await host.chatTexts();
    assert.deepEqual(
      texts.slice(0, OLD_MESSAGES),
      Array.from({ length: OLD_MESSAGES }, (_, i) => `old ${i + 1}`),
    );
    assert.equal(await ana.page.getByTestId('chat-older').count(), 0);
  });

  await step('a message of one’s own comes at the end, and none is lost', async () => {
    await list.evaluate((element) => {
      element.scrollTop = 300;
    });
    await host.say('hello again');
    await host.hears('hello again', 'saved');
    assert.equal((await host.chatTexts()).length, OLD_MESSAGES + 2);
  });

  await step('what is typed and not sent is back after a reload, and gone once it is sent', async () => {
    const { page } = ana;
    const openSettings = async () => {
      await host.menu('settings');
      await page.getByTestId('settings-title').waitFor();
    };
    await page.getByTestId('chat-input').pressSequentially('half a th');
    await host.tab('ai');
    await page.getByTestId('ai-input').pressSequentially('add a bass');
    await openSettings();
    await page.getByTestId('settings-title').fill('A better title');
    await page.reload();
    await host.isOpen();
    await host.tab('chat');
    assert.equal(await page.getByTestId('chat-input').inputValue(), 'half a th');
    await host.tab('ai');
    assert.equal(await page.getByTestId('ai-input').inputValue(), 'add a bass');
    await openSettings();
    assert.equal(await page.getByTestId('settings-title').inputValue(), 'A better title');
    // Closing the dialog gives it up.
    await page.keyboard.press('Escape');
    await openSettings();
    assert.notEqual(await page.getByTestId('settings-title').inputValue(), 'A better title');
    await page.keyboard.press('Escape');
    await host.tab('chat');
    await page.getByTestId('chat-input').press('End');
    await page.getByTestId('chat-input').pressSequentially('ought');
    await page.keyboard.press('Enter');
    await host.hears('half a thought', 'saved');
    await page.reload();
    await host.isOpen();
    await host.tab('chat');
    assert.equal(await page.getByTestId('chat-input').inputValue(), '');
    // Another session has its own.
    const kept = await page.evaluate(() => sessionStorage.getItem('backbeat:drafts'));
    assert.ok(kept?.includes('add a bass') && !kept.includes('half a th'), String(kept));
  });
  await session.end();

  await step('a message keeps its author’s colour when they have left', async () => {
    const ben = await browser.newPerson('Ben');
    const guest = await SessionPage.join(ben.page, await host.invite('co-author'), 'Ben');
    await guest.say('good night');
    await host.hears('good night');
    const author = list.locator('li').filter({ hasText: 'good night' }).locator('.message-name');
    const color = await author.getAttribute('class');
    await ben.context.close();
    await host.people('Ana host');
    assert.equal(await author.getAttribute('class'), color);
  });
}
