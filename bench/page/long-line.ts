/**
 * `npm run bench:line`: from a key until the letter shows, in a session whose code is one very long line,
 * beside one with a short text of many lines. A co-author's cursor moves meanwhile. The two take turns, so
 * that a busy machine slows both.
 */
import { TestBrowser } from '../../test/browser/browser.ts';
import { CHROMIUM } from '../../test/browser/chromium.ts';
import { SessionPage } from '../../test/browser/session-page.ts';
import { startStack } from '../../test/support/stack.ts';

const ROUNDS = 12;
const KEYS = 20;
/** Ten keys a second: a fast typist. */
const KEY_PAUSE_MS = 100;
const PIECE = 's("bd*4, hh*8").gain(0.8).pan(sine), ';
const LONG_CHARS = 90 * 1024;
const SHORT_CHARS = 2 * 1024;
/** The long line may take at most so much longer. */
const MAX_RATIO = 2;

const pieces = (chars: number) => Array.from({ length: Math.floor(chars / PIECE.length) }, () => PIECE);
const TEXTS = {
  short: `stack(\n${pieces(SHORT_CHARS).join('\n')}\n)`,
  long: `stack(${pieces(LONG_CHARS).join('')})`,
};

/** Where the typist is. */
type Place = 'end' | 'middle';

/** A session with a typist and a co-author. */
interface Session {
  typist: SessionPage;
  other: SessionPage;
}

const stack = await startStack();
const browser = await TestBrowser.launch([], CHROMIUM);
try {
  const sessions = { short: await makeSession(TEXTS.short), long: await makeSession(TEXTS.long) };
  for (const place of ['end', 'middle'] as const) {
    for (const { typist, other } of Object.values(sessions)) {
      await goTo(typist, place);
      await goTo(other, place);
    }
    const keys: Record<keyof typeof sessions, number[]> = { short: [], long: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      const [short, long] = [await typing(sessions.short), await typing(sessions.long)];
      // The first round warms up.
      if (round === 0) continue;
      keys.short.push(...short);
      keys.long.push(...long);
    }
    const [short, long] = [quantile(keys.short, 0.95), quantile(keys.long, 0.95)];
    const ratio = long / short;
    process.stdout.write(
      `at the ${place}: p95 of ${keys.short.length} keys until they show: ${short.toFixed(1)} ms in 2 KB of lines, ` +
        `${long.toFixed(1)} ms in one line of 90 KB: ${ratio.toFixed(2)} times (at most ${MAX_RATIO})\n`,
    );
    if (ratio > MAX_RATIO) process.exitCode = 1;
  }
} finally {
  await browser.close();
  await stack.stop();
}

async function makeSession(code: string): Promise<Session> {
  const [ana, ben] = [await browser.newPerson('Ana'), await browser.newPerson('Ben')];
  const typist = await SessionPage.make(ana.page, stack.url, 'Ana', 'Long line');
  const other = await SessionPage.join(ben.page, await typist.invite('co-author'), 'Ben');
  await typist.page.locator('.cm-content').focus();
  await typist.page.keyboard.press('Control+A');
  await typist.page.keyboard.insertText(code);
  await typist.newestIs('flushed');
  await typist.page.evaluate(() => {
    const times: number[] = [];
    Reflect.set(window, 'keyTimes', times);
    addEventListener(
      'keydown',
      (event) => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => void times.push(performance.now() - event.timeStamp);
        // A message that is sent in a frame arrives after the frame is painted.
        requestAnimationFrame(() => channel.port2.postMessage(null));
      },
      { capture: true },
    );
  });
  return { typist, other };
}

async function goTo({ page }: SessionPage, place: Place): Promise<void> {
  await page.locator('.cm-content').focus();
  await page.keyboard.press('Control+End');
  if (place === 'end') return;
  // No key leads there at once.
  await page.evaluate(() => {
    const root = document.querySelector('[data-testid=editor]')?.shadowRoot;
    const scroller = root?.querySelector('.cm-scroller');
    if (!scroller) throw new Error('this is no session');
    scroller.scrollTo(scroller.scrollWidth / 2, scroller.scrollHeight / 2);
  });
  const box = await page.locator('.cm-scroller').boundingBox();
  if (!box) throw new Error('the editor is not shown');
  const line = await page.locator('.cm-line').first().boundingBox();
  const y = line && line.height < box.height / 2 ? line.y + line.height / 2 : box.y + box.height / 2;
  await page.mouse.click(box.x + box.width / 2, Math.max(y, box.y + 10));
  // Out of the way, as it is while one types.
  await page.mouse.move(0, 0);
}

/** Types while the co-author's cursor moves. @returns how long each key took, in milliseconds. */
async function typing({ typist, other }: Session): Promise<number[]> {
  await typist.page.evaluate(() => Reflect.get(window, 'keyTimes').splice(0));
  let isTyping = true;
  const moving = (async () => {
    for (let count = 0; isTyping; count++) {
      await other.page.keyboard.press(count % 2 === 0 ? 'ArrowLeft' : 'ArrowRight');
      await new Promise((resolve) => setTimeout(resolve, KEY_PAUSE_MS));
    }
  })();
  try {
    await typist.page.keyboard.type('x'.repeat(KEYS), { delay: KEY_PAUSE_MS });
  } finally {
    isTyping = false;
    await moving;
  }
  await typist.page.waitForFunction((keys) => Reflect.get(window, 'keyTimes').length >= keys, KEYS);
  const times: unknown = await typist.page.evaluate(() => Reflect.get(window, 'keyTimes'));
  return Array.isArray(times) ? times.map(Number) : [];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
