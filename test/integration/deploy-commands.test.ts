/** The command lines around the plans: dry runs, list and gc, what a killed run leaves. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PreviewName } from '../../deploy/names.ts';
import { identify } from '../../dev/process-table.ts';
import { PROJECT_DIR, tsxArgs } from '../../dev/project.ts';
import { DeployScene, SECRETS } from '../support/deploy-scene.ts';
import { WAIT } from '../support/wait.ts';

let scene: DeployScene;
beforeEach(async () => {
  scene = await DeployScene.start();
});
afterEach(() => scene.stop());

describe('a dry run', () => {
  const commands = ['up --branch feature/x', 'down --branch feature/x', 'list', 'gc'];

  it('shows every command of a deploy and does nothing, with all accounts and with none', async () => {
    for (const env of [scene.production, { PATH: scene.env.PATH ?? '' }]) {
      scene.shown = '';
      await scene.deploy(['--dry-run'], env);
      for (const line of [
        '$ npx drizzle-kit migrate --config drizzle.config.ts',
        '$ npx wrangler deploy --config wrangler.toml --name backbeat',
        'POST https://backbeat.<your-subdomain>.workers.dev/flush/<session>, with FLUSH_SECRET',
      ]) {
        expect(scene.shown).toContain(line);
      }
    }
    expect(scene.shown).toContain('- DATABASE_URL: missing');
    expect(scene.shown).toContain('DATABASE_URL=<DATABASE_URL>');
    expect(scene.hasSecret(scene.shown)).toBe(false);
    expect(scene.clis.calls()).toEqual([]);
  });

  it.each(commands)('shows every command of preview %s and does nothing', async (command) => {
    for (const env of [scene.env, { PATH: scene.env.PATH ?? '' }]) {
      scene.shown = '';
      await scene.preview([...command.split(' '), '--dry-run'], env);
      const name = scene.name('feature/x');
      const lines = {
        up: [
          `if it isn't there: a copy of the default branch, with a compute`,
          `$ npx wrangler deploy --config <wrangler.json> --name ${name.worker} --var KEY_PREFIX:${name.keyPrefix}`,
          'wrangler.toml under the name of the preview, without its routes and its cron',
        ],
        down: [`$ npx wrangler delete ${name.worker} --force`, `SCAN MATCH ${name.keyPrefix}*`, 'DELETE '],
        list: ['$ git ls-remote --heads -- origin'],
        gc: ['$ git ls-remote --heads -- origin', '$ npx wrangler delete backbeat-pv-'],
      };
      const [action] = command.split(' ');
      for (const [key, expected] of Object.entries(lines)) {
        if (key === action) for (const line of expected) expect(scene.shown).toContain(line);
      }
      expect(scene.hasSecret(scene.shown)).toBe(false);
    }
    expect(scene.shown).toContain('- NEON_API_KEY: missing');
    expect(scene.clis.calls()).toEqual([]);
    expect(scene.neon.requests).toEqual([]);
  });
});

describe('list and gc', () => {
  let remote: string;
  const git = (...args: string[]) => execFileSync('git', ['-C', remote, ...args], { stdio: 'pipe' });

  beforeEach(() => {
    remote = join(scene.folder, 'remote');
    execFileSync('git', ['init', '--quiet', '--initial-branch', 'main', remote]);
    const author = ['-c', 'user.name=ada', '-c', 'user.email=ada@example.com'];
    git(...author, 'commit', '--quiet', '--allow-empty', '--message', 'one');
  });

  /** All that `up` makes. */
  async function make(branch: string): Promise<PreviewName> {
    const name = scene.name(branch);
    scene.neon.addBranch(name.database);
    const { platform } = scene.clis;
    platform.workers[name.worker] = { vars: {}, secrets: {}, crons: [] };
    scene.clis.platform = platform;
    for (let i = 0; i < 3; i++) await scene.redis('SET', `${name.keyPrefix}s:${i}`, '1');
    return name;
  }

  it('gc removes the previews whose branch is gone, and nothing else', async () => {
    git('branch', 'feature/kept');
    const kept = await make('feature/kept');
    const gone = await make('feature/gone');
    const half = scene.name('feature/only-keys-are-left');
    await scene.redis('SET', `${half.keyPrefix}dirty`, '1');
    // Of others in the same accounts, named like ours as far as can be.
    const others = ['backbeat-pv/no-hash', 'preview/feature-gone-0123456789', 'other-pv/x-0123456789'];
    for (const name of others) scene.neon.addBranch(name);
    const otherKeys = ['bb:dirty', 'backbeat-pv:no-hash:dirty', 'other-pv:x-0123456789:dirty'];
    for (const key of otherKeys) await scene.redis('SET', key, '1');
    const { platform } = scene.clis;
    platform.workers.backbeat = { vars: {}, secrets: {}, crons: ['* * * * *'] };
    scene.clis.platform = platform;

    await scene.preview(['gc', '--remote', remote]);
    expect(scene.neon.names()).toEqual([...others, kept.database, 'production'].sort());
    expect(Object.keys(scene.clis.platform.workers).sort()).toEqual(['backbeat', kept.worker]);
    const keys = await scene.redis('KEYS', '*');
    expect(keys).toHaveLength(otherKeys.length + 3);
    expect(keys).toEqual(expect.arrayContaining([...otherKeys, `${kept.keyPrefix}s:0`]));
    expect(scene.shown).toContain(`${gone.id}: its branch is gone`);
    await scene.preview(['gc', '--remote', remote]);
    expect(scene.shown).toContain('Every preview has its branch.');
  });

  it('gc goes on after one that fails, and tells of it', async () => {
    const stuck = await make('a-stuck-one');
    const gone = await make('b-gone');
    scene.clis.setFaults({ on: `delete ${stuck.worker}`, when: 'before', times: 1 });
    await expect(scene.preview(['gc', '--remote', remote])).rejects.toThrow(`${stuck.id}: delete the Worker`);
    expect(scene.neon.names()).toEqual([stuck.database, 'production']);
    expect(Object.keys(scene.clis.platform.workers)).toEqual([stuck.worker]);
    expect(Object.keys(scene.clis.platform.workers)).not.toContain(gone.worker);
  });

  it('gc removes nothing when the branches can’t be learned', async () => {
    const name = await make('feature/x');
    const empty = join(scene.folder, 'empty');
    execFileSync('git', ['init', '--quiet', '--bare', empty]);
    await expect(scene.preview(['gc', '--remote', empty])).rejects.toThrow('no branch at all');
    await expect(scene.preview(['gc', '--remote', join(scene.folder, 'nowhere')])).rejects.toThrow('git');
    await expect(scene.preview(['gc', '--remote=--upload-pack=touch'])).rejects.toThrow();
    expect(scene.neon.names()).toEqual([name.database, 'production']);
  });

  it('list shows what there is', async () => {
    await scene.preview(['list', '--remote', remote]);
    expect(scene.shown).toContain('There are no previews.');
    git('branch', 'feature/kept');
    const kept = await make('feature/kept');
    const half = scene.name('feature/only-keys-are-left');
    await scene.redis('SET', `${half.keyPrefix}dirty`, '1');
    await scene.preview(['list', '--remote', remote]);
    expect(scene.shown).toContain(
      `${kept.id}  branch feature/kept, database since 2026-01-02T03:04:05Z, has keys\n`,
    );
    expect(scene.shown).toContain(`${half.id}  its branch is gone, no database, has keys\n`);
  });
});

