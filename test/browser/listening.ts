/**
 * A session is heard by all who are in it: the same code, on the same beat, also by a participant who comes
 * late.
 */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { pack } from '../../src/client/pattern/packed.ts';
import { PHONE } from './browser.ts';
import { PlayerPage } from './player.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually, SessionPage } from './session-page.ts';

const TEMPO = 'setcps(1); ';
const BEAT = `${TEMPO}s("bd*8")`;
const TONE = `${TEMPO}note("a4").s("sine").sustain(1)`;

interface Listener {
  page: Page;
  session: SessionPage;
  player: PlayerPage;
}

export async function listening(scene: Scene): Promise<void> {
  const { browser, stack } = scene;
  const makeHost = async (): Promise<Listener> => {
    const { page } = await browser.newPerson('Ana');
    const session = await SessionPage.make(page, stack.url, 'Ana', 'Heard by all');
    return { page, session, player: new PlayerPage(page) };
  };
  const ana = await makeHost();
  const link = await ana.session.invite('viewer');
  const join = async (name: string): Promise<Listener> => {
    const { page } = await browser.newPerson(name);
    const session = await SessionPage.join(page, link, name);
    return { page, session, player: new PlayerPage(page) };
  };
  const ben = await join('Ben');

  const places = await pressedPlaces(ana.page);
  await step('Ctrl+Enter plays what is written for everybody, and puts no line in', async () => {
    await write(ana, BEAT);
    await ana.page.keyboard.press('Control+Enter');
    await ana.player.sounds();
    await ana.page.getByTestId('tempo').waitFor();
    assert.deepEqual(await pressedPlaces(ana.page), places, 'a second press would be one on something else');
    assert.equal(await ana.session.text(), BEAT);
    await ben.page.locator('[data-testid=listen][data-missing=true]').waitFor();
    await ben.page.getByTestId('playback').filter({ hasText: 'Ana pressed play' }).waitFor();
    await screenshot(ben.page, 'listen');
    await ben.page.getByTestId('listen').click();
    await ben.player.sounds();
  });

  await step('what sounds is marked in the code', async () => {
    await ana.page.locator('.cm-sounding').first().waitFor();
    assert.equal(await ana.page.locator('.cm-sounding').first().textContent(), 'bd');
    await ben.page.locator('.cm-sounding').first().waitFor();
    await screenshot(ana.page, 'sounding');
  });

  await step('both are in the same cycle, within 50 ms', async () => {
    await eventually('the beats to coincide', async () => {
      const apart = await apartMs(ana, ben);
      return Math.abs(apart) < 50 || `they are ${apart.toFixed()} ms apart`;
    });
  });

  await step('a participant who comes late hears what plays, though the text has changed since', async () => {
    await write(ana, 's("bd*8"');
    const cem = await join('Cem');
    await ana.page.getByRole('button', { name: '3 here' }).waitFor();
    assert.deepEqual(await pressedPlaces(ana.page), places, 'who comes moves what is pressed');
    await cem.session.shows('s("bd*8"');
    await cem.page.getByTestId('listen').click();
    await cem.player.sounds();
    await eventually('the late one to be on the beat', async () => {
      const apart = await apartMs(ana, cem);
      return Math.abs(apart) < 50 || `they are ${apart.toFixed()} ms apart`;
    });
    await cem.page.close();
  });

  await step('what doesn’t run is shown at its line, and changes nothing that plays', async () => {
    await write(ana, 'stack(');
    await ana.page.keyboard.press('Enter');
    await ana.page.keyboard.insertText('blub("a"))');
    await ana.page.keyboard.press('Control+Enter');
    await ana.page
      .locator('.cm-problem')
      .filter({ hasText: /^blub is not defined\./ })
      .waitFor();
    assert.equal(await ana.page.locator('.cm-problem-line').textContent(), '  blub("a"))');
    await screenshot(ana.page, 'problem');
    await ana.player.sounds();
    await ben.player.sounds();
    await ana.page.keyboard.type(' ');
    await ana.page.locator('.cm-problem').waitFor({ state: 'detached' });
  });

  await step('what is evaluated anew is heard by the others', async () => {
    await write(ana, TONE);
    await ana.page.keyboard.press('Control+Enter');
    await eventually('the tone', async () => {
      const { frequency_hz: pitch } = await ben.player.measure();
      return (pitch !== null && Math.abs(pitch - 440) < 4.4) || `it has ${pitch} Hz`;
    });
  });

  await step('volume and Listen are each one’s own', async () => {
    await ben.page.getByTestId('listen').click();
    await ben.player.isSilent();
    await ana.player.sounds();
    await ben.page.getByTestId('listen').click();
    await ben.player.sounds();
    await ben.page.getByTestId('volume').fill('0');
    await ben.player.isSilent();
    await ben.page.getByTestId('volume').fill('80');
    await ben.player.sounds();
  });

  await step('a sound that there isn’t is marked for all who listen, and the rest plays', async () => {
    const { page } = await browser.newPerson('Dia', PHONE);
    const session = await SessionPage.join(page, link, 'Dia');
    const dia = { page, session, player: new PlayerPage(page) };
    const code = `${TEMPO}s("bd*4 sawtoth*4")`;
    await write(ana, code);
    await ana.page.keyboard.press('Control+Enter');
    await dia.session.shows(code);
    await dia.page.getByTestId('listen').click();
    for (const each of [ana, dia]) {
      const words = each.page.locator('.cm-unheard-words');
      await words.filter({ hasText: 'There is no sound “sawtoth”. Did you mean “sawtooth”?' }).waitFor();
      assert.equal(await each.page.locator('.cm-unheard').textContent(), 'sawtoth');
      await each.page.locator('.cm-unheard .cm-sounding').waitFor();
      assert.equal(await each.page.locator('.cm-problem').count(), 0, 'it is an error');
      assert.equal(await each.page.locator('.toast').count(), 0, 'it is said twice');
      const { x = 0, width = 0 } = (await words.boundingBox()) ?? {};
      const { width: screen } = each.page.viewportSize() ?? { width: 0 };
      assert(x >= 0 && x + width <= screen, `the words reach from ${x} over ${width} px`);
      await each.player.sounds();
    }
    await screenshot(ana.page, 'unheard');
    await screenshot(dia.page, 'unheard-phone');
    await write(ana, `${TEMPO}s("bd*4 sawtooth*4")`);
    await ana.page.locator('.cm-unheard').waitFor({ state: 'detached' });
    await ana.page.keyboard.press('Control+Enter');
    for (const each of [ana, dia]) {
      await each.page.locator('.cm-sounding').filter({ hasText: 'sawtooth' }).first().waitFor();
      assert.equal(await each.page.locator('.cm-unheard, .cm-unheard-words').count(), 0);
    }
    await dia.page.close();
  });

  await step('so it is where a pattern is heard without a session', async () => {
    const { page } = await browser.newPerson('Eli', PHONE);
    await page.goto(`${stack.url}/pattern#${await pack('s("sawtoth*4")')}`);
    await page.getByTestId('demo-play').click();
    await page.getByTestId('unheard').filter({ hasText: 'Did you mean “sawtooth”?' }).waitFor();
    await screenshot(page, 'unheard-pattern');
    await page.getByTestId('demo-play').click();
    await page.getByTestId('unheard').filter({ hasText: 'sawtooth' }).waitFor({ state: 'hidden' });
    await page.close();
  });

  await step('Ctrl+. stops it for everybody', async () => {
    await ana.page.locator('.cm-content').focus();
    await ana.page.keyboard.press('Control+.');
    await ana.player.isSilent();
    await ben.player.isSilent();
    await ben.page.locator('[data-testid=play]:disabled').waitFor();
    await ben.page.locator('.playback[data-playing=false]').waitFor();
  });
}

