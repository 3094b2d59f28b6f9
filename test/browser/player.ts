/**
 * The player in Chromium: it is heard, it stays in its frame, and no pattern freezes the page. It runs from
 * the local stack with its real headers, and a page of its own drives it.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import type { Evaluation } from '../../src/client/player/player.ts';
import {
  type Anchor,
  fromPlayerSchema,
  PLAYER_PATH,
  type PlayerSays,
  type ToPlayer,
  type Visual,
} from '../../src/protocol/player.ts';
import { TestBrowser } from './browser.ts';
import type { PlayerWindow } from './player-page.ts';
import { type Scene, step } from './scene.ts';
import { eventually } from './session-page.ts';

const PAGE = fileURLToPath(new URL('player-page.ts', import.meta.url));
const TEST_PATH = '/player-test';
/** Below this nothing is heard. */
const SILENCE = 0.001;
const KIT = ['bd', 'sd', 'hh', 'oh', 'cp', 'rim', 'lt', 'mt', 'ht', 'cr'];
const SYNTHS = ['sine', 'sawtooth', 'square', 'triangle', 'noise'];
/** The flag with which a sandboxed frame shares its page's process, as it does where memory is short. */
const ONE_PROCESS = '--disable-features=IsolateSandboxedIframes';
/** An endless loop may hold the page up for the time limit, and a slow machine's while. */
const MAX_FREEZE_MS = 4_000;

