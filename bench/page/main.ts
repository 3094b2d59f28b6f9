/**
 * `npm run bench:page`: when a browser first paints the start page, on a processor that is four times slower,
 * beside an empty page with the same styles. The two take turns, so that a busy machine slows both.
 */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { buildPage } from '../../deploy/build-page.ts';
import { CHROMIUM } from '../../test/browser/chromium.ts';

const LOADS = 40;
const CPU_SLOWDOWN = 4;
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

const folder = mkdtempSync(join(tmpdir(), 'backbeat-paint-'));
await buildPage({ outDir: folder, minify: true });
const start = readFileSync(join(folder, 'index.html'), 'utf8');
const [style = ''] = /<link rel="stylesheet"[^>]*>/.exec(start) ?? [];
const empty = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Empty</title>${style}</head><body><h1>Backbeat</h1></body></html>`;
const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://host').pathname;
  response.setHeader('content-type', TYPES[extname(path)] ?? 'text/html');
  if (path === '/empty') return void response.end(empty);
  if (path.startsWith('/api/')) return void response.writeHead(503).end('{}');
  if (path === '/') return void response.end(start);
  if (existsSync(join(folder, path))) response.end(readFileSync(join(folder, path)));
  else response.writeHead(404).end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const origin = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : '';
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const paints: { start: number[]; empty: number[] } = { start: [], empty: [] };
  for (let load = 0; load < LOADS; load += 1) {
    paints.empty.push(await firstPaintMs(browser, `${origin}/empty`));
    paints.start.push(await firstPaintMs(browser, `${origin}/`));
  }
  const [of, beside] = [median(paints.start), median(paints.empty)];
  process.stdout.write(
    `first contentful paint, median of ${LOADS}: ${of.toFixed(0)} ms, an empty page ${beside.toFixed(0)} ms: ${(of / beside).toFixed(2)} times\n`,
  );
} finally {
  await browser.close();
  server.close();
  rmSync(folder, { recursive: true });
}

/** In a window of its own, with nothing in its cache. */
async function firstPaintMs(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const debug = await context.newCDPSession(page);
  await debug.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN });
  await page.goto(url);
  const paintMs = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        new PerformanceObserver((list) => {
          const paint = list.getEntriesByName('first-contentful-paint')[0];
          if (paint) resolve(paint.startTime);
        }).observe({ type: 'paint', buffered: true });
      }),
  );
  await context.close();
  return paintMs;
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
