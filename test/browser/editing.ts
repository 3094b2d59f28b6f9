/**
 * Two editors of one text in Chromium: input methods, touch keyboards, undo, scrolling and folding while
 * another participant types. Their room is in the page's memory (`editing-page.ts`).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { metaPolicy } from '../../deploy/header-policy.ts';
import { MAX_WRAPPED_CHARS } from '../../src/client/editor/wrapping.ts';
import { PHONE } from './browser.ts';
import type { Scenario } from './editing-page.ts';
import { type Scene, screenshot, step } from './scene.ts';
import { eventually } from './session-page.ts';

const ADDRESS = 'https://editing.test/';
const HEADERS = fileURLToPath(new URL('../../src/client/static/_headers', import.meta.url));
const PAGE = fileURLToPath(new URL('editing-page.ts', import.meta.url));
const ANDROID =
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36';
const STYLE = `
  body { margin: 0; display: flex; background: #0d1015; height: 100vh }
  .editor { flex: 1; min-width: 0; height: 100% }`;

/** The keyboard is always Ana's editor's. */
const [ANA, BEN] = [0, 1];

export async function editing({ browser }: Pick<Scene, 'browser'>): Promise<void> {
  const script = await bundle();
  const desktop = await browser.newPerson('the desktop');
  await serve(desktop.context, script);
  const page = await EditingPage.open(desktop.page);
  // Who types over a selection has Chromium put a styled element in, which the policy stops and CodeMirror
  // replaces.
  await browser.expectingBlocks(() => undoOverSelection(page));
  await onDesktop(page);
  await namesCoverNothing(page, 'desktop');
  await rowsAreIndented(page, 'desktop');
  const phone = await browser.newPerson('the phone', PHONE, { userAgent: ANDROID, hasTouch: true });
  await serve(phone.context, script);
  const onTouch = await EditingPage.open(phone.page);
  await onPhone(onTouch);
  await namesCoverNothing(onTouch, 'phone');
  await rowsAreIndented(onTouch, 'phone');
}

const SCENES: Record<string, { code: string; carets: [line: number, column: number][]; shown: number }> = {
  'a song': {
    code: [
      'setcpm(124 / 4)',
      '',
      '$: s("bd*4, [~ cp]*2, hh*8").bank("RolandTR909")',
      '  .gain(0.8)',
      '$: note("<c3 e3 g3 b3>*4").sound("sawtooth")',
      '  .lpf(sine.range(300, 2000).slow(8))',
      '  .room(0.4)',
    ].join('\n'),
    carets: [
      [1, 0],
      [1, 6],
      [2, 0],
      [3, 10],
      [3, 10],
      [4, 4],
      [5, 3],
      [6, 37],
      [7, 12],
    ],
    shown: 8,
  },
  'one row with all of them': {
    code: '\ns("bd")\n',
    carets: [
      [2, 0],
      [2, 0],
      [2, 1],
      [2, 3],
      [2, 5],
      [2, 7],
    ],
    shown: 3,
  },
  'a line that wraps': {
    code: `// one\n$: stack(${Array.from({ length: 24 }, (_, index) => `s("bd*${index}")`).join(', ')})\nlast`,
    carets: [
      [1, 2],
      [2, 3],
      [2, 90],
      [2, 150],
      [2, 260],
      [3, 4],
    ],
    shown: 2,
  },
  'full rows': {
    code: `${'x'.repeat(2_000)}\n${'y'.repeat(2_000)}`,
    carets: [
      [1, 0],
      [1, 900],
      [2, 20],
    ],
    shown: 0,
  },
  'nothing yet': {
    code: '',
    carets: [
      [1, 0],
      [1, 0],
      [1, 0],
    ],
    shown: 3,
  },
};

/** A name lies neither on code, nor on another name, nor outside; and most of them do show. */
async function namesCoverNothing(page: EditingPage, device: string): Promise<void> {
  for (const [name, { code, carets, shown }] of Object.entries(SCENES)) {
    await step(`names cover nothing: ${name}, ${device}`, async () => {
      const names = ['Ben Lomond', 'Mo', 'Zoë', 'Maximilian', 'Ada', 'Participant 6', 'Lu', 'Cem', 'Dina'];
      await page.scene({ code, others: names.slice(0, carets.length) });
      await page.alone();
      await page.page.evaluate((places) => {
        const { doc } = window.bench.view(0).state;
        for (const [index, [line = 1, column = 0]] of places.entries()) {
          const { from, length } = doc.line(line);
          const at = from + Math.min(column, length);
          window.bench.others[index]?.select(at, at);
        }
      }, carets);
      await page.settled();
      await page.drawn();
      const count = await coveredNothing(page);
      await screenshot(page.page, `names-${name.replaceAll(' ', '-')}-${device}`);
      assert(count >= shown, `${count} names show`);
      // What one writes at a row's end pushes the names on.
      await page.focus(ANA, 1, -1);
      for (const letter of '.fast(2)') {
        await page.keyboard.type(letter);
        await page.drawn();
        await coveredNothing(page);
      }
    });
  }
}