export async function player(scene: Scene): Promise<void> {
  const script = await bundle();
  await hears(scene, script);
  await loadsSamples(scene, script);
  await saysWhatIsntHeard(scene, script);
  await staysInItsFrame(scene, script);
  await draws(scene, script);
  await beats(scene, script);
  await neverFreezes(scene.browser, scene, script, 'a frame with a process of its own');
  const oneProcess = await TestBrowser.launch([ONE_PROCESS]);
  try {
    await neverFreezes(oneProcess, scene, script, 'a frame in the page’s process');
  } finally {
    await oneProcess.close();
  }
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

export class PlayerPage {
  #nextId = 1_000_000;

  constructor(readonly page: Page) {}

  /** Opens the test's page on the stack, with the policy of the stack's own page. */
  static async open(context: BrowserContext, page: Page, url: string, script: string): Promise<PlayerPage> {
    await context.route(`${url}${TEST_PATH}*`, async (route) => {
      const isScript = route.request().url().endsWith('.js');
      const { headers } = await fetch(url);
      await route.fulfill({
        body: isScript
          ? script
          : `<!doctype html><title>Player</title><button>Play</button><script type="module" src="${TEST_PATH}.js"></script>`,
        contentType: isScript ? 'text/javascript' : 'text/html',
        headers: { 'content-security-policy': headers.get('content-security-policy') ?? '' },
      });
    });
    await page.goto(`${url}${TEST_PATH}`);
    // Browsers play only after a click somewhere on the page.
    await page.getByRole('button').click();
    return new PlayerPage(page);
  }

  evaluate(code: string, at?: Anchor): Promise<Evaluation> {
    return this.page.evaluate(
      ({ code, at }) => (window as unknown as PlayerWindow).player.evaluate(code, at),
      { code, at },
    );
  }

  async plays(code: string, at?: Anchor): Promise<void> {
    const result = await this.evaluate(code, at);
    assert(result.ok, `${code}: ${JSON.stringify(result)}`);
  }

  async fails(code: string) {
    const result = await this.evaluate(code);
    assert(!result.ok, `${code} plays`);
    return result.error;
  }

  call(method: 'stop' | 'dispose'): Promise<void> {
    return this.page.evaluate((name) => (window as unknown as PlayerWindow).player[name](), method);
  }

  async said(name: string): Promise<unknown[]> {
    const all = await this.page.evaluate(() => (window as unknown as PlayerWindow).said);
    return all.filter((each) => each.name === name).map(({ event }) => event);
  }

  /** Asks the frame directly: what comes out of it now? */
  async measure(): Promise<PlayerSays<'measured'>> {
    const id = this.#nextId++;
    const answer = await this.page.evaluate(
      (message) =>
        new Promise((resolve) => {
          // A frame that is still loading hears nothing.
          const asking = setInterval(
            () => document.querySelector('iframe')?.contentWindow?.postMessage(message, '*'),
            50,
          );
          window.addEventListener('message', ({ data }) => {
            if (data?.type !== 'measured' || data.id !== message.id) return;
            clearInterval(asking);
            resolve(data);
          });
        }),
      { type: 'measure', id } satisfies ToPlayer,
    );
    const measured = fromPlayerSchema.parse(answer);
    assert(measured.type === 'measured');
    return measured;
  }

  async sounds(): Promise<void> {
    await eventually('sound', async () => {
      const { rms } = await this.measure();
      return rms > SILENCE || `there is ${rms}`;
    });
  }

  /** Waits for A4, to within 1 %. */
  async hears440(): Promise<void> {
    await eventually('440 Hz', async () => {
      const { frequency_hz: hz } = await this.measure();
      return (hz !== null && Math.abs(hz - 440) < 4.4) || `it is ${hz}`;
    });
  }

  async isSilent(): Promise<void> {
    await eventually('silence', async () => {
      const { peak } = await this.measure();
      return peak < SILENCE || `there is ${peak}`;
    });
  }
}

/** Nothing but this computer can be reached. */
async function open({ browser, stack }: Pick<Scene, 'browser' | 'stack'>, script: string, name: string) {
  const { context, page } = await browser.newPerson(name);
  await context.route(/^https:/, (route) => route.abort());
  return { context, player: await PlayerPage.open(context, page, stack.url, script) };
}

async function hears(scene: Scene, script: string): Promise<void> {
  const { browser } = scene;
  await browser.expectingDrops(async () => {
    const { player } = await open(scene, script, 'the listener');

    await step('a sine has its pitch, and after stop there is silence', async () => {
      await player.plays('note("a4").s("sine").sustain(1).gain(1)');
      await player.hears440();
      const { rms } = await player.measure();
      assert(rms > 0.05, `too soft: ${rms}`);
      await player.call('stop');
      await player.isSilent();
      assert.equal((await player.said('stopped')).length, 1);
    });

    await step('stop also ends a note of eight cycles and its reverb', async () => {
      await player.plays('note("c3").s("sawtooth").room(1).size(8).slow(8)');
      await player.sounds();
      await player.call('stop');
      await player.isSilent();
    });

    await step('without a network the kit and the synths sound', async () => {
      for (const sound of [...KIT, ...SYNTHS]) {
        await player.plays(`s("${sound}*8")`);
        await player.sounds();
        await player.call('stop');
        await player.isSilent();
      }
      assert.deepEqual(await player.said('error'), []);
    });

    await step('a preview sounds once, and a volume of 0 is silent', async () => {
      await player.page.evaluate(() => (window as unknown as PlayerWindow).player.preview('cp:1'));
      await player.sounds();
      await player.isSilent();
      await player.plays('s("square").sustain(1)');
      await player.sounds();
      await player.page.evaluate(() => (window as unknown as PlayerWindow).player.setVolume(0));
      await player.isSilent();
      await player.page.evaluate(() => (window as unknown as PlayerWindow).player.setVolume(1));
      await player.sounds();
    });

    await step('an error has its place, and changes nothing that plays', async () => {
      await player.plays('note("a4").s("sine").sustain(1)');
      const startedBefore = (await player.said('started')).length;
      for (const [code, kind, line, column] of [
        ['s("bd"', 'syntax', 1, 7],
        ['stack(\n  s("bd [sd"))', 'syntax', 2, 12],
        ['$: s("bd")\n$: blub("a")', 'runtime', 2, 4],
        ['s("bd").foo()', 'runtime', 1, 9],
        ['s("bd").fast(1e9)', 'too_long', null, null],
      ] as const) {
        const error = await player.fails(code);
        assert.deepEqual([error.kind, error.line, error.column], [kind, line, column], code);
      }
      assert.equal((await player.said('started')).length, startedBefore);
      await player.hears440();
    });

    await step('a sound that isn’t there is said once, with its place, until it is gone', async () => {
      await player.plays('s("hh*8")\n');
      const code = 'stack(s("bd ~"),\n  s("blorp*8"))';
      await player.plays(code);
      const said = () => player.said('unheard') as Promise<PlayerSays<'unheard'>[]>;
      await eventually('the warning', async () => {
        const [first] = await said();
        const [sound] = first?.sounds ?? [];
        if (!sound) return 'there is none';
        assert.equal(sound.kind, 'unknown');
        assert.match(sound.message, /“blorp”.* Strudel’s usual sounds couldn’t be loaded/);
        assert.deepEqual(
          sound.places.map(({ start, end }) => code.slice(start, end)),
          ['blorp'],
        );
        return true;
      });
      await player.sounds();
      // Some of it have been played by then.
      await sounding(player, code, 'bd');
      assert.equal((await said()).length, 1, 'it is said again');
      assert.deepEqual(await player.said('error'), []);
    });

    await step('what sounds is said by its places in the code', async () => {
      await player.plays('setcps(2)\ns("bd sd")');
      await eventually('both places', async () => {
        const said = (await player.said('sounding')) as PlayerSays<'sounding'>[];
        const places = said.map(({ places }) => places.map(({ start, end }) => `${start}-${end}`).join());
        return (places.includes('13-15') && places.includes('16-18')) || places.join(' ');
      });
      const names = (await player.said('names')) as PlayerSays<'names'>[];
      assert(names[0]?.functions.includes('note') && names[0].functions.includes('lpf'));
      for (const sound of [...KIT, ...SYNTHS]) {
        assert(
          names[0]?.sounds.some(({ name }) => name === sound),
          sound,
        );
      }
      await player.call('dispose');
    });
  });
}

/** With a network: a sample map brings new sounds, and its own for the kit's names. */
async function loadsSamples(scene: Scene, script: string): Promise<void> {
  await scene.browser.expectingDrops(() =>
    step('a sample map’s sounds are known and heard, the kit’s names too once they have come', async () => {
      const { page, context } = await scene.browser.newPerson('the collector');
      await context.route(/^https:/, async (route) => {
        const path = new URL(route.request().url()).pathname;
        const headers = { 'access-control-allow-origin': '*' };
        if (path === '/uzu-drumkit.json') {
          await route.fulfill({ json: { bd: ['a.wav'], tone: ['a.wav', 'a.wav'] }, headers });
        } else if (path === '/uzu-drumkit/a.wav') {
          await route.fulfill({ body: sineFile(440), contentType: 'audio/wav', headers });
        } else await route.abort();
      });
      const player = await PlayerPage.open(context, page, scene.stack.url, script);
      await player.plays('silence');
      await eventually('the names', async () => {
        const names = (await player.said('names')) as PlayerSays<'names'>[];
        const tone = names.at(-1)?.sounds.find(({ name }) => name === 'tone');
        return (tone?.kind === 'sample' && tone.variations === 2) || JSON.stringify(tone);
      });
      await player.plays('s("tone*2")');
      await player.hears440();
      await player.call('stop');
      await player.plays('s("bd*2")');
      await player.hears440();
      assert.deepEqual(await player.said('error'), []);
    }),
  );
}

/** Waits for the next time that a place in the code begins to sound. */
async function sounding(player: PlayerPage, code: string, text: string): Promise<void> {
  const start = code.indexOf(text);
  const count = async () => {
    const said = (await player.said('sounding')) as PlayerSays<'sounding'>[];
    return said.filter(({ places }) => places.some((place) => place.start === start)).length;
  };
  const before = await count();
  await eventually(text, async () => (await count()) > before || 'it hasn’t begun');
}

/** Each sound that isn't heard is told with its reason, and no more when it is heard. */
async function saysWhatIsntHeard(scene: Scene, script: string): Promise<void> {
  await scene.browser.expectingDrops(async () => {
    const { page, context } = await scene.browser.newPerson('the puzzled');
    const wave = { body: sineFile(440), contentType: 'audio/wav' };
    let isGone = true;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await context.route(/^https:/, async (route) => {
      const path = new URL(route.request().url()).pathname;
      const headers = { 'access-control-allow-origin': '*' };
      const name = path.replace('/uzu-drumkit/', '');
      if (path === '/uzu-drumkit.json') {
        const files = ['tone', 'gone', 'slow', 'text', 'late', 'shut'].map((each) => [each, [`${each}.wav`]]);
        await route.fulfill({ json: Object.fromEntries(files), headers });
      } else if (path.endsWith('.json')) await route.fulfill({ json: {}, headers });
      else if (name === 'shut.wav') await route.abort();
      else if (name === 'text.wav') await route.fulfill({ body: 'no sound', headers });
      else if (name === 'gone.wav' && isGone) await route.fulfill({ status: 404, headers });
      else {
        if (name === 'slow.wav') await released;
        await route.fulfill({ ...wave, headers });
      }
    });
    const player = await PlayerPage.open(context, page, scene.stack.url, script);
    const newest = async () => ((await player.said('unheard')) as PlayerSays<'unheard'>[]).at(-1);
    const isSaid = (kind: string, words: RegExp) =>
      eventually(`${kind}: ${words}`, async () => {
        const sounds = (await newest())?.sounds ?? [];
        return sounds.some((one) => one.kind === kind && words.test(one.message)) || JSON.stringify(sounds);
      });
    const isHeard = () =>
      eventually('nothing unheard', async () => {
        const said = await newest();
        return said?.sounds.length === 0 || JSON.stringify(said);
      });

    await step('a name that is written wrongly is told the one that was meant', async () => {
      await player.plays('s("toen*4")');
      await isSaid('unknown', /^There is no sound “toen”. Did you mean “tone”\?$/);
      await player.plays('s("bd*4").bank("nobank")');
      await isSaid('unknown', /^There is no bank “nobank”/);
    });

    await step('an effect that doesn’t work is told, and the others play on', async () => {
      await player.plays('s("tone*4").vowel("<a blorp>*4")');
      await isSaid('failed', /^“tone” isn’t heard: .*vowel.*blorp/);
      await player.sounds();
    });

    await step(
      'a sample that can’t be loaded is told with its reason, and heard once it can be',
      async () => {
        await player.plays('s("text*4")');
        await isSaid('not_loaded', /“text” isn’t heard: .* isn’t a sound/);
        await player.plays('s("shut*4")');
        await isSaid('not_loaded', /“shut” isn’t heard: .* can’t be reached/);
        await player.plays('s("gone*4")');
        await isSaid('not_loaded', /“gone” isn’t heard: .*\(404\)/);
        await player.isSilent();
        isGone = false;
        await player.hears440();
        await isHeard();
      },
    );

    await step('a sample that takes its time is said to be loading, until it is heard', async () => {
      await player.plays('s("slow*4")');
      await isSaid('loading', /^Loading “slow”…$/);
      release();
      await player.hears440();
      await isHeard();
    });

    await step('a preview waits for its sample, and says when it can’t be had', async () => {
      await player.call('stop');
      await player.isSilent();
      const preview = (name: string) =>
        page.evaluate((sound) => (window as unknown as PlayerWindow).player.preview(sound), name);
      await preview('late');
      await player.sounds();
      await preview('shut');
      await eventually('the error', async () => {
        const [error] = (await player.said('error')) as { kind: string; message: string }[];
        return (error?.kind === 'sound' && error.message.includes('“shut”')) || JSON.stringify(error);
      });
    });

    await step('it is told that the device takes the sound away, and gives it back', async () => {
      const interruptions = async () =>
        ((await player.said('interrupted')) as PlayerSays<'interrupted'>[]).map((one) => one.is_interrupted);
      const said = (list: boolean[]) =>
        eventually(`interrupted: ${list}`, async () => {
          const found = await interruptions();
          return String(found) === String(list) || String(found);
        });
      // A device that keeps it lets nobody resume it.
      await player.plays(`window.keptResume = AudioContext.prototype.resume
        AudioContext.prototype.resume = () => new Promise(() => {})
        setTimeout(() => getAudioContext().suspend())
        s("tone*4")`);
      await said([true]);
      await player.plays('AudioContext.prototype.resume = window.keptResume\ns("tone*4")');
      await said([true, false]);
      await player.hears440();
    });
  });
}

/** A second of a sine: WAV, 16 bits, one channel. */
function sineFile(hz: number, sampleRate = 48_000): Buffer {
  const samples = Int16Array.from({ length: sampleRate }, (_, index) =>
    Math.round(Math.sin((2 * Math.PI * hz * index) / sampleRate) * 20_000),
  );
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer)]);
}

