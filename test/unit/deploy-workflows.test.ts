/** The workflow files: checked, pinned, with few permissions, and giving the deploy what it asks for. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPreviewSettings, readProductionSettings } from '../../deploy/settings.ts';
import { PROJECT_DIR, tsxArgs } from '../../dev/project.ts';

const FOLDER = join(PROJECT_DIR, '.github', 'workflows');
const files = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));
const file = (name: string) => files.find((one) => one.name === name)?.text ?? '';
const NAMES = { worker: 'backbeat', room: 'backbeat' };

/** What is missing where nothing is given at all. */
const required = (problems: { variable: string }[]) => problems.map(({ variable }) => variable);

describe('workflows', () => {
  it('are the three', () => {
    expect(files.map(({ name }) => name).sort()).toEqual(['ci.yml', 'deploy.yml', 'preview.yml']);
  });

  it('pass the checks of GitHub’s own language service, which finds what is wrong', {
    timeout: 60_000,
  }, () => {
    const lint = (...paths: string[]) =>
      spawnSync(process.execPath, [...tsxArgs('deploy/lint-workflows.ts'), ...paths], { encoding: 'utf8' });
    const right = lint();
    expect(right).toMatchObject({ stdout: '3 workflow files, 0 problems\n', status: 0 });

    const folder = mkdtempSync(join(tmpdir(), 'backbeat-workflow-'));
    const job = `needs: nobody\n    runs-on: x\n    steps:\n      - run: $\{{ nothing.x }}\n        bogus: 1`;
    const path = join(folder, 'wrong.yml');
    writeFileSync(path, file('ci.yml').replace(/^jobs:$/m, `jobs:\n  x:\n    ${job}`));
    const wrong = lint(path);
    rmSync(folder, { recursive: true });
    expect(wrong.status).toBe(1);
    for (const what of [
      "Unrecognized named-value: 'nothing'",
      "Unexpected value 'bogus'",
      "Job 'x' depends on unknown job 'nobody'.",
    ]) {
      expect(wrong.stdout).toContain(what);
    }
  });

  it.each(files)('$name pins actions by commit and names their versions', ({ text }) => {
    const uses = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));
    expect(uses.length).toBeGreaterThan(0);
    for (const line of uses) {
      expect(line).toMatch(
        /uses: (\.\/\.github\/workflows\/\S+\.yml$|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)/,
      );
    }
  });

  it.each(files)('$name may only read, unless a job says what else it needs', ({ text }) => {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n/m);
    const granted = [...text.matchAll(/^\s+([\w-]+): write$/gm)].map(([, scope]) => scope);
    expect(granted.filter((scope) => scope !== 'pull-requests')).toEqual([]);
    expect(text).not.toContain('pull_request_target');
    expect(text).toMatch(/^ {2,}cancel-in-progress: (true|false)$/m);
  });

  it('no script has anything but its own words and variables', () => {
    for (const { text } of files) {
      for (const line of text.split('\n')) if (/^\s*(- )?run:/.test(line)) expect(line).not.toContain('${{');
      // Blocks: all that is indented below `run: |`.
      for (const [block] of text.matchAll(/run: \|\n((?: {10,}.*\n?)*)/g)) expect(block).not.toContain('${{');
    }
  });

  it('give a deploy and a preview every variable that they can’t do without', () => {
    for (const name of required(readProductionSettings({}, NAMES).problems)) {
      expect(file('deploy.yml')).toMatch(
        new RegExp(`^ {10}${name}: \\$\\{\\{ (secrets|vars)\\.${name} \\}\\}$`, 'm'),
      );
    }
    const preview = file('preview.yml');
    for (const name of required(readPreviewSettings({}, NAMES, { isUp: true }).problems)) {
      expect(preview).toMatch(new RegExp(`^ +${name}: \\$\\{\\{ (secrets|vars)\\.${name} \\}\\}$`, 'm'));
    }
    // An environment's variables and secrets are known only to the steps of the jobs that name it.
    expect(`${preview}${file('deploy.yml')}`).not.toMatch(/^(?: {4})?env:/m);
    // Production's own never come near a preview.
    for (const name of ['DATABASE_URL', 'JWT_SECRET', 'FLUSH_SECRET', 'UPSTASH_REDIS_REST_TOKEN']) {
      expect(preview).not.toMatch(new RegExp(`secrets\\.${name}\\b`));
    }
  });

  it('run the same script as everywhere else', () => {
    expect(file('ci.yml')).toContain('- run: bash .ci/run\n');
    expect(file('deploy.yml')).toContain('uses: ./.github/workflows/ci.yml');
  });
});
