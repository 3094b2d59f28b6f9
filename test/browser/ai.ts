/** The AI: asking, following the answer as it streams, taking it back. */
import assert from 'node:assert/strict';
import { PHONE } from './browser.ts';
import { type Scene, screenshot, step, userToken } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

const FASTER = 's("bd*8, [~ cp]*4")';

export async function ai(scene: Scene): Promise<void> {
  const { stack, browser, provider } = scene;
  const ana = await browser.newPerson('Ana');
  const ben = await browser.newPerson('Ben', PHONE);
  const vera = await browser.newPerson('Vera');
  await new SessionPage(ana.page).signIn(stack.url, await userToken(scene, 'ana-of-ai', 'Ana'));
  const host = await SessionPage.make(ana.page, stack.url, 'Ana', 'With the AI');
  const coAuthor = await SessionPage.join(ben.page, await host.invite('co-author'), 'Ben');
  const viewer = await SessionPage.join(vera.page, await host.invite('viewer'), 'Vera');
  await host.tab('ai');
  await coAuthor.tab('ai');

  await step('a question and its answer stream to writers, and to nobody else', async () => {
    const asked = provider.hold();
    await host.ask('make it faster');
    const answer = await asked;
    await coAuthor.turn('user', 'make it faster');
    answer.send('Twice as fast, ');
    await host.turn('assistant', 'Twice as fast', 'streaming');
    await coAuthor.turn('assistant', 'Twice as fast', 'streaming');
    assert(await ana.page.getByTestId('ai-ask').isDisabled());
    assert(await vera.page.getByTestId('tab-ai').isHidden());
    await screenshot(ana.page, 'ai-streaming-desktop');
    answer.send(`with a clap in between.\n\n\`\`\`strudel\n${FASTER}\n\`\`\``);
    answer.end();
    await host.turn('assistant', 'with a clap in between', 'done');
  });

  const before = await step('its code is in the editor, as everybody’s next revision', async () => {
    for (const page of [host, coAuthor, viewer]) {
      await eventually('the new code', async () => (await page.text()) === FASTER || page.text());
    }
    await viewer.toast('Ana’s answer from the AI is in the editor');
    await eventually('the requests that are left', async () => {
      const left = (await ana.page.getByTestId('ai-left').textContent()) ?? '';
      return /^99 of 100 requests left/.test(left) || `it says ${left}`;
    });
    await screenshot(ana.page, 'ai-answered-desktop');
    await screenshot(ben.page, 'ai-answered-phone');
    return await host.revisions();
  });

  await step('whoever asked can take it back, in one step, and use it again', async () => {
    await ana.page.getByTestId('ai-undo').click();
    await coAuthor.shows('setcpm(124 / 4)');
    await eventually('a later revision', async () => (await host.revisions()).rev > before.rev || 'not yet');
    await ana.page.getByTestId('ai-use').click();
    await eventually('the answer again', async () => (await viewer.text()) === FASTER || viewer.text());
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+z');
    await viewer.shows('setcpm(124 / 4)');
  });

  await step('two who take it back at the same moment do so once', async () => {
    const start = await host.text();
    await ana.page.getByTestId('ai-use').click();
    for (const page of [host, coAuthor]) await page.shows(FASTER);
    const buttons = await Promise.all(
      [ana.page, ben.page].map((page) => page.getByTestId('ai-undo').elementHandle()),
    );
    await Promise.all(
      buttons.map((button) => button?.evaluate((element) => (element as HTMLElement).click())),
    );
    for (const page of [host, coAuthor, viewer]) {
      await eventually('the code before', async () => (await page.text()) === start || page.text());
    }
    // What comes after both requests finds the code as it was.
    for (const [page, text] of [
      [host, ' // a'],
      [coAuthor, ' // b'],
    ] as const)
      await page.put(text);
    await eventually('all that was typed', async () => {
      const text = await viewer.text();
      return text.replace(' // a', '').replace(' // b', '') === start || text;
    });
    for (const { page } of [ana, ben]) {
      await page.keyboard.press('Control+z');
      await eventually(
        'it to be undone',
        async () =>
          !(await page.locator('.cm-content').textContent())?.includes(page === ana.page ? '// a' : '// b') ||
          'not yet',
      );
    }
    await eventually('the code before', async () => (await viewer.text()) === start || viewer.text());
  });

  await step('it explains, and asks back', async () => {
    provider.answer('It is a `drum` pattern.');
    await coAuthor.ask('what is this?');
    await host.turn('assistant', 'It is a drum pattern.', 'done');
    provider.answer('? Which part do you mean?\n? How loud?');
    await coAuthor.ask('change it');
    await host.turn('assistant', 'Which part do you mean?', 'done');
    await screenshot(ben.page, 'ai-asks-back-phone');
  });

  await step('a key of one’s own goes along, and is kept only when that is wanted', async () => {
    await ana.page.getByTestId('ai-key-summary').click();
    await ana.page.getByTestId('ai-provider').selectOption('openai');
    await ana.page.getByTestId('ai-own-key').fill('sk-of-ana');
    await screenshot(ana.page, 'ai-own-key-desktop');
    provider.answer('With your key.');
    await host.ask('and now?');
    await host.turn('assistant', 'With your key.', 'done');
    assert.equal(provider.requests.at(-1)?.headers.authorization, 'Bearer sk-of-ana');
    const stored = () =>
      ana.page.evaluate(() => JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)]));
    assert(!(await stored()).includes('sk-of-ana'));
    await ana.page.getByTestId('ai-keep-key').check();
    assert((await stored()).includes('sk-of-ana'));
    provider.refuse(401, { error: { message: 'no such key', type: 'invalid_request_error' } });
    await host.ask('once more');
    await host.turn('assistant', 'doesn’t accept your key', 'failed');
    await screenshot(ana.page, 'ai-refused-desktop');
    await ana.page.getByTestId('ai-own-key').fill('');
  });

  await step('whoever leaves takes their question along', async () => {
    const asked = provider.hold();
    await coAuthor.ask('a long story');
    const answer = await asked;
    answer.send('Once');
    await host.turn('assistant', 'Once', 'streaming');
    await ben.page.goto('about:blank');
    await answer.hungUp;
    await host.turn('assistant', 'Once', 'cancelled');
    assert(await ana.page.getByTestId('ai-ask').isEnabled());
  });

  await step('a reload has the conversation', async () => {
    await ana.page.reload();
    await host.isOpen();
    await host.tab('ai');
    await host.turn('user', 'make it faster');
    await host.turn('assistant', 'It is a drum pattern.');
  });

  await step('a strudel keeps its conversation', async () => {
    await host.tab('strudels');
    await host.saveStrudel('Talked about');
    await host.strudel('Talked about').getByTestId('strudel-load').click();
    await host.toast('The session is about “Talked about” now');
    await host.tab('ai');
    await host.turn('user', 'make it faster');
    await host.turn('assistant', 'It is a drum pattern.');
    provider.answer('A new subject.');
    await host.ask('and now?');
    await host.turn('assistant', 'A new subject.', 'done');
    await host.tab('strudels');
    await ana.page.getByTestId('strudel-scratch').click();
    await host.toast('Back to scratch');
    await host.tab('ai');
    await eventually('the scratch code’s own conversation', async () => {
      const said = (await ana.page.getByTestId('ai-list').textContent()) ?? '';
      return (said.includes('make it faster') && !said.includes('A new subject.')) || said;
    });
  });
}