async function staysInItsFrame(scene: Scene, script: string): Promise<void> {
  const { browser, stack } = scene;
  await browser.expectingDrops(async () => {
    const { context, player } = await open(scene, script, 'the suspicious');
    const { page } = player;
    await player.plays('silence');

    await step('a pattern reaches neither storage nor the page', async () => {
      for (const attempt of [
        'localStorage.length',
        'document.cookie',
        'parent.document.title',
        'top.location.href',
      ]) {
        const error = await player.fails(`${attempt}\ns("bd")`);
        assert.equal(error.kind, 'runtime', attempt);
        assert.match(error.message, /sandbox|denied|Blocked|cross-origin/i, attempt);
      }
    });

    await step('messages from another frame, and to the page from itself, are ignored', async () => {
      await page.evaluate(() => document.body.append(document.createElement('iframe')));
      const other = page.frames().find((frame) => frame.url() === 'about:blank');
      assert(other);
      await page.evaluate(() => {
        const heard: unknown[] = [];
        window.addEventListener('message', ({ data }) => heard.push(data));
        Object.assign(window, { heard });
      });
      await other.evaluate(() => {
        const frame = parent.document.querySelector('iframe');
        frame?.contentWindow?.postMessage({ type: 'measure', id: 7 }, '*');
      });
      await page.evaluate(() =>
        window.postMessage({ type: 'error', error: { kind: 'runtime', message: 'no', line: 1, column: 1 } }),
      );
      // Messages keep their order: an answer to the stranger's would come first.
      await player.measure();
      const heard = await page.evaluate(() => Reflect.get(window, 'heard') as { type: string; id: number }[]);
      assert.deepEqual(
        heard.filter(({ type, id }) => type === 'measured' && id === 7),
        [],
      );
      assert(heard.some(({ type }) => type === 'error'));
      assert.deepEqual(await player.said('error'), []);
    });

    await step('what a pattern says in the player’s name is ignored where it isn’t as agreed', async () => {
      await player.plays(`const say = (message) => parent.postMessage(message, '*')
        say({ type: 'unheard', id: 0, sounds: [{ kind: 'unknown', message: 7, places: [{ start: -1 }] }] })
        say({ type: 'interrupted', is_interrupted: 'yes' })
        silence`);
      assert.deepEqual(await player.said('unheard'), []);
      assert.deepEqual(await player.said('interrupted'), []);
    });

    await step('opened directly it is sandboxed and does nothing', async () => {
      const direct = await context.newPage();
      const response = await direct.goto(`${stack.url}${PLAYER_PATH}`);
      const policy = response?.headers()['content-security-policy'] ?? '';
      assert.match(policy, /^sandbox allow-scripts; default-src 'none'; /);
      assert.match(policy, /frame-ancestors 'self'$/);
      await direct.locator('body[data-state=idle]').waitFor();
      assert.equal(await direct.evaluate(() => self.origin), 'null');
      await assert.rejects(() => direct.evaluate(() => localStorage.length), /sandboxed|denied/);
      await direct.getByTestId('source').click();
      await direct.getByRole('link', { name: 'src/player/main.ts' }).waitFor();
    });
  });
}

