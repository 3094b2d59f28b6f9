/** The pages as a person uses them. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';

/** How long anything may take that a person would wait for. */
export const PATIENCE_MS = 60_000;

export type SaveState = 'none' | 'pending' | 'saved' | 'flushed' | 'refused';

/** What the page showed of the newest edit, each time with the text that the editor held. */
export interface Shown {
  state: string;
  text: string;
}

export class SessionPage {
  constructor(readonly page: Page) {}

  /** Makes a session from the start screen. */
  static async make(page: Page, url: string, name: string, title: string): Promise<SessionPage> {
    await page.goto(url);
    await page.getByTestId('make-name').fill(name);
    await page.getByTestId('make-title').fill(title);
    await page.getByTestId('make-submit').click();
    return await new SessionPage(page).isOpen();
  }

  /** Joins through an invite link. */
  static async join(page: Page, link: string, name: string): Promise<SessionPage> {
    await page.goto(link);
    await page.getByTestId('join-name').fill(name);
    await page.getByTestId('join-submit').click();
    return await new SessionPage(page).isOpen();
  }

  get sessionId(): string {
    const id = this.page.url().split('#/s/')[1];
    assert(id, `no session in ${this.page.url()}`);
    return id;
  }

  async isOpen(): Promise<this> {
    await this.waitFor(
      this.page.locator('[data-testid=connection][data-state=open]'),
      'the connection to open',
    );
    return this;
  }

  /** Signs in on the start screen. */
  async signIn(url: string, token: string): Promise<void> {
    await this.page.goto(url);
    await this.page.getByTestId('sign-in').click();
    await this.page.getByTestId('sign-in-token').fill(token);
    await this.page.getByTestId('sign-in-submit').click();
    await this.waitFor(this.page.getByTestId('sign-out'), 'being signed in');
  }

  /**
   * Makes an invite link and reads it from the dialog.
   * @param limits how many people, and until when; by default any and ever.
   */
  async invite(
    role: 'co-author' | 'viewer',
    limits: { uses?: number; expiry?: 'hour' | 'day' | 'week' } = {},
  ): Promise<string> {
    await this.page.getByTestId('invite').click();
    await this.page.getByTestId(`invite-${role}`).check();
    await this.page.getByTestId('invite-uses').fill(limits.uses === undefined ? '' : String(limits.uses));
    await this.page.getByTestId('invite-expiry').selectOption(limits.expiry ?? 'never');
    const close = this.page.getByTestId('invite-close');
    await this.page.getByTestId('invite-make').click();
    const before = await close.boundingBox();
    const note = this.page.getByTestId('invite-note');
    await this.waitFor(note.filter({ hasText: /link copied/i }), 'the link to be copied');
    const link = await this.page.getByTestId('invite-link').inputValue();
    assert.equal(await this.page.evaluate(() => navigator.clipboard.readText()), link);
    await this.page.getByTestId('invites').locator('li').first().waitFor();
    // Neither the note nor the list moves what is pressed next.
    assert.deepEqual(await close.boundingBox(), before);
    await close.click();
    return link;
  }

  /** The list's entry of a person who is here. */
  person(name: string): Locator {
    return this.page
      .getByTestId('participants')
      .locator('li')
      .filter({ has: this.page.locator('.person-name', { hasText: name }) });
  }

  /** As the host: gives somebody another role. */
  async giveRole(name: string, role: 'co-author' | 'viewer'): Promise<void> {
    await this.tab('people');
    await this.person(name).getByTestId('person-role').selectOption(role);
  }

  /** As the host: sends somebody away. */
  async sendAway(name: string): Promise<void> {
    await this.tab('people');
    await this.person(name).getByTestId('person-remove').click();
    await this.yes();
  }

  /** Answers the page's question. */
  async yes(): Promise<void> {
    await this.page.getByTestId('question-yes').click();
    await this.page.getByTestId('question-dialog').waitFor({ state: 'detached', timeout: PATIENCE_MS });
  }

  async toast(text: string | RegExp): Promise<void> {
    await this.waitFor(
      this.page.getByTestId('toasts').locator('.toast').filter({ hasText: text }),
      `the notice ${text}`,
    );
  }

