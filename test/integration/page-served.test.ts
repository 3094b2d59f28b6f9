/**
 * The page as its servers answer it: Cloudflare's own asset server, with wrangler.toml as wrangler reads
 * it, and `partykit dev`.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';
import { type BuiltPage, buildPage } from '../../deploy/build-page.ts';
import { readWranglerConfig } from '../../deploy/project-names.ts';
import { ManagedProcess } from '../../dev/managed-process.ts';
import { randomPort } from '../../dev/ports.ts';
import { commandScript, PROJECT_DIR } from '../../dev/project.ts';
import { untilUp } from '../support/release.ts';

let folder: string;
let page: BuiltPage;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backbeat-served-'));
  page = await buildPage({ outDir: join(folder, 'page'), minify: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a browser says when an address is typed. */
const NAVIGATION = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' };

const indexHtml = () => readFileSync(join(page.outDir, 'index.html'), 'utf8');
/** What the HTML loads. */
const references = () => [...indexHtml().matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);

/** Paths of each kind that `run_worker_first` names. */
function workerPaths(): string[] {
  return (readWranglerConfig().assets.run_worker_first ?? []).flatMap((pattern) =>
    pattern.endsWith('/*')
      ? [pattern.replace('*', 'x'), pattern.replace('*', 'x/y.html')]
      : pattern.endsWith('*')
        ? [pattern.replace('*', ''), pattern.replace('*', '/x')]
        : [pattern],
  );
}

const SAYS_ITS_PATH =
  "export default { fetch: (request) => new Response('worker: ' + new URL(request.url).pathname) }";
const ADMIN_BY_BINDING =
  "export default { fetch: (request, { ASSETS }) => ASSETS.fetch('https://object.internal/admin') }";

/** A Worker, by default one that says that it was asked, behind the assets of wrangler.toml. */
function serve(assets: { directory: string; more?: string; script?: string }): Miniflare {
  const config = join(folder, 'wrangler.toml');
  const main = join(folder, 'worker.js');
  writeFileSync(main, '');
  writeFileSync(
    config,
    readFileSync(join(PROJECT_DIR, 'wrangler.toml'), 'utf8')
      .replace(/^main = .*$/m, `main = "${main}"`)
      .replace(/^directory = .*$/m, `directory = "${assets.directory}"\n${assets.more ?? ''}`),
  );
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  return new Miniflare({
    compatibilityDate: readWranglerConfig().compatibility_date,
    assets: workerOptions.assets,
    modules: true,
    script: assets.script ?? SAYS_ITS_PATH,
  });
}