const COLORS: Visual['colors'] = {
  scheme: 'light',
  ground: '#fafafa',
  line: '#dddddd',
  now: '#0000ff',
  marks: ['#ff0000', '#00aa00'],
};

/** How long the frame's work is measured, and how much of a core drawing may take on a busy machine. */
const MEASURED_MS = 4_000;
const MAX_DRAWING_SHARE = 0.3;

/** What is on the player's canvas. */
class Picture {
  constructor(readonly page: Page) {}

  show(visual: Visual | null): Promise<void> {
    return this.page.evaluate((shown) => (window as unknown as PlayerWindow).player.show(shown), visual);
  }

  get frame() {
    const frame = this.page.frames().find((each) => each.url().endsWith(PLAYER_PATH));
    assert(frame, 'there is no player');
    return frame;
  }

  /** How many pixels are drawn, in how many rows, and how many in some colours; and a sum, to compare. */
  pixels() {
    return this.frame.evaluate(() => {
      const canvas = document.querySelector('canvas');
      const size = [canvas?.width ?? 0, canvas?.height ?? 0] as const;
      // A copy, which is read more often than it is drawn.
      const copy =
        size[0] * size[1] > 0
          ? new OffscreenCanvas(...size).getContext('2d', { willReadFrequently: true })
          : null;
      if (canvas) copy?.drawImage(canvas, 0, 0);
      const { data } = copy?.getImageData(0, 0, ...size) ?? { data: new Uint8ClampedArray() };
      const rows = new Set<number>();
      let [drawn, red, green, blue, sum] = [0, 0, 0, 0, 0];
      for (let at = 0; at < data.length; at += 4) {
        const [r = 0, g = 0, b = 0, alpha = 0] = data.slice(at, at + 4);
        if (alpha === 0) continue;
        drawn += 1;
        rows.add(Math.floor(at / 4 / size[0]));
        sum = (sum + at * (r + 2 * g + 3 * b)) % 1_000_000_007;
        if (r > 200 && g < 60 && b < 60) red += 1;
        if (r < 60 && g > 120 && b < 60) green += 1;
        if (r < 60 && g < 60 && b > 200) blue += 1;
      }
      return { drawn, rows: rows.size, red, green, blue, sum };
    });
  }