  /** Waits for what is said in place of the session. */
  async notice(text: string | RegExp): Promise<void> {
    await this.waitFor(this.page.getByTestId('notice').filter({ hasText: text }), `the notice ${text}`);
  }

  /** Shows one of the panels beside the editor. */
  async tab(name: 'people' | 'chat' | 'ai' | 'sounds' | 'strudels' | 'history'): Promise<void> {
    const button = this.page.getByTestId(`tab-${name}`);
    if ((await button.getAttribute('aria-expanded')) === 'true') return;
    // On a phone the list of people is behind their count.
    const isHidden = name === 'people' && (await button.isHidden());
    await (isHidden ? this.page.getByTestId('people-count') : button).click();
  }

  /** Chooses something from the session's menu. */
  async menu(
    name:
      | 'settings'
      | 'leave'
      | 'copy-code'
      | 'download-code'
      | 'theme'
      | 'format'
      | 'find'
      | 'pattern-link'
      | 'pattern-embed',
  ): Promise<void> {
    await this.page.getByTestId('menu').click();
    await this.page.getByTestId(name).click();
  }

  /** Keeps the session's code as a strudel; its panel is open. */
  async saveStrudel(
    title: string,
    more: {
      description?: string;
      tags?: string;
      isPublic?: boolean;
      license?: string;
      signal?: string;
    } = {},
  ): Promise<void> {
    await this.page.getByTestId('strudel-save').click();
    await this.page.getByTestId('strudel-title').fill(title);
    await this.page.getByTestId('strudel-description').fill(more.description ?? '');
    await this.page.getByTestId('strudel-tags').fill(more.tags ?? '');
    await this.page.getByTestId('strudel-license').fill(more.license ?? '');
    await this.page.getByTestId('strudel-signal').selectOption(more.signal ?? '');
    await this.page.getByTestId('strudel-public').setChecked(more.isPublic ?? false);
    await this.page.getByTestId('strudel-submit').click();
    await this.waitFor(this.strudel(title), `the strudel ${title} to be listed`);
  }

  /** The list's entry of a strudel. */
  strudel(title: string): Locator {
    return this.page.getByTestId('strudels').locator('li').filter({ hasText: title });
  }

  async strudelTitles(): Promise<string[]> {
    return await this.page.getByTestId('strudels').locator('.strudel-title strong').allTextContents();
  }

  /** Asks the AI, whose panel is open. */
  async ask(question: string): Promise<void> {
    await this.page.getByTestId('ai-input').fill(question);
    await this.page.getByTestId('ai-ask').click();
  }

  /** Waits for a turn of the conversation with the AI. */
  async turn(role: 'user' | 'assistant', text: string, state?: string): Promise<void> {
    const turns = this.page
      .getByTestId('ai-list')
      .locator(`li[data-role=${role}]${state ? `[data-state=${state}]` : ''}`);
    await this.waitFor(turns.filter({ hasText: text }), `the AI panel to say ${JSON.stringify(text)}`);
  }

  /** Waits until the editor can be typed into, or can't. */
  async mayType(isWanted: boolean): Promise<void> {
    const content = this.page.locator(`.cm-content[contenteditable=${isWanted}]`);
    await this.waitFor(content, isWanted ? 'the editor to be writable' : 'the editor to be read-only');
  }

  /** Types at the end of the text. */
  async type(text: string, delayMs = 25): Promise<void> {
    await this.page.locator('.cm-content').focus();
    await this.page.keyboard.press('Control+End');
    await this.page.keyboard.type(text, { delay: delayMs });
  }

  /** Puts a text in at the end at once: one undo takes all of it back, however slow the machine is. */
  async put(text: string): Promise<void> {
    await this.page.locator('.cm-content').focus();
    await this.page.keyboard.press('Control+End');
    await this.page.keyboard.insertText(text);
  }

  async text(): Promise<string> {
    const lines = await this.page.locator('.cm-line').evaluateAll((nodes) =>
      nodes.map((line) => {
        const copy = line.cloneNode(true);
        if (copy instanceof Element) for (const peer of copy.querySelectorAll('.cm-peer')) peer.remove();
        return copy.textContent ?? '';
      }),
    );
    return lines.join('\n');
  }

