/** Chromium, and a watch over what its pages complain about. */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { ENGINE } from './chromium.ts';

/** How a browser puts it that the network, or the server behind it, is gone. */
const NETWORK_DROP = /WebSocket connection to .* failed|Failed to load resource/;
/** How it puts it that a server said no. */
const REFUSAL =
  /Failed to load resource: the server responded with a status of 4|WebSocket connection to .* failed/;

/** How it puts it that the page's policy forbids something. */
const BLOCK = /Content Security Policy|Refused to|violates the following/;

/** A busy computer makes a sound too late, and the synthesizer says so. */
const LATE = /\[superdough\]: cannot schedule sounds in the past/;

const SAMPLES = /^https:\/\/strudel\.b-cdn\.net\//;
const ANY_ORIGIN = { 'access-control-allow-origin': '*' };

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export class TestBrowser {
  /** Everything unexpected that a page said, in its words. */
  readonly complaints: string[] = [];
  /** What pages may say now. */
  #expected: RegExp | null = null;

  private constructor(readonly browser: Browser) {}

  /**
   * Starts a browser with a profile of its own.
   * @param flags more of Chromium's command line
   */
  static async launch(flags: string[] = [], executablePath = ENGINE): Promise<TestBrowser> {
    const browser = await chromium.launch({
      executablePath,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        ...flags,
      ],
    });
    return new TestBrowser(browser);
  }

  /** A browser window that shares nothing with the others, with one tab. */
  async newPerson(
    name: string,
    viewport = DESKTOP,
    device: BrowserContextOptions = {},
  ): Promise<{ context: BrowserContext; page: Page }> {
    const isPhone = viewport === PHONE;
    const context = await this.browser.newContext({
      viewport,
      hasTouch: isPhone,
      colorScheme: isPhone ? 'light' : 'dark',
      ...device,
    });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    // Strudel's sample maps are on the Internet: no test depends on it.
    await context.route(SAMPLES, (route) => route.fulfill({ json: {}, headers: ANY_ORIGIN }));
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(`${name}: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      if (LATE.test(message.text()) || this.#expected?.test(message.text())) return;
      this.complaints.push(`${name}: ${message.type()}: ${message.text()}`);
    });
    return { context, page };
  }

  /** Runs `task`, in which pages may lose the network and say so. */
  expectingDrops<T>(task: () => Promise<T>): Promise<T> {
    return this.#expecting(NETWORK_DROP, task);
  }

  /** Runs `task`, in which the server may refuse what pages ask. */
  expectingRefusals<T>(task: () => Promise<T>): Promise<T> {
    return this.#expecting(REFUSAL, task);
  }

  /** Runs `task`, in which pages may try what their policy forbids. */
  expectingBlocks<T>(task: () => Promise<T>): Promise<T> {
    return this.#expecting(BLOCK, task);
  }

  async #expecting<T>(expected: RegExp, task: () => Promise<T>): Promise<T> {
    this.#expected = expected;
    try {
      return await task();
    } finally {
      this.#expected = null;
    }
  }

  pages(): Page[] {
    return this.browser.contexts().flatMap((context) => context.pages());
  }

  /** Closes everybody's windows. */
  async closePages(): Promise<void> {
    for (const context of this.browser.contexts()) await context.close();
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}