describe('what is written for a CI step', () => {
  it('has the URL, and nothing that a branch’s name could smuggle in', async () => {
    const branch = 'x`](https://evil.example)`';
    const output = join(scene.folder, 'comment.md');
    const outputs = join(scene.folder, 'outputs');
    await scene.preview(['up', '--branch', branch, '--output', output], {
      ...scene.env,
      GITHUB_OUTPUT: outputs,
    });
    const name = scene.name(branch);
    expect(readFileSync(outputs, 'utf8')).toBe(`url=https://${name.worker}.loopback.workers.dev\n`);
    const comment = readFileSync(output, 'utf8');
    expect(comment).toContain('**Preview of `x](https://evil.example)`**');
    expect(comment).toContain(`| Page | https://${name.worker}.loopback.workers.dev/ |`);
  });
});

describe('a run that is stopped', () => {
  /** Stops one while wrangler runs. @returns its exit code and wrangler's process. */
  async function stopBy(signal: NodeJS.Signals): Promise<{ code: number | null; wranglerPid: number }> {
    scene.clis.setFaults({ on: 'wrangler deploy', when: 'hang', times: 1 });
    const args = [...tsxArgs('deploy/preview-main.ts'), 'up', '--branch', 'feature/x'];
    const child = spawn(process.execPath, args, { cwd: PROJECT_DIR, env: scene.env });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    await vi.waitUntil(() => shown.includes('hanging'), WAIT);
    // The secrets are there for wrangler now.
    const [folder = ''] = scene.leftovers();
    const path = join(scene.folder, 'tmp', folder);
    expect(readFileSync(join(path, 'secrets.json'), 'utf8')).toContain(SECRETS.redis);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('700');
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    expect(scene.hasSecret(shown)).toBe(false);
    return { code: child.exitCode, wranglerPid: scene.clis.calls().at(-1)?.pid ?? 0 };
  }

  it('by a signal ends what it runs and leaves no file', async () => {
    const { code, wranglerPid } = await stopBy('SIGTERM');
    expect(code).toBe(143);
    expect(scene.leftovers()).toEqual([]);
    await vi.waitUntil(() => identify(wranglerPid) === null, WAIT);
  });

  it('while it waits for new host names ends at once', async () => {
    const args = [...tsxArgs('deploy/preview-main.ts'), 'up', '--branch', 'feature/x'];
    const child = spawn(process.execPath, args, { cwd: PROJECT_DIR, env: scene.env });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    await vi.waitUntil(() => shown.includes('is not up yet'), WAIT);
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect(shown).toContain('SIGINT: the smoke test removes what it has made; once more to leave it there');
    expect(scene.leftovers()).toEqual([]);
  });

  it('by a kill leaves a folder that nobody else can enter; the next run removes it', async () => {
    const { wranglerPid } = await stopBy('SIGKILL');
    // No process is left to end it.
    process.kill(wranglerPid, 'SIGKILL');
    expect(scene.leftovers()).toHaveLength(1);
    await scene.deploy(['--dry-run']);
    expect(scene.leftovers()).toEqual([]);
  });
});
