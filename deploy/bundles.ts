/** The bundles that the platforms get, made by the CLIs that send them, and how large they may be. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DeployError } from './errors.ts';
import { Masker } from './masking.ts';
import { deployRooms } from './partykit.ts';
import { LOOPBACK_LOGIN, PartykitLoopback } from './partykit-loopback.ts';
import { PrivateFolder } from './private-files.ts';
import { readPartykitConfig, readProductionNames } from './project-names.ts';
import { type CommandRunner, Runner } from './runner.ts';
import type { Environment } from './variables.ts';

/**
 * A Worker on Cloudflare's free plan may have 3 MB, compressed (10 MB on the paid one), and PartyKit's rooms are Workers of
 * Cloudflare. https://developers.cloudflare.com/workers/platform/limits/#worker-size
 */
export const PLATFORM_LIMIT_BYTES = 3_000_000;
/** Ours, so that it is noticed early: starting takes time by the byte, and a Worker has one second. */
export const BUDGET_BYTES = 1_000_000;

export interface Bundle {
  name: 'Worker' | 'rooms';
  bytes: number;
  /** As the limits count. */
  gzipBytes: number;
  code: string;
}

/** Makes both bundles, offline. @throws {DeployError} when one can't be made. */
export async function makeBundles(env: Environment, note: (line: string) => void): Promise<Bundle[]> {
  const folder = new PrivateFolder();
  const loopback = await PartykitLoopback.start();
  try {
    const runner = new Runner({
      env: { ...env, HOME: folder.path, PARTYKIT_API_BASE: loopback.url },
      folder,
      masker: new Masker(),
      note,
    });
    return [bundle('Worker', await workerCode(runner)), bundle('rooms', await roomsCode(runner, loopback))];
  } finally {
    await loopback.stop();
    folder.remove();
  }
}

async function workerCode(runner: Runner): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), 'backbeat-bundle-'));
  try {
    await runner.run({
      program: 'wrangler',
      args: ['deploy', '--config', 'wrangler.toml', '--dry-run', '--outdir', outdir],
    });
    const modules = readdirSync(outdir).filter((file) => /\.m?js$/.test(file));
    if (modules.length === 0) throw new DeployError('wrangler has made no bundle');
    return modules.map((file) => readFileSync(join(outdir, file), 'utf8')).join('\n');
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

async function roomsCode(runner: Runner, loopback: PartykitLoopback): Promise<string> {
  // `partykit deploy` has no dry run: it deploys to this machine.
  const here: CommandRunner = {
    folder: runner.folder,
    run: (command) => runner.run({ ...command, env: LOOPBACK_LOGIN }),
  };
  const access = { login: LOOPBACK_LOGIN.GITHUB_LOGIN, token: '', own: null };
  await deployRooms(here, { production: readProductionNames() }, {}, access);
  const deployed = loopback.projects.get(readPartykitConfig().name);
  if (!deployed) throw new DeployError('partykit has made no bundle');
  return deployed.code;
}

function bundle(name: Bundle['name'], code: string): Bundle {
  return { name, code, bytes: Buffer.byteLength(code), gzipBytes: gzipSync(code, { level: 9 }).length };
}

/** One line a bundle, for people. */
export function bundleLine({ name, bytes, gzipBytes }: Bundle): string {
  const kb = (count: number) => `${(count / 1_000).toFixed(0)} kB`;
  return `${name.padEnd(7)} ${kb(bytes)}, compressed ${kb(gzipBytes)} (budget ${kb(BUDGET_BYTES)}, platform ${kb(PLATFORM_LIMIT_BYTES)})`;
}
