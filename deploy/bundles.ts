/**
 * The bundle that Cloudflare gets, made by the CLI that sends it; what a browser loads of each page, and of
 * the player; and how large they may be.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PROJECT_DIR } from '../dev/project.ts';
import { buildPage } from './build-page.ts';
import { buildPlayer } from './build-player.ts';
import { DeployError } from './errors.ts';
import { Masker } from './masking.ts';
import { PrivateFolder } from './private-files.ts';
import { Runner } from './runner.ts';
import type { Environment } from './variables.ts';

/**
 * A Worker on Cloudflare's free plan may have 3 MB, compressed (10 MB on the paid one).
 * https://developers.cloudflare.com/workers/platform/limits/#worker-size
 */
export const PLATFORM_LIMIT_BYTES = 3_000_000;
/** Ours, so that it is noticed early: starting takes time by the byte, and a Worker has one second. */
export const BUDGET_BYTES = 1_000_000;

export interface Bundle {
  bytes: number;
  /** As the limit counts. */
  gzipBytes: number;
  code: string;
}

/** Bundles the Worker, offline. @throws {DeployError} when that fails. */
export async function bundleWorker(env: Environment, note: (line: string) => void): Promise<Bundle> {
  const folder = new PrivateFolder();
  const outdir = mkdtempSync(join(tmpdir(), 'backbeat-bundle-'));
  try {
    const runner = new Runner({
      env: { ...env, HOME: folder.path },
      folder,
      masker: new Masker(),
      note,
    });
    await runner.run({
      program: 'wrangler',
      args: ['deploy', '--config', 'wrangler.toml', '--dry-run', '--outdir', outdir],
    });
    const modules = readdirSync(outdir).filter((file) => /\.m?js$/.test(file));
    if (modules.length === 0) throw new DeployError('wrangler has made no bundle');
    const code = modules.map((file) => readFileSync(join(outdir, file), 'utf8')).join('\n');
    return { code, bytes: Buffer.byteLength(code), gzipBytes: gzipSync(code, { level: 9 }).length };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
    folder.remove();
  }
}

/**
 * The player's script, compressed. It is loaded when a pattern is first played; nearly all that it weighs is
 * Strudel.
 */
export const PLAYER_BUDGET_BYTES = 256_000;

/** Bundles the player as `npm run build` does. */
export async function bundlePlayer(): Promise<Pick<Bundle, 'bytes' | 'gzipBytes'>> {
  const headers = readFileSync(join(PROJECT_DIR, 'src', 'client', 'static', '_headers'), 'utf8');
  const { script } = await buildPlayer(headers, true);
  return { bytes: script.length, gzipBytes: gzipSync(script, { level: 9 }).length };
}

/** One line, for people. */
export function playerLine({ bytes, gzipBytes }: Pick<Bundle, 'bytes' | 'gzipBytes'>): string {
  return `Player: ${kb(bytes)}, compressed ${kb(gzipBytes)} (budget ${kb(PLAYER_BUDGET_BYTES)})`;
}

/** One line, for people. */
export function bundleLine({ bytes, gzipBytes }: Bundle): string {
  return `Worker: ${kb(bytes)}, compressed ${kb(gzipBytes)} (budget ${kb(BUDGET_BYTES)}, platform ${kb(PLATFORM_LIMIT_BYTES)})`;
}

const kb = (count: number) => `${(count / 1_000).toFixed(0)} kB`;
/**
 * What a browser loads of each page before it shows anything, compressed: scripts, at most. A
 * phone with a slow connection (1.6 Mbit/s) gets 100 kB in half a second.
 */
export const PAGE_BUDGETS: Readonly<Record<string, number>> = {
  'index.html': 40_000,
  // With a session's part, which is loaded when one is entered.
  'a session': 190_000,
  'admin.html': 30_000,
  'pattern.html': 27_000,
};

const SESSION_SOURCE = 'src/client/page/session/session-screen.tsx';

export interface PageSize {
  name: string;
  gzipBytes: number;
}

/** Builds the pages as they are deployed, and throws them away. */
export async function measurePages(): Promise<PageSize[]> {
  const folder = mkdtempSync(join(tmpdir(), 'backbeat-page-'));
  try {
    const { loads, laterLoads } = await buildPage({ outDir: folder, minify: true });
    const session = new Set([...(loads['index.html'] ?? []), ...(laterLoads[SESSION_SOURCE] ?? [])]);
    return Object.entries({ ...loads, 'a session': [...session] }).map(([name, paths]) => {
      const scripts = paths.filter((path) => path.endsWith('.js'));
      const sizes = scripts.map((path) => gzipSync(readFileSync(join(folder, path)), { level: 9 }).length);
      return { name, gzipBytes: sizes.reduce((sum, size) => sum + size, 0) };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One line, for people. */
export function pageLine({ name, gzipBytes }: PageSize): string {
  const budget = PAGE_BUDGETS[name];
  return `${name}: compressed ${kb(gzipBytes)} (budget ${budget === undefined ? 'none' : kb(budget)})`;
}