async function write({ page }: Listener, text: string): Promise<void> {
  await page.locator('.cm-content').focus();
  await page.keyboard.press('Control+a');
  // Typed over, it would take on the colour of what was there, which Chromium writes as a style.
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

/** Where Play and Stop are. */
async function pressedPlaces(page: Page) {
  const place = (testId: string) => page.getByTestId(testId).boundingBox();
  return [await place('play'), await place('stop')];
}

/** How far two listeners are from each other, in milliseconds of a tempo of one cycle a second. */
async function apartMs(one: Listener, other: Listener): Promise<number> {
  const [a, b] = await Promise.all([zeroAtMs(one), zeroAtMs(other)]);
  const apart = (a - b) % 1_000;
  return apart > 500 ? apart - 1_000 : apart < -500 ? apart + 1_000 : apart;
}

/** When a cycle began, by this computer's clock: of several looks the one that was answered fastest. */
function zeroAtMs({ page }: Listener): Promise<number> {
  return page.evaluate(async () => {
    const frame = document.querySelector('iframe');
    const looks: { tookMs: number; zeroMs: number }[] = [];
    for (let id = 2_000_000; id < 2_000_008; id += 1) {
      const sentMs = Date.now();
      const cycle = await new Promise<number>((resolve) => {
        window.addEventListener('message', ({ data }) => {
          if (data?.type === 'measured' && data.id === id) resolve(data.cycle ?? 0);
        });
        frame?.contentWindow?.postMessage({ type: 'measure', id }, '*');
      });
      const nowMs = Date.now();
      looks.push({ tookMs: nowMs - sentMs, zeroMs: (sentMs + nowMs) / 2 - (cycle % 1) * 1_000 });
    }
    return looks.reduce((best, look) => (look.tookMs < best.tookMs ? look : best)).zeroMs;
  });
}