/** @returns how many names show. */
async function coveredNothing({ page }: EditingPage): Promise<number> {
  const { tags, glyphs, editor } = await page.evaluate(() => {
    const root = document.querySelector('#Ana')?.shadowRoot;
    if (!root) throw new Error('no editor');
    const range = document.createRange();
    const glyphs: { left: number; right: number; top: number; bottom: number; text: string }[] = [];
    for (const line of root.querySelectorAll('.cm-line, .cm-gutterElement')) {
      const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        range.selectNodeContents(node);
        for (const { left, right, top, bottom } of range.getClientRects()) {
          glyphs.push({ left, right, top, bottom, text: (node.textContent ?? '').slice(0, 20) });
        }
      }
    }
    const tags = [...root.querySelectorAll('.cm-peer-name')]
      .filter((tag) => !tag.classList.contains('cm-peer-name-hidden'))
      .map((tag) => {
        const { left, right, top, bottom } = tag.getBoundingClientRect();
        return { left, right, top, bottom, text: tag.textContent ?? '' };
      });
    const { left, right, top, bottom } =
      document.querySelector('#Ana')?.getBoundingClientRect() ?? new DOMRect();
    return { tags, glyphs, editor: { left, right, top, bottom } };
  });
  for (const [index, tag] of tags.entries()) {
    for (const other of [...glyphs, ...tags.slice(index + 1)]) {
      const isApart =
        tag.right <= other.left ||
        other.right <= tag.left ||
        tag.bottom <= other.top ||
        other.bottom <= tag.top;
      assert(isApart, `${tag.text} lies on ${other.text}: ${JSON.stringify([tag, other])}`);
    }
    const isInside =
      tag.left >= editor.left &&
      tag.right <= editor.right &&
      tag.top >= editor.top &&
      tag.bottom <= editor.bottom;
    assert(isInside, `${tag.text} isn’t inside: ${JSON.stringify([tag, editor])}`);
  }
  return tags.length;
}

/** Rows on which a line goes on are indented; carets and selections are where the text is. */
async function rowsAreIndented(page: EditingPage, device: string): Promise<void> {
  const sounds = Array.from({ length: 40 }, (_, index) => `s("bd*${index}")`).join(', ');
  const lines = [`$: stack(${sounds})`, `    .gain(${sounds})`, `\t.pan(${sounds})\t// tabs`];
  await step(`rows on which a line goes on are indented, ${device}`, async () => {
    await page.scene({ code: lines.join('\n'), others: ['Cem', 'Dina', 'Emil'] });
    await page.alone();
    const columns = await page.page.evaluate(() => window.bench.rowColumns(0));
    for (const [index, [first, next]] of [
      [0, 2],
      [4, 6],
      [4, 8],
    ].entries()) {
      const rows = columns[index] ?? [];
      assert(rows.length > 2, `line ${index + 1} has ${rows.length} rows`);
      assert.deepEqual([rows[0], [...new Set(rows.slice(1))]], [first, [next]], `line ${index + 1}`);
    }
    await page.page.evaluate(() => {
      const { doc } = window.bench.view(0).state;
      for (const [index, one] of window.bench.others.entries()) {
        const { from } = doc.line(index + 1);
        one.select(from + 100, from + 107);
      }
    });
    await page.settled();
    await page.drawn();
    await screenshot(page.page, `hanging-${device}`);
    for (const { caret, glyph, selection } of await page.page.evaluate(() => window.bench.peerPlaces(0))) {
      assert(Math.abs(caret.left - glyph.left) <= 2 && Math.abs(caret.top - glyph.top) <= 4, 'a caret');
      assert(
        selection.some(({ left, right, top }) => {
          return left < glyph.left && right >= glyph.left - 2 && Math.abs(top - glyph.top) <= 4;
        }),
        `a selection ends at ${JSON.stringify(selection)}, the text at ${JSON.stringify(glyph)}`,
      );
    }
  });

  await step(`indentation has an end where a row would have no room, ${device}`, async () => {
    await page.scene({ code: `${' '.repeat(400)}${sounds}` });
    await page.alone();
    const [rows = []] = await page.page.evaluate(() => window.bench.rowColumns(0));
    const width = await page.page.evaluate(() => {
      const { contentDOM, defaultCharacterWidth } = window.bench.view(0);
      return contentDOM.clientWidth / defaultCharacterWidth;
    });
    assert(rows.slice(1).every((column) => column <= width / 2));
  });

  await step(`a line that isn’t wrapped isn’t indented, ${device}`, async () => {
    await page.scene({ code: `  ${'x'.repeat(MAX_WRAPPED_CHARS)}\n  s("bd")` });
    await page.alone();
    const styles = () =>
      page.page
        .locator('#Ana .cm-line')
        .evaluateAll((all) => all.map((line) => line.getAttribute('style') ?? ''));
    assert.deepEqual(await styles(), ['', '']);
    await page.focus(ANA, 1, -1);
    for (let count = 0; count < 2; count += 1) await page.keyboard.press('Backspace');
    await page.settled();
    await page.drawn();
    assert((await styles()).every((style) => style !== ''));
  });
}