  /** Waits until the editor's text contains `part`. */
  async shows(part: string): Promise<void> {
    await eventually(`the editor to show ${JSON.stringify(part)}`, async () => {
      const text = await this.text();
      return text.includes(part) || `it shows ${JSON.stringify(text)}`;
    });
  }

  async saveState(): Promise<string | null> {
    return await this.page.getByTestId('save-state').getAttribute('data-state');
  }

  /** Waits until the newest edit has one of these states. */
  async newestIs(...states: SaveState[]): Promise<void> {
    const selector = states.map((state) => `[data-testid=save-state][data-state=${state}]`).join(',');
    await this.waitFor(this.page.locator(selector), `the newest edit to be ${states.join(' or ')}`);
  }

  /** The revisions that the page knows of. */
  async revisions(): Promise<{ rev: number; saved: number; flushed: number }> {
    const revision = this.page.getByTestId('save-bar');
    const read = async (name: string) => Number(await revision.getAttribute(name));
    return {
      rev: await read('data-rev'),
      saved: await read('data-saved-rev'),
      flushed: await read('data-flushed-rev'),
    };
  }

  /** Notes from now on each state that the newest edit shows. */
  async record(): Promise<void> {
    await this.page.evaluate(() => {
      const shown: Shown[] = [];
      const element = document.querySelector('[data-testid=save-state]');
      const root = document.querySelector('[data-testid=editor]')?.shadowRoot;
      if (!(element instanceof HTMLElement) || !root) throw new Error('this is no session');
      // No function here may have a name: the transpiler would mark it with a helper that
      // the page doesn't have.
      new MutationObserver(() => {
        const content = root.querySelector('.cm-content')?.cloneNode(true);
        if (!(content instanceof Element)) return;
        for (const peer of content.querySelectorAll('.cm-peer')) peer.remove();
        const lines = [...content.querySelectorAll('.cm-line')].map((line) => line.textContent ?? '');
        shown.push({ state: element.dataset.state ?? '', text: lines.join('\n') });
      }).observe(element, { attributes: true, attributeFilter: ['data-state'] });
      Object.assign(window, { shownSaveStates: shown });
    });
  }

  async recorded(): Promise<Shown[]> {
    return await this.page.evaluate(() => {
      const shown: unknown = Reflect.get(window, 'shownSaveStates');
      return Array.isArray(shown) ? shown : [];
    });
  }

  async say(text: string): Promise<void> {
    await this.tab('chat');
    await this.page.getByTestId('chat-input').fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Waits for a chat message; `state` is what an own one says of itself. */
  async hears(text: string, state?: string): Promise<void> {
    await this.tab('chat');
    const messages = this.page.getByTestId('chat-list').locator(state ? `[data-state=${state}]` : 'li');
    await this.waitFor(messages.filter({ hasText: text }), `the message ${JSON.stringify(text)}`);
  }

  async chatTexts(): Promise<string[]> {
    return await this.page.getByTestId('chat-list').locator('.message-text').allTextContents();
  }

  /** Waits until exactly these people are here, as `name role`. */
  async people(...expected: string[]): Promise<void> {
    await eventually(`${expected.join(', ')} to be here`, async () => {
      const found = await this.page
        .getByTestId('participants')
        .locator('li')
        .evaluateAll((items) =>
          items.map((item) => {
            const name = item.querySelector('.person-name')?.textContent ?? '';
            return `${name} ${item.getAttribute('data-role') ?? ''}`;
          }),
        );
      return found.sort().join() === [...expected].sort().join() || `there are ${found.join(', ')}`;
    });
  }

  async waitFor(locator: Locator, what: string): Promise<void> {
    try {
      await locator.first().waitFor({ timeout: PATIENCE_MS });
    } catch (cause) {
      throw new Error(`waited for ${what}`, { cause });
    }
  }
}

/**
 * Asks again and again until the answer is true.
 * @param ask true, or what is the case instead.
 */
export async function eventually(
  what: string,
  ask: () => Promise<true | string>,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer === true) return;
    if (Date.now() > endMs) throw new Error(`waited for ${what}: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
