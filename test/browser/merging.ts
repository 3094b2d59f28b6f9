/**
 * Many hands, nothing lost: people who type at once, on a slow, uneven or broken network, in real browsers on
 * the whole stack. Every character that one of them types is there once, in its order, for all of them.
 *
 * `BACKBEAT_MERGING_RUNS` sets how often each is tried.
 */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { RawClient } from '../support/raw-client.ts';
import { type Scene, step } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';
import { type Delay, SlowNetwork } from './slow-network.ts';

const RUNS = Number(process.env.BACKBEAT_MERGING_RUNS ?? 1);
const NAMES = ['Ana', 'Ben', 'Cleo', 'Dan', 'Eve'] as const;
const CHARS = 12;
const KEY_MS = 80;
const OFFLINE_STEP_MS = 5 * 60_000;
/** A frame of theirs takes up to a third of a second each way. */
const FAR: Delay = { latencyMs: 150, jitterMs: 180 };

const listSchema = z.object({
  participants: z.array(z.object({ id: z.string(), display_name: z.string() })),
});

interface Person {
  name: string;
  session: SessionPage;
  network: SlowNetwork;
}

export async function merging(scene: Scene): Promise<void> {
  for (let run = 1; run <= RUNS; run += 1) {
    const suffix = RUNS === 1 ? '' : `, run ${run}`;
    await typing(scene, suffix);
    await breaking(scene, suffix);
    await anHourOffline(scene, (page) => page.clock.fastForward(OFFLINE_STEP_MS), suffix);
    await answering(scene, suffix);
  }
}

/** An hour offline in an hour. It isn't among the parts that always run. */
export async function hour(scene: Scene): Promise<void> {
  await anHourOffline(scene, () => new Promise((resolve) => setTimeout(resolve, OFFLINE_STEP_MS)));
}

async function typing(scene: Scene, suffix: string): Promise<void> {
  for (const [delay, count] of [
    [{ latencyMs: 0, jitterMs: 0 }, 2],
    [{ latencyMs: 50, jitterMs: 40 }, 5],
    [FAR, 2],
  ] as const) {
    const ms = 2 * delay.latencyMs;
    await step(`${count} people type at once, ${ms} ms of round trip${suffix}`, async () => {
      const people = await enter(scene, count, delay);
      await Promise.all(people.map(({ session }, index) => typeOnLine(session, index, lineOf(index))));
      await allShow(people, people.map((_, index) => `${index}:${lineOf(index)}`).join('\n'));
      await saved(people);
      await scene.browser.closePages();
    });
  }

  await step(`two people type into one line, far away from each other${suffix}`, async () => {
    const people = await enter(scene, 2, FAR, '<>');
    const [ana, ben] = people as [Person, Person];
    await Promise.all([typeAt(ana.session, 1, lineOf(0)), typeAt(ben.session, 1, lineOf(1))]);
    const text = await agreed(people);
    for (const index of [0, 1]) {
      assert.equal([...text].filter((char) => lineOf(index).includes(char)).join(''), lineOf(index), text);
    }
    await scene.browser.closePages();
  });

  await step(`an older client sends whole texts while two people type${suffix}`, async () => {
    const people = await enter(scene, 2, { latencyMs: 20, jitterMs: 20 }, '0:\n1:\n2:');
    const old = await RawClient.join({
      roomUrl: scene.stack.url,
      sessionId: people[0]?.session.sessionId ?? '',
      token: await hostToken(people),
    });
    let text: string = old.state.payload.code;
    const write = async () => {
      for (const [index, char] of [...lineOf(2)].entries()) {
        for (const { type, payload } of old.received.splice(0)) {
          if (type === 'code_update') text = payload.code ?? text;
        }
        text = text.replace(/^2:.*$/m, (line) => line + char);
        old.send('code_update', { code: text, request_id: `r${index}` });
        await new Promise((resolve) => setTimeout(resolve, 3 * KEY_MS));
      }
    };
    await Promise.all([
      write(),
      ...people.map(({ session }, index) => typeOnLine(session, index, lineOf(index))),
    ]);
    const shown = await agreed(people);
    for (const index of [0, 1]) assert(shown.includes(`${index}:${lineOf(index)}`), shown);
    await old.close();
    await scene.browser.closePages();
  });
}