async function undoOverSelection(page: EditingPage): Promise<void> {
  await step('undo leaves a text that replaced one’s own', async () => {
    await page.scene({ code: '', latencyMs: 20 });
    await page.focus(ANA, 1, 0);
    await page.keyboard.type('s("hh*8');
    await page.settled('s("hh*8")');
    await page.select(BEN);
    await page.keyboard.type('x');
    await page.settled('x');
    await page.focus(ANA, 1, 0);
    await page.keyboard.press('Control+z');
    await page.settled('x');
  });
}

async function onDesktop(page: EditingPage): Promise<void> {
  await step('undo beside a change in several places', async () => {
    await page.scene({ code: 'foo()\nbody\nfoo()', latencyMs: 20 });
    await page.focus(ANA, 2, 0);
    await page.keyboard.press('Shift+End');
    await page.keyboard.insertText('BODY');
    await page.settled('foo()\nBODY\nfoo()');
    await page.focus(BEN, 1, 1);
    // The word, then its other occurrence.
    await page.keyboard.press('Control+d');
    await page.keyboard.press('Control+d');
    await page.keyboard.type('bar');
    await page.settled('bar()\nBODY\nbar()');
    await page.focus(ANA, 2, -1);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await page.settled('bar()\nbody\nbar()');
  });

  await step('a caret stays at its line’s end while another participant comments all out', async () => {
    await page.scene({ code: 'one\ntwo\nthree', latencyMs: 20 });
    await page.focus(ANA, 2, -1);
    await page.select(BEN);
    await page.keyboard.press('Control+/');
    await page.settled('// one\n// two\n// three');
    await page.refocus(ANA);
    await page.keyboard.type('!');
    await page.settled('// one\n// two!\n// three');
  });

  await compositions(page, {});

  await step('90 KB are pasted, and undone', async () => {
    await page.scene({ code: 's("bd")\n', latencyMs: 20 });
    const lines = Array.from({ length: 1_800 }, (_, index) => `// line ${String(index).padEnd(40, '.')}`);
    const long = lines.join('\r\n');
    await page.page.evaluate((text) => navigator.clipboard.writeText(text), long);
    await page.focus(ANA, 2, 0);
    await page.keyboard.press('Control+v');
    await page.settled(`s("bd")\n${lines.join('\n')}`);
    await page.keyboard.insertText('end');
    await page.settled(`s("bd")\n${lines.join('\n')}end`);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await page.settled('s("bd")\n');
  });

  await step('what can’t be stored is not pasted', async () => {
    await page.scene({ code: '' });
    await page.focus(ANA, 1, 0);
    await page.page.locator('#Ana .cm-content').evaluate((content) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', 'a\0b');
      content.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await page.settled('a\ufffdb');
  });

  await step('folded code stays folded while another participant types', async () => {
    await page.scene({ code: 'top\nfunction beat() {\n  one();\n  two();\n}\nend' });
    await page.focus(ANA, 2, 0);
    await page.keyboard.press('Control+Shift+BracketLeft');
    const fold = page.page.locator('#Ana .cm-foldPlaceholder');
    await fold.waitFor();
    await page.type(BEN, 1, 0, '// above\n');
    await page.type(BEN, 5, -1, ' // inside');
    await page.type(BEN, 7, -1, ' // below');
    await page.settled('// above\ntop\nfunction beat() {\n  one();\n  two(); // inside\n}\nend // below');
    assert.equal(await fold.count(), 1);
    assert.equal(await page.page.locator('#Ana .cm-line').count(), 4);
  });

  await step('what one reads stays where it is while another participant types above', async () => {
    const code = Array.from({ length: 400 }, (_, index) => `line${index + 1}`).join('\n');
    await page.scene({ code });
    await page.focus(ANA, 200, 0);
    const line = page.page.locator('#Ana .cm-line').getByText('line200', { exact: true });
    const before = await line.boundingBox();
    await page.type(BEN, 1, 0, 'more\n'.repeat(30));
    await page.type(BEN, 150, -1, ' // and here\n\n');
    await page.settled();
    await eventually('the line to stay in its place', async () => {
      const after = await line.boundingBox();
      return Math.abs((after?.y ?? 0) - (before?.y ?? -99)) <= 1 || `${before?.y} became ${after?.y}`;
    });
    await page.keyboard.type('!');
    await page.settled();
    assert.match((await page.texts())[ANA] ?? '', /\n!line200\n/);
  });

  await step(
    'carets and selections show, with names that lie neither on each other nor outside',
    async () => {
      const others = Array.from({ length: 10 }, (_, index) => `Participant ${index + 1}`);
      await page.scene({ code: 's("bd*4").fast(2)\n'.repeat(8), others });
      await page.page.evaluate(() => {
        const [first, second, third, fourth, fifth, sixth] = window.bench.others;
        first?.select(0, 0);
        second?.select(4, 4);
        third?.select(40, 40);
        fourth?.select(40, 40);
        fifth?.select(58, 90);
        sixth?.select(126, 126);
      });
      await page.settled();
      const names = page.page.locator('#Ana .cm-peer-name');
      await eventually(
        'a name for each of the others',
        async () => (await names.count()) === 11 || 'not yet',
      );
      await page.page.locator('#Ana .cm-peer-selection').first().waitFor();
      await page.drawn();
      await screenshot(page.page, 'carets-desktop');
      const editor = await page.page.locator('#Ana').boundingBox();
      const boxes = await names.evaluateAll((all) =>
        all.map((name) => {
          const { left, right, top, bottom } = name.getBoundingClientRect();
          return { name: name.textContent ?? '', left, right, top, bottom };
        }),
      );
      for (const [index, box] of boxes.entries()) {
        const isInside =
          editor !== null &&
          box.left >= editor.x &&
          box.right <= editor.x + editor.width &&
          box.top >= editor.y;
        assert(isInside, `${box.name} isn’t inside: ${JSON.stringify([box, editor])}`);
        for (const other of boxes.slice(index + 1)) {
          const isApart =
            box.right <= other.left ||
            other.right <= box.left ||
            box.bottom <= other.top ||
            other.bottom <= box.top;
          assert(isApart, `${box.name} lies on ${other.name}`);
        }
      }
      const colors = await page.page
        .locator('#Ana .cm-peer')
        .evaluateAll((all) => all.map((caret) => getComputedStyle(caret).backgroundColor));
      assert.equal(new Set(colors).size, 11);
      assert.equal((await page.texts())[ANA], 's("bd*4").fast(2)\n'.repeat(8));
    },
  );

  await step('names fade, and carets stay', async () => {
    const names = page.page.locator('#Ana .cm-peer-name');
    await eventually('the names to fade', async () => {
      const shown = await names.evaluateAll(
        (all) => all.filter((name) => getComputedStyle(name).visibility !== 'hidden').length,
      );
      return shown === 0 || `${shown} show`;
    });
    assert.equal(await page.page.locator('#Ana .cm-peer').count(), 11);
    await page.type(BEN, 3, 0, 'x');
    await page.page.locator('#Ana .cm-peer-name', { hasText: 'Ben' }).waitFor();
  });

  await step('what an answer of the AI changed is marked, and taken back by one command', async () => {
    await page.scene({ code: 's("bd")\n// mine', latencyMs: 10 });
    await page.page.evaluate(() => window.bench.answer(0, 7, 'note("c3")', 'Ana'));
    await page.settled('note("c3")\n// mine');
    for (const name of ['Ana', 'Ben']) await page.page.locator(`#${name} .cm-answer`).first().waitFor();
    await page.type(BEN, 1, 8, ' e3');
    await page.settled('note("c3 e3")\n// mine');
    await page.drawn();
    await screenshot(page.page, 'answer-desktop');
    assert(await page.page.evaluate(() => window.bench.takeBack(0)));
    await page.settled('s("bd") e3\n// mine');
    assert.equal(await page.page.locator('.cm-answer').count(), 0);
    assert.equal(await page.page.evaluate(() => window.bench.hasAnswer(1)), false);
  });
}

async function onPhone(page: EditingPage): Promise<void> {
  for (const hasEditContext of [true, false]) {
    await compositions(page, { hasEditContext });
    await unreadInput(page, hasEditContext);
    await restingComposition(page, hasEditContext);
    await step(`a touch keyboard composes words, ${labelOf(hasEditContext)}`, async () => {
      await page.scene({ code: 'first\nsecond\nthird\n', latencyMs: 30, jitterMs: 20, hasEditContext });
      const words = ['the', 'quick', 'brown', 'fox', 'jumps', 'over'];
      await page.focus(ANA, 2, -1);
      let letters = 0;
      for (const word of words) {
        await page.insert(' ');
        for (let length = 1; length <= word.length; length += 1) {
          await page.compose(word.slice(0, length));
          // On the line before, on the same line, at the end of the text.
          const [line, column] = [[1, 0] as const, [2, 0] as const, [4, 0] as const][letters % 3] ?? [1, 0];
          await page.type(BEN, line, column, 'b');
          letters += 1;
        }
        await page.insert(word);
      }
      await page.settled();
      const text = (await page.texts())[ANA] ?? '';
      assert.equal(text.replaceAll(/b(?!rown)/g, ''), `first\nsecond ${words.join(' ')}\nthird\n`, text);
      assert.equal(text.split('b').length - 1, letters + 1, text);
    });
  }
}

/** CodeMirror reads what ends a composition a frame later; changes come in before. */
async function unreadInput(page: EditingPage, hasEditContext: boolean): Promise<void> {
  await step(
    `what ends a composition stays when a change follows it at once, ${labelOf(hasEditContext)}`,
    async () => {
      await page.scene({ code: 'first\nsecond', others: ['Cem'], hasEditContext });
      await page.focus(ANA, 2, -1);
      await page.page.evaluate(() => {
        let ends = 0;
        window.bench.view(0).contentDOM.addEventListener('compositionend', () => {
          ends += 1;
          // Another's caret alone is an update, too.
          if (ends % 2 === 0) window.bench.others[0]?.select(ends, ends);
          else window.bench.type(1, 1, 0, '+');
        });
      });
      const words = ['one', 'two', 'three', 'four', 'five', 'six'];
      for (const word of words) {
        await page.insert(' ');
        await page.compose(word.slice(0, -1));
        await page.insert(word);
      }
      await page.settled();
      const text = (await page.texts())[ANA] ?? '';
      assert.equal(text.replaceAll('+', ''), `first\nsecond ${words.join(' ')}`, text);
    },
  );
}

async function restingComposition(page: EditingPage, hasEditContext = true): Promise<void> {
  await step(
    `a composition that rests doesn’t keep another’s text away, ${labelOf(hasEditContext)}`,
    async () => {
      await page.scene({ code: 'one\ntwo', hasEditContext });
      await page.focus(ANA, 2, -1);
      for (const text of [' w', ' wo', ' wor']) await page.compose(text);
      await page.type(BEN, 2, 0, 'Ben ');
      await page.type(BEN, 2, -1, ' end');
      await page.settled('one\nBen two wor end');
      // The keyboard begins anew.
      await page.compose('d');
      await page.insert('ds');
      await page.settled('one\nBen two words end');
    },
  );
}

const labelOf = (hasEditContext = true) => (hasEditContext ? 'as it is' : 'without EditContext');

/** Japanese is composed while another participant types elsewhere, and beside it. */
async function compositions(page: EditingPage, { hasEditContext = true }): Promise<void> {
  const cases: [where: string, line: number, column: number, expected: string][] = [
    ['on another line', 1, 0, 'Ben one\ntwo日本\nthree'],
    ['before it on the same line', 2, 0, 'one\nBen two日本\nthree'],
    ['after it on the same line', 2, 99, 'one\ntwo日本Ben \nthree'],
    ['in the whole text', 0, 0, 'Ben one\nBen two日本\nthree'],
  ];
  for (const [where, line, column, expected] of cases) {
    await step(`日本 is composed while another types ${where}, ${labelOf(hasEditContext)}`, async () => {
      await page.scene({ code: 'one\ntwo\nthree', latencyMs: 10, hasEditContext });
      await page.focus(ANA, 2, -1);
      for (const text of ['に', 'にほ', 'にほん']) await page.compose(text);
      if (line === 0) {
        await page.page.evaluate(() => {
          const view = window.bench.view(1);
          view.dispatch({ changes: [0, 4].map((from) => ({ from, insert: 'Ben ' })), userEvent: 'input' });
        });
      } else await page.type(BEN, line, column === 99 ? 3 : column, 'Ben ');
      await page.roundTrip();
      await page.compose('日本');
      await page.insert('日本');
      const isEither = column === 99 ? [expected, 'one\ntwoBen 日本\nthree'] : [expected];
      await page.settled();
      assert(isEither.includes((await page.texts())[ANA] ?? ''), JSON.stringify(await page.texts()));
      // The caret is behind it.
      await page.keyboard.type('!');
      await page.settled();
      assert.match((await page.texts())[BEN] ?? '', /日本!/);
    });
  }
}

class EditingPage {
  private constructor(
    readonly page: Page,
    private readonly devTools: CDPSession,
  ) {}

  static async open(page: Page): Promise<EditingPage> {
    await page.goto(ADDRESS);
    return new EditingPage(page, await page.context().newCDPSession(page));
  }

  get keyboard() {
    return this.page.keyboard;
  }

  async scene(scenario: Scenario): Promise<void> {
    await this.page.evaluate((what) => window.bench.open(what), scenario);
    await this.settled();
  }

  /** Gives Ana's editor the whole width, as on the session's page. */
  async alone(): Promise<void> {
    await this.page.evaluate(() => {
      document.querySelector<HTMLElement>('#Ben')?.style.setProperty('display', 'none');
    });
    await this.drawn();
  }

  async focus(editor: number, line: number, column: number): Promise<void> {
    await this.page.evaluate(([e = 0, l = 1, c = 0]) => window.bench.focus(e, l, c), [editor, line, column]);
  }

  /** Gives an editor the keyboard; its caret stays. */
  async refocus(editor: number): Promise<void> {
    await this.page.evaluate((e) => window.bench.view(e).focus(), editor);
  }

  /** Selects all. */
  async select(editor: number): Promise<void> {
    await this.refocus(editor);
    await this.keyboard.press('Control+a');
  }

  async type(editor: number, line: number, column: number, text: string): Promise<void> {
    await this.page.evaluate(({ e, l, c, t }) => window.bench.type(e, l, c, t), {
      e: editor,
      l: line,
      c: column,
      t: text,
    });
  }

  /** An input method shows what it is composing. */
  async compose(text: string): Promise<void> {
    await this.devTools.send('Input.imeSetComposition', {
      text,
      selectionStart: text.length,
      selectionEnd: text.length,
    });
  }

  /** An input method ends with this text. */
  async insert(text: string): Promise<void> {
    await this.devTools.send('Input.insertText', { text });
  }

  async texts(): Promise<string[]> {
    return await this.page.evaluate(() => window.bench.texts());
  }

  /** Waits until the room has everything, though an editor may hold something back. */
  async roundTrip(): Promise<void> {
    await this.page.waitForFunction(() => window.bench.isRoomDone());
  }

  /** Waits until both editors have the room's text. @param expected which that is. */
  async settled(expected?: string): Promise<void> {
    await eventually('the editors to be alike', async () => {
      const isDone = await this.page.evaluate(() => window.bench.isSettled());
      const texts = await this.texts();
      const isExpected = expected === undefined || texts.every((text) => text === expected);
      return (isDone && isExpected) || JSON.stringify(texts).slice(0, 2_000);
    });
  }

  /** Waits until CodeMirror has measured and drawn. */
  async drawn(): Promise<void> {
    await this.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
  }
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

/** The page under the policy of the session's page. */
async function serve(context: BrowserContext, script: string): Promise<void> {
  const policy = metaPolicy(readFileSync(HEADERS, 'utf8'));
  const files: Record<string, [type: string, body: string]> = {
    '/': [
      'text/html; charset=utf-8',
      '<!doctype html><link rel="stylesheet" href="/style.css"><script src="/page.js" defer></script>',
    ],
    '/page.js': ['text/javascript; charset=utf-8', script],
    '/style.css': ['text/css', STYLE],
  };
  await context.route(`${ADDRESS}**`, async (route) => {
    const [contentType, body] = files[new URL(route.request().url()).pathname] ?? ['text/plain', ''];
    await route.fulfill({ contentType, body, headers: { 'content-security-policy': policy } });
  });
}