  /** How many times the canvas is cleared within some frames of the screen: with each picture once. */
  pictures(frames: number): Promise<number> {
    // A text: tsx would name its functions.
    return this.frame.evaluate(`new Promise((resolve) => {
      const { clearRect } = CanvasRenderingContext2D.prototype;
      let cleared = 0;
      CanvasRenderingContext2D.prototype.clearRect = function (...area) {
        cleared += 1;
        clearRect.apply(this, area);
      };
      let left = ${frames};
      requestAnimationFrame(function next() {
        left -= 1;
        if (left > 0) return requestAnimationFrame(next);
        CanvasRenderingContext2D.prototype.clearRect = clearRect;
        resolve(cleared);
      });
    })`);
  }

  async isEmpty(): Promise<void> {
    await eventually('an empty canvas', async () => {
      const { drawn } = await this.pixels();
      return drawn === 0 || `${drawn} pixels are drawn`;
    });
  }
}

/** The piano roll and the oscilloscope: drawn while it plays and is shown, and never else. */
async function draws(scene: Scene, script: string): Promise<void> {
  await scene.browser.expectingDrops(async () => {
    const { player } = await open(scene, script, 'the watcher');
    const { page } = player;
    const picture = new Picture(page);
    const frame = page.locator('iframe');
    const roll: Visual = { view: 'roll', colors: COLORS, moves: false };
    // The second sound, a green one, has a pitch.
    const code = 'setcps(1)\nstack(s("bd*4"), note("c3 e3 g3 c4").s("triangle"))';

    await step('the words of the frame’s own page never show', async () => {
      let go = () => {};
      const held = new Promise<void>((resolve) => {
        go = resolve;
      });
      await page.route('**/*.js', async (route) => {
        if (route.request().frame() !== page.mainFrame()) await held;
        await route.continue();
      });
      await picture.show(roll);
      const plays = player.plays(code);
      await page.frameLocator('iframe').getByText('It does nothing by itself').waitFor({ state: 'attached' });
      assert.equal(await frame.isVisible(), false);
      go();
      await plays;
      assert.equal(await frame.isVisible(), true);
      await page.unrouteAll();
      await player.call('stop');
    });

    await step(
      'the piano roll is drawn while it plays, in the page’s colours, and not after stop',
      async () => {
        await picture.show(roll);
        await player.plays(code);
        assert.equal(await frame.isVisible(), true);
        await eventually('both sounds and the present', async () => {
          const found = await picture.pixels();
          return (found.red > 50 && found.green > 50 && found.blue > 50) || JSON.stringify(found);
        });
        const ground = await picture.frame.evaluate(
          () => getComputedStyle(document.documentElement).backgroundColor,
        );
        assert.equal(ground, 'rgb(250, 250, 250)');
        assert((await picture.pictures(20)) > 5, 'it doesn’t move');
        await player.call('stop');
        await picture.isEmpty();
        // What cleared it may have been a picture of its own.
        await eventually('no picture to be drawn any more', async () => {
          const drawn = await picture.pictures(20);
          return drawn === 0 || `there are ${drawn}`;
        });
      },
    );

    await step('the oscilloscope draws the wave, which is flat in silence', async () => {
      await picture.show({ ...roll, view: 'scope' });
      await player.plays('note("a4").s("sine").sustain(1)');
      await player.sounds();
      await eventually('a wave', async () => {
        const { rows, blue } = await picture.pixels();
        return (rows > 15 && blue > 0) || `it is ${rows} rows high`;
      });
      await player.plays('silence');
      await eventually('a flat line', async () => {
        const { rows } = await picture.pixels();
        return (rows > 0 && rows < 5) || `it is ${rows} rows high`;
      });
      await player.call('stop');
      await picture.isEmpty();
    });

    await step('hidden it draws nothing, and shown again it does', async () => {
      await picture.show(null);
      await player.plays(code);
      assert.equal(await frame.isVisible(), false);
      await picture.show(roll);
      await eventually('a picture', async () => (await picture.pixels()).red > 0 || 'there is none');
      await picture.show(null);
      await picture.isEmpty();
    });

    await step(
      'where less motion is preferred the roll stands still, unless it is asked to move',
      async () => {
        await page.emulateMedia({ reducedMotion: 'reduce' });
        await player.plays('setcps(.05)\ns("bd*4")');
        await picture.show(roll);
        await eventually('a picture', async () => (await picture.pixels()).red > 0 || 'there is none');
        // Its cycles come into sight one by one.
        let before = -1;
        await eventually('a picture that stays', async () => {
          const { sum } = await picture.pixels();
          const isSame = sum === before;
          before = sum;
          return (isSame && (await picture.pictures(30)) === 0) || 'it moves';
        });
        await picture.show({ ...roll, moves: true });
        await eventually('a picture that moves', async () => (await picture.pictures(20)) > 5 || 'it stands');
        await player.call('stop');
        await page.emulateMedia({ reducedMotion: null });
      },
    );

    await step('it takes little of the frame’s time', async () => {
      const session = await page.context().newCDPSession(picture.frame);
      await session.send('Performance.enable');
      const busy = async () => {
        const { metrics } = await session.send('Performance.getMetrics');
        const figure = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
        return { taskSeconds: figure('TaskDuration'), atSeconds: figure('Timestamp') };
      };
      const share = async () => {
        const before = await busy();
        await picture.frame.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), MEASURED_MS);
        const after = await busy();
        return (after.taskSeconds - before.taskSeconds) / (after.atSeconds - before.atSeconds);
      };
      await player.plays(
        'setcps(.5)\nstack(s("bd*4"), s("hh*16"), n("0 .. 15").scale("C:minor").s("triangle"), note("[c3,eb3,g3]*4"))',
      );
      await picture.show(null);
      const without = await share();
      const shares: Record<string, string> = {};
      for (const view of ['roll', 'scope'] as const) {
        await picture.show({ ...roll, view });
        const more = (await share()) - without;
        shares[view] = `${(more * 100).toFixed(1)} %`;
        assert(more < MAX_DRAWING_SHARE, `the ${view} takes ${more} of a core`);
      }
      const sound = `${(without * 100).toFixed(1)} %`;
      console.log(`      of one core: the sound ${sound}, more for ${JSON.stringify(shares)}`);
      await player.call('stop');
      await player.call('dispose');
    });
  });
}