describe('Cloudflare’s asset server', () => {
  let server: Miniflare;
  const get = (path: string, headers: Record<string, string> = {}) =>
    server.dispatchFetch(`http://backbeat.test${path}`, { headers, redirect: 'manual' });

  beforeAll(() => {
    server = serve({ directory: page.outDir });
  });
  afterAll(() => server.dispose());

  it('sends the page with its policy, and asks for it each time', async () => {
    const response = await get('/', NAVIGATION);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(indexHtml());
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; .*; frame-ancestors 'none'$/),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'permissions-policy': expect.stringContaining('camera=()'),
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
  });

  it('sends what has a hash in its name for a browser to keep', async () => {
    const hashed = page.files.filter((file) => file.startsWith('assets/'));
    expect(hashed.length).toBeGreaterThan(2);
    for (const file of hashed) {
      const response = await get(`/${file}`);
      expect(response.status, file).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      await response.arrayBuffer();
    }
  });

  it('has every file that the page names, as what it is', async () => {
    const types = { js: /javascript/, css: /^text\/css/, svg: /^image\/svg\+xml/ };
    for (const path of references()) {
      const response = await get(path);
      expect(response.status, path).toBe(200);
      const [, type] = Object.entries(types).find(([extension]) => path.endsWith(`.${extension}`)) ?? [];
      expect(response.headers.get('content-type')).toMatch(type ?? /never/);
      await response.arrayBuffer();
    }
  });

  it('lets any site frame a pattern and its player, and nothing else', async () => {
    for (const path of ['/pattern', '/pattern-player/']) {
      const response = await get(path, { ...NAVIGATION, 'sec-fetch-dest': 'iframe' });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-security-policy')).toMatch(/; frame-ancestors \*$/);
    }
    for (const path of ['/', '/player/']) {
      const policy = (await get(path, NAVIGATION)).headers.get('content-security-policy');
      expect(policy).toMatch(/; frame-ancestors '(none|self)'$/);
    }
  });

  it('sends the player with a policy in place of the page’s, for any origin, each navigation sandboxed', async () => {
    const response = await get('/player/', { ...NAVIGATION, 'sec-fetch-dest': 'iframe' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(readFileSync(join(page.outDir, 'player/index.html'), 'utf8'));
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^sandbox allow-scripts; default-src 'none'; /);
    expect(policy).toMatch(/frame-ancestors 'self'$/);
    // Two policies would both hold.
    expect(policy).not.toContain(',');
    expect(policy).not.toMatch(/allow-same-origin|frame-ancestors 'none'/);
    const files = page.files.filter((file) => file.startsWith('player/assets/'));
    expect(files).toHaveLength(2);
    for (const file of files) {
      const { headers } = await get(`/${file}`);
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
    for (const path of ['/', ...references()]) {
      const { headers } = await get(path);
      expect(headers.get('access-control-allow-origin'), path).toBeNull();
      expect(headers.get('content-security-policy'), path).not.toContain('unsafe-eval');
    }
  });

  it('gives the Worker the operator’s page by its binding, with the policy of a page', async () => {
    const byBinding = serve({ directory: page.outDir, script: ADMIN_BY_BINDING });
    try {
      const response = await byBinding.dispatchFetch('http://backbeat.test/admin', { headers: NAVIGATION });
      expect([response.status, await response.text()]).toEqual([
        200,
        readFileSync(join(page.outDir, 'admin.html'), 'utf8'),
      ]);
      expect(response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; .*; frame-ancestors 'none'$/,
      );
    } finally {
      await byBinding.dispose();
    }
  });

  it('serves neither _headers nor a file that isn’t there: the Worker is asked', async () => {
    for (const path of ['/_headers', '/assets/main-00000000.js', '/nothing']) {
      expect(await (await get(path)).text(), path).toBe(`worker: ${path}`);
    }
  });
});

describe('what is always the Worker’s', () => {
  let server: Miniflare;

  beforeAll(() => {
    // The hardest case: a file for each path, and a page for every navigation to a path without one.
    const decoys = join(folder, 'decoys');
    for (const path of [...workerPaths(), '/other']) {
      const file = join(decoys, path.endsWith('.html') ? path : `${path}/index.html`);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, 'a file');
    }
    writeFileSync(join(decoys, 'index.html'), 'the page');
    server = serve({ directory: decoys, more: 'not_found_handling = "single-page-application"' });
  });
  afterAll(() => server.dispose());

  it.each(workerPaths())('%s, also when a browser navigates there', async (path) => {
    for (const headers of [NAVIGATION, {}]) {
      const response = await server.dispatchFetch(`http://backbeat.test${path}`, { headers });
      expect(await response.text()).toBe(`worker: ${path}`);
    }
  });

  it('is needed: every other path would be a file’s, or the page’s', async () => {
    for (const [path, answer] of [
      ['/other/', 'a file'],
      ['/nothing', 'the page'],
    ]) {
      const response = await server.dispatchFetch(`http://backbeat.test${path}`, { headers: NAVIGATION });
      expect(await response.text()).toBe(answer);
    }
  });

  it('names each path by which people and programs reach the Worker', () => {
    const patterns = readWranglerConfig().assets.run_worker_first ?? [];
    for (const path of [
      '/api/*',
      '/parties/*',
      '/auth/*',
      '/flush*',
      '/health',
      '/live',
      '/metrics',
      '/s/*',
    ]) {
      expect(patterns).toContain(path);
    }
  });
});

describe('partykit dev', () => {
  it('serves the same files, and the page keeps its policy without _headers', async () => {
    const runsIn = join(folder, 'partykit');
    mkdirSync(runsIn);
    writeFileSync(join(runsIn, 'server.ts'), 'export default class Server {}\n');
    for (const name of ['.env', '.env.local']) writeFileSync(join(runsIn, name), '');
    const config = join(runsIn, 'partykit.json');
    const served = { name: 'page', main: join(runsIn, 'server.ts'), serve: { path: '../page' } };
    writeFileSync(config, JSON.stringify({ ...served, compatibilityDate: '2024-07-18' }));
    const port = await randomPort();
    let log = '';
    const server = ManagedProcess.spawn(
      {
        file: process.execPath,
        args: [
          ...[commandScript('partykit'), 'dev', '--config', config, '--port', String(port)],
          ...['--disable-request-cf-fetch', '--no-hotkeys'],
        ],
        cwd: runsIn,
        env: { PATH: process.env.PATH ?? '', HOME: runsIn, CI: 'true', NO_UPDATE_NOTIFIER: '1' },
      },
      (line) => {
        log += `${line}\n`;
      },
    );
    const url = `http://127.0.0.1:${port}`;
    try {
      await untilUp(server, url).catch((cause: unknown) => {
        throw new Error(log, { cause });
      });
      const html = await (await fetch(url, { headers: NAVIGATION })).text();
      expect(html).toBe(indexHtml());
      expect(html).toContain(
        "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self'",
      );
      const player = await fetch(`${url}/player/`);
      expect(await player.text()).toBe(readFileSync(join(page.outDir, 'player/index.html'), 'utf8'));
      for (const path of references()) {
        const response = await fetch(`${url}${path}`);
        expect(response.status, path).toBe(200);
        expect(Buffer.from(await response.arrayBuffer())).toEqual(readFileSync(join(page.outDir, path)));
      }
    } finally {
      await server.end('SIGTERM', 'tree', 3_000);
    }
  });
});