async function breaking(scene: Scene, suffix: string): Promise<void> {
  const { browser } = scene;
  await step(`one is cut off and types, the others go on${suffix}`, () =>
    browser.expectingDrops(async () => {
      const people = await enter(scene, 2, { latencyMs: 30, jitterMs: 20 });
      const [ana, ben] = people as [Person, Person];
      ana.network.cut();
      await ana.session.waitFor(
        ana.session.page.locator('[data-testid=connection][data-state=reconnecting]'),
        'the page to say that it is offline',
      );
      await typeOnLine(ana.session, 0, lineOf(0));
      await typeOnLine(ben.session, 1, lineOf(1));
      for (let line = 0; line < 5; line += 1) await ben.session.page.keyboard.type(`\nmore ${line}`);
      await saved([ben]);
      ana.network.mend();
      const more = Array.from({ length: 5 }, (_, line) => `\nmore ${line}`).join('');
      await allShow(people, `0:${lineOf(0)}\n1:${lineOf(1)}${more}`);
      await saved(people);
      await browser.closePages();
    }),
  );

  await step(`one reloads while offline, and what was typed is there${suffix}`, () =>
    browser.expectingDrops(async () => {
      const people = await enter(scene, 2, { latencyMs: 30, jitterMs: 20 });
      const [ana, ben] = people as [Person, Person];
      ana.network.cut();
      await typeOnLine(ana.session, 0, lineOf(0));
      await ana.session.page.reload();
      await ana.session.shows(`0:${lineOf(0)}`);
      await typeOnLine(ben.session, 1, lineOf(1));
      ana.network.mend();
      await allShow(people, `0:${lineOf(0)}\n1:${lineOf(1)}`);
      await saved(people);
      await browser.closePages();
    }),
  );

  await step(`a reloaded page waits for the one before it, which takes its time to end${suffix}`, () =>
    browser.expectingDrops(async () => {
      const people = await enter(scene, 2, { latencyMs: 0, jitterMs: 0 });
      const [{ session, network }] = people as [Person, Person];
      const { page, sessionId } = session;
      network.cut();
      await typeOnLine(session, 0, lineOf(0));
      const id = await page.evaluate((key) => sessionStorage.getItem(key), `backbeat:tab:${sessionId}`);
      const lock = `backbeat:connection:${id}`;
      // Has it next, as the page before would have it still on a busy computer.
      const before = await page.context().newPage();
      await before.goto(new URL('/', page.url()).href);
      await before.evaluate((name) => {
        void navigator.locks.request(name, () => new Promise((release) => setTimeout(release, 3_000)));
      }, lock);
      await eventually('the lock to be waited for', () =>
        before.evaluate(async (name) => {
          const { pending = [] } = await navigator.locks.query();
          return pending.some((each) => each.name === name) || 'there is no request';
        }, lock),
      );
      await page.reload();
      await session.shows(`0:${lineOf(0)}`);
      network.mend();
      await allShow(people, `0:${lineOf(0)}\n1:`);
      await saved(people);
      await browser.closePages();
    }),
  );

  await step(`a connection stalls for a while, and is cut again and again${suffix}`, () =>
    browser.expectingDrops(async () => {
      const people = await enter(scene, 2, { latencyMs: 30, jitterMs: 20 });
      const [ana] = people as [Person, Person];
      const go = ana.network.stall();
      const typed = Promise.all(
        people.map(({ session }, index) => typeOnLine(session, index, lineOf(index), 150)),
      );
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      go();
      for (let cut = 0; cut < 3; cut += 1) {
        ana.network.cut();
        await new Promise((resolve) => setTimeout(resolve, 300));
        ana.network.mend();
        await ana.session.isOpen();
      }
      await typed;
      await allShow(people, `0:${lineOf(0)}\n1:${lineOf(1)}`);
      await saved(people);
      await browser.closePages();
    }),
  );

  await step(`a text that is too large stays, and is sent once it is shorter${suffix}`, async () => {
    const people = await enter(scene, 2, { latencyMs: 20, jitterMs: 0 }, 'a\nb');
    const [ana, ben] = people as [Person, Person];
    await paste(ana.session, 'x'.repeat(200_000));
    await ana.session.newestIs('refused');
    await ben.session.type('!');
    await eventually('the other’s edit to arrive', async () => {
      const text = await wholeText(ana.session);
      return (text.endsWith('b!') && text.length > 200_000) || `${text.length} characters`;
    });
    await ana.session.page.keyboard.press('Control+Home');
    await ana.session.page.keyboard.press('Control+z');
    await allShow(people, 'a\nb!');
    await browser.closePages();
  });

  await step(`one is made a viewer while offline, and gets the unsent text back${suffix}`, () =>
    browser.expectingDrops(async () => {
      const people = await enter(scene, 2, { latencyMs: 20, jitterMs: 0 });
      const [, ben] = people as [Person, Person];
      ben.network.cut();
      await ben.session.waitFor(
        ben.session.page.locator('[data-testid=connection][data-state=reconnecting]'),
        'the page to say that it is offline',
      );
      await typeOnLine(ben.session, 1, lineOf(1));
      await makeViewer(scene, people, 'Ben');
      ben.network.mend();
      const offered = ben.session.page.getByTestId('offered');
      await ben.session.waitFor(offered, 'the unsent text to be offered');
      await ben.session.page.getByTestId('offered-copy').click();
      await eventually('the text to be copied', async () => {
        const copied = await ben.session.page.evaluate(() => navigator.clipboard.readText());
        return copied.includes(lineOf(1)) || JSON.stringify(copied);
      });
      await ben.session.page.getByTestId('offered-dismiss').click();
      await offered.waitFor({ state: 'hidden' });
      await browser.closePages();
    }),
  );
}

