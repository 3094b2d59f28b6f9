/** The workflow files: checked, pinned, with few permissions, and giving the deploy what it asks for. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
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

  it('preview.yml runs one at a time for each branch of each owner, and the sweep of what is left by itself', () => {
    const [, group] = /^concurrency:\n {2}group: (.*)$/m.exec(file('preview.yml')) ?? [];
    expect(group).toMatch(/^preview-\$\{\{ github\.event\.pull_request\.head\.label \|\| 'gc' \}\}$/);
    expect(file('preview.yml')).toMatch(/^ {2}cancel-in-progress: false$/m);
    expect(file('deploy.yml')).toMatch(/^ {6}cancel-in-progress: false$/m);
  });

  it.each([
    ...['opened', 'reopened', 'synchronize'].map((action) => ({ given: { action }, jobs: ['up'] })),
    { given: { action: 'closed' }, jobs: ['down'] },
    ...['schedule', 'workflow_dispatch'].map((event_name) => ({ given: { event_name }, jobs: ['gc'] })),
    // Politely: nothing fails, and while a pull request is open a notice says why.
    ...[{ repository: 'mallory/backbeat' }, { actor: 'dependabot[bot]' }, { previews: '' }].flatMap((who) => [
      { given: { ...who, action: 'opened' }, jobs: ['skipped'] },
      { given: { ...who, action: 'closed' }, jobs: [] },
    ]),
    { given: { event_name: 'schedule', previews: '' }, jobs: [] },
  ])('preview.yml for $given runs $jobs', ({ given, jobs }) => {
    const now = {
      event_name: 'pull_request',
      action: '',
      repository: 'ada/backbeat',
      actor: 'ada',
      previews: 'on',
      ...given,
    };
    const values: Record<string, string> = {
      'github.event_name': now.event_name,
      'github.event.action': now.action,
      'github.event.pull_request.head.repo.full_name': now.repository,
      'github.repository': 'ada/backbeat',
      'github.actor': now.actor,
      'vars.BACKBEAT_PREVIEWS': now.previews,
    };
    const conditions = [
      ...file('preview.yml').matchAll(/^ {2}(\w+):\n {4}if: (?:>-\n((?: {6}.*\n)+)|(.*)\n)/gm),
    ];
    expect(conditions.map(([, job]) => job)).toEqual(['skipped', 'up', 'down', 'gc']);
    const runs = conditions.filter(([, , folded, line]) => {
      // What these expressions are made of means the same in JavaScript.
      const code = (folded ?? line ?? '').replace(/\b(?:github|vars)(?:\.\w+)+/g, (name) => {
        expect(Object.keys(values)).toContain(name);
        return JSON.stringify(values[name]);
      });
      return runInNewContext(code.replace(/\s+/g, ' '));
    });
    expect(runs.map(([, job]) => job)).toEqual(jobs);
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