/** Two browsers begin the same pattern at the same time of the room's clock. */
async function beats(scene: Scene, script: string): Promise<void> {
  await scene.browser.expectingDrops(() =>
    step('two browsers start their cycles within 50 ms of each other', async () => {
      const both = [await open(scene, script, 'the left'), await open(scene, script, 'the right')];
      for (const { player } of both) await player.plays('silence');
      // Each is told that the room's clock is elsewhere.
      const offsetMs = 5_000;
      for (const { player } of both) {
        await player.page.evaluate((ms) => (window as unknown as PlayerWindow).player.setClock(ms), offsetMs);
      }
      const at = { room_ms: Date.now() + offsetMs + 2_500, cycle: 3 };
      const lateMs = await Promise.all(
        both.map(async ({ player }) => {
          await player.plays('setcps(2)\ns("rim")', at);
          return await lateness(player, at.room_ms - offsetMs);
        }),
      );
      const [left = 0, right = 0] = lateMs;
      console.log(`      after the room’s clock: ${lateMs.map(Math.round).join(' and ')} ms`);
      assert(Math.abs(left - right) < 50, `they are ${Math.abs(left - right)} ms apart`);
    }),
  );
}

/**
 * How long after the beginning of its cycle, half a second long, a sound comes out. It is looked for again
 * and again; a look may be late, on a busy machine, but never early: the least of some is right.
 */