/** @param pass lets five minutes pass for a page. */
async function anHourOffline(scene: Scene, pass: (page: Page) => Promise<void>, suffix = ''): Promise<void> {
  const { browser } = scene;
  await step(`one types offline for an hour, the other goes on${suffix}`, () =>
    browser.expectingDrops(async () => {
      const people = await enter(scene, 2, { latencyMs: 20, jitterMs: 0 });
      const [ana, ben] = people as [Person, Person];
      ana.network.cut();
      await ana.session.waitFor(
        ana.session.page.locator('[data-testid=connection][data-state=reconnecting]'),
        'the page to say that it is offline',
      );
      const [hers, his] = [lineOf(0).slice(0, 12), lineOf(1).slice(0, 12)];
      for (let at = 0; at < 12; at += 1) {
        await typeOnLine(ana.session, 0, hers.charAt(at));
        await typeOnLine(ben.session, 1, his.charAt(at));
        await pass(ana.session.page);
      }
      ana.network.mend();
      // The page waits longer and longer from attempt to attempt.
      await pass(ana.session.page);
      await allShow(people, `0:${hers}\n1:${his}`);
      await saved(people);
      await browser.closePages();
    }),
  );
}

async function answering(scene: Scene, suffix: string): Promise<void> {
  const { browser, provider } = scene;
  await step(`another types while the AI answers, and takes only their own back${suffix}`, async () => {
    const people = await enter(scene, 2, { latencyMs: 30, jitterMs: 20 }, 's("bd")');
    const [ana, ben] = people as [Person, Person];
    await ana.session.tab('ai');
    const asked = provider.hold();
    await ana.session.ask('make it faster');
    const answer = await asked;
    await ben.session.put('\n// one');
    await saved([ben]);
    await ben.session.put('\n// two');
    answer.send('Faster.\n\n```strudel\ns("bd*8")\n```');
    answer.end();
    await allShow(people, 's("bd*8")\n// one\n// two');
    await saved(people);
    await ben.session.page.locator('.cm-content').focus();
    await ben.session.page.keyboard.press('Control+z');
    await ben.session.page.keyboard.press('Control+z');
    await allShow(people, 's("bd*8")');
    await ana.session.page.getByTestId('ai-undo').click();
    await allShow(people, 's("bd")');
    await browser.closePages();
  });
}

/** What one types: no other types any of these characters. */
function lineOf(index: number): string {
  return Array.from({ length: CHARS }, (_, i) => String.fromCodePoint(0x4e00 + index * 100 + i)).join('');
}

