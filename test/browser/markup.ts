/** Whatever people, sessions, code and the AI are made to say: it is text on the page, and never runs. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { MAX_DISPLAY_NAME_CHARS } from '../../src/protocol/index.ts';
import { type Scene, step, userToken } from './scene.ts';
import { SessionPage } from './session-page.ts';

const RUN = 'window.hasRun=1';
/** Each short enough for a name. */
const PAYLOADS = [
  `<img src=x onerror="${RUN}">`,
  `<script>${RUN}</script>`,
  `"><svg onload="${RUN}">`,
  `<iframe srcdoc="<script>parent.${RUN}</script>">`,
  `<a href="javascript:${RUN}">click</a>`,
  `</title></textarea><style>*{display:none}</style>`,
];
const [FIRST = '', SECOND = '', THIRD = ''] = PAYLOADS;
const ALL = PAYLOADS.join(' ');

export async function markup(scene: Scene): Promise<void> {
  const { stack, browser, provider } = scene;
  assert(PAYLOADS.every((text) => text.length <= MAX_DISPLAY_NAME_CHARS));
  const eve = await browser.newPerson('Eve');
  const vic = await browser.newPerson('Vic');
  const pages = [eve.page, vic.page];
  const host = new SessionPage(eve.page);
  let guest = new SessionPage(vic.page);

  await step('in the names of people and sessions', async () => {
    await host.signIn(stack.url, await userToken(scene, 'eve-of-markup', FIRST));
    await SessionPage.make(eve.page, stack.url, FIRST, ALL.slice(0, 200));
    guest = await SessionPage.join(vic.page, await host.invite('co-author'), SECOND);
    await host.tab('people');
    await host.person(SECOND).waitFor();
    await guest.tab('people');
    await guest.person(FIRST).waitFor();
    await nothingRan(pages);
  });

  await step('in the code, with the cursor of somebody whose name it is', async () => {
    await host.type(`\n// ${ALL}`, 0);
    await guest.shows(ALL);
    await host.newestIs('saved', 'flushed');
    await nothingRan(pages);
  });

  await step('in the chat, also for those who come later', async () => {
    await guest.tab('chat');
    for (const text of PAYLOADS) {
      await vic.page.getByTestId('chat-input').fill(text);
      await vic.page.getByTestId('chat-send').click();
    }
    await host.tab('chat');
    await eve.page.getByTestId('chat-list').getByText(THIRD).waitFor();
    await vic.page.reload();
    await guest.isOpen();
    await guest.tab('chat');
    await vic.page.getByTestId('chat-list').getByText(THIRD).waitFor();
    await nothingRan(pages);
  });

  await step('in questions to the AI and its answers', async () => {
    await host.tab('ai');
    provider.answer(ALL.slice(0, 60), `${ALL.slice(60)}\n\n\`\`\`strudel\ns("bd") // ${ALL}\n\`\`\``);
    await host.ask(ALL);
    await host.turn('assistant', FIRST, 'done');
    await guest.shows(ALL);
    provider.answer(`? ${FIRST}\n? ${SECOND}`);
    await host.ask('again');
    await host.turn('assistant', SECOND, 'done');
    await nothingRan(pages);
  });

  await step('in saved strudels, and in lists of sessions', async () => {
    await host.tab('strudels');
    await host.saveStrudel(FIRST, { description: ALL, tags: '<b>x</b>, <i>y</i>', isPublic: true });
    await host.strudel(FIRST).getByTestId('strudel-load').click();
    await host.toast(FIRST);
    await fetch(new URL(`/api/v1/sessions/${host.sessionId}/discoverable`, stack.url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${await userToken(scene, 'eve-of-markup', FIRST)}` },
      body: JSON.stringify({ is_discoverable: true }),
    });
    const start = new URL('/#/', stack.url).href;
    for (const page of pages) {
      await page.goto(start);
      await page.getByTestId('live-sessions').getByText(FIRST).first().waitFor();
    }
    await eve.page.getByTestId('my-sessions').getByText(FIRST).first().waitFor();
    await nothingRan(pages);
  });

  await step('in the address', async () => {
    await browser.expectingRefusals(async () => {
      for (const text of [FIRST, SECOND, THIRD]) {
        for (const path of [
          `/#/s/${text}`,
          `/#/join/${text}`,
          `/#${text}`,
          `/?${text}#/s/javascript:${RUN}`,
        ]) {
          await vic.page.goto(new URL(path, stack.url).href);
          await vic.page.locator('#app > *').first().waitFor();
          await nothingRan([vic.page]);
        }
      }
    });
  });

  await step(
    'and if it were markup, the policy of the page and of the documentation would stop it',
    async () => {
      await browser.expectingBlocks(async () => {
        for (const path of ['/', '/docs']) {
          await vic.page.goto(new URL(path, stack.url).href);
          const blocked = await vic.page.evaluate(tryEverything, RUN);
          assert.deepEqual(blocked, ['img', 'inline', 'style'], path);
          await nothingRan([vic.page], false);
        }
      });
    },
  );
}

/** Puts into the page what an attacker would, and tells what was blocked. */
async function tryEverything(run: string): Promise<string[]> {
  const blocked = new Set<string>();
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
    if (effectiveDirective.startsWith('script-src')) blocked.add('inline');
    else blocked.add(effectiveDirective.startsWith('style-src') ? 'style' : 'img');
  });
  const script = document.createElement('script');
  script.textContent = run;
  const style = document.createElement('style');
  style.textContent = '*{display:none}';
  const image = document.createElement('img');
  image.src = 'https://evil.example/x.png';
  document.body.append(script, style, image);
  // Violations are told a task later, each in its turn.
  const untilMs = Date.now() + 5_000;
  while (blocked.size < 3 && Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 10));
  return [...blocked].sort();
}

/** Neither has anything run, nor is there anything on the page that might have. */
async function nothingRan(pages: readonly Page[], isClean = true): Promise<void> {
  for (const page of pages) {
    assert.equal(await page.evaluate(() => 'hasRun' in window), false, 'something ran');
    const strange = page.locator(
      'img[src="x"], body script:not([src^="/assets/"]), head script ~ script, svg[onload], iframe, [onerror], a[href^="javascript:"], body style, title ~ textarea',
    );
    if (isClean) assert.equal(await strange.count(), 0, 'markup on the page');
  }
}