function lateness({ page }: PlayerPage, beginMs: number): Promise<number> {
  return page.evaluate(
    ({ beginMs, count }) =>
      new Promise<number>((resolve) => {
        const found: number[] = [];
        let isQuiet = false;
        const asking = setInterval(
          () => document.querySelector('iframe')?.contentWindow?.postMessage({ type: 'measure', id: 1 }, '*'),
          5,
        );
        window.addEventListener('message', ({ data }) => {
          if (data?.type !== 'measured' || data.id !== 1) return;
          if (isQuiet && data.recent_peak > 0.05) found.push((Date.now() - beginMs) % 500);
          isQuiet = data.recent_peak < 0.05;
          if (found.length < count) return;
          clearInterval(asking);
          resolve(Math.min(...found));
        });
      }),
    { beginMs, count: 8 },
  );
}

async function neverFreezes(
  browser: TestBrowser,
  { stack }: Scene,
  script: string,
  where: string,
): Promise<void> {
  await browser.expectingDrops(async () => {
    const { player } = await open({ browser, stack }, script, 'the looper');
    const { page } = player;

    await step(`endless code ends, the page answers, and what plays goes on (${where})`, async () => {
      await player.plays('note("a4").s("sine").sustain(1)');
      await player.sounds();
      // The longest that the page's own clock stood still.
      await page.evaluate(() => {
        let last = performance.now();
        Object.assign(window, { longestMs: 0 });
        setInterval(() => {
          const now = performance.now();
          Object.assign(window, { longestMs: Math.max(Reflect.get(window, 'longestMs'), now - last) });
          last = now;
        }, 20);
      });
      for (const [code, line] of [
        ['s("bd")\nfor (;;) {}\ns("hh")', 2],
        ['const again = () => { again() }\nagain()\ns("bd")', 1],
        ['const spin = async () => { await 0; await spin() }\nawait spin()\ns("bd")', 1],
        ['s("bd").fmap((x) => {\n  while (true) {}\n})', 2],
        ['n("0 .. 100000000")', null],
        ['s("bd*1000000")', null],
      ] as const) {
        const error = await player.fails(code);
        assert.deepEqual([error.kind, error.line], ['too_long', line], `${code}: ${error.message}`);
      }
      const longestMs = await page.evaluate(() => Number(Reflect.get(window, 'longestMs')));
      console.log(`      the page stood still for ${Math.round(longestMs)} ms at most`);
      assert(longestMs < MAX_FREEZE_MS, `the page stood still for ${longestMs} ms`);
      await player.hears440();
    });

    await step(`a pattern that gets too long while it plays is stopped (${where})`, async () => {
      await player.plays(
        'setcps(2)\ns("bd").every(4, (x) => x.fmap((v) => {\n  while (true) {}\n}))'.replace(
          'every(4',
          'lastOf(8',
        ),
      );
      await eventually('the error', async () => {
        const [error] = (await player.said('error')) as { kind: string }[];
        return error?.kind === 'too_long' || `it says ${JSON.stringify(error)}`;
      });
      await player.isSilent();
      await player.plays('s("hh*8")');
      await player.sounds();
    });

    if (where.includes('process of its own')) {
      await step('a player that stops answering is replaced, and the person is told', async () => {
        const before = (await player.said('error')).length;
        // A loop that the transpiler doesn't see.
        await player.plays('setTimeout(Function(\'for(;;);\'), 50)\ns("bd")');
        await eventually('the notice', async () => {
          const errors = (await player.said('error')) as { kind: string }[];
          return errors.slice(before).some(({ kind }) => kind === 'player_lost') || 'there is none';
        });
        await player.plays('s("hh*8")');
        await player.sounds();
      });
    }
  });
}