/** A session with so many people in it; each has a line. */
async function enter(
  { stack, browser }: Scene,
  count: number,
  delay: Delay,
  code?: string,
): Promise<Person[]> {
  const people: Person[] = [];
  let link = '';
  for (const name of NAMES.slice(0, count)) {
    const { page } = await browser.newPerson(name);
    await page.clock.install();
    const network = await SlowNetwork.between(page, delay);
    const session =
      people.length === 0
        ? await SessionPage.make(page, stack.url, name, 'Many hands')
        : await SessionPage.join(page, link, name);
    await session.mayType(true);
    const person = { name, session, network };
    if (people.length === 0) {
      link = await session.invite('co-author');
      const text = code ?? Array.from({ length: count }, (_, index) => `${index}:`).join('\n');
      await page.locator('.cm-content').focus();
      await page.keyboard.press('Control+a');
      await pasteHere(session, text);
      await session.newestIs('saved', 'flushed');
    }
    people.push(person);
  }
  const first = await people[0]?.session.text();
  await allShow(people, first ?? '');
  return people;
}

async function paste(session: SessionPage, text: string): Promise<void> {
  await session.page.locator('.cm-content').focus();
  await session.page.keyboard.press('Control+Home');
  await pasteHere(session, text);
}

async function pasteHere({ page }: SessionPage, text: string): Promise<void> {
  await page.evaluate((what) => navigator.clipboard.writeText(what), text);
  await page.keyboard.press('Control+v');
}

/** Also what a long text's editor doesn't draw. */
async function wholeText({ page }: SessionPage): Promise<string> {
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Control+c');
  return await page.evaluate(() => navigator.clipboard.readText());
}

async function typeOnLine(session: SessionPage, line: number, text: string, delayMs = KEY_MS): Promise<void> {
  const { keyboard } = session.page;
  await session.page.locator('.cm-content').focus();
  await keyboard.press('Control+Home');
  for (let down = 0; down < line; down += 1) await keyboard.press('ArrowDown');
  await keyboard.press('End');
  await keyboard.type(text, { delay: delayMs });
}

async function typeAt(session: SessionPage, column: number, text: string): Promise<void> {
  const { keyboard } = session.page;
  await session.page.locator('.cm-content').focus();
  await keyboard.press('Control+Home');
  for (let right = 0; right < column; right += 1) await keyboard.press('ArrowRight');
  await keyboard.type(text, { delay: KEY_MS });
}

async function allShow(people: readonly Person[], text: string): Promise<void> {
  for (const { name, session } of people) {
    await eventually(`${name} to see what all typed`, async () => {
      const shown = await session.text();
      return shown === text || `${JSON.stringify(shown)} instead of ${JSON.stringify(text)}`;
    });
  }
}

/** Waits until all see the same, and nobody's edits are on their way. */
async function agreed(people: readonly Person[]): Promise<string> {
  await saved(people);
  let agreedOn = '';
  await eventually('all to see the same', async () => {
    const texts = await Promise.all(people.map(({ session }) => session.text()));
    agreedOn = texts[0] ?? '';
    return texts.every((text) => text === agreedOn) || texts.map((text) => JSON.stringify(text)).join(' / ');
  });
  return agreedOn;
}

async function saved(people: readonly Person[]): Promise<void> {
  for (const { session } of people) await session.newestIs('saved', 'flushed', 'none');
}

/** As the host, over the API: the page lists only those who are connected. */
async function makeViewer({ stack }: Scene, people: readonly Person[], name: string): Promise<void> {
  const address = `${stack.url}/api/v1/sessions/${people[0]?.session.sessionId}/participants`;
  const headers = {
    authorization: `Bearer ${await hostToken(people)}`,
    'content-type': 'application/json',
  };
  const { participants } = listSchema.parse(await (await fetch(address, { headers })).json());
  const id = participants.find(({ display_name }) => display_name === name)?.id;
  const body = JSON.stringify({ role: 'viewer' });
  const response = await fetch(`${address}/${id}`, { method: 'PATCH', headers, body });
  assert.equal(response.status, 200, await response.text());
}

/** The session token that the first person's browser keeps. */
async function hostToken([host]: readonly Person[]): Promise<string> {
  const session = host?.session;
  const token = await session?.page.evaluate((id) => {
    const sessions: unknown = JSON.parse(localStorage.getItem('backbeat:sessions') ?? '[]');
    const found = Array.isArray(sessions) ? sessions.find((one) => one.id === id) : null;
    return String(found?.token ?? '');
  }, session.sessionId);
  assert(token, 'the browser keeps no token');
  return token;
}
