/** The workflow files: checked, pinned, with few permissions, and giving the deploy what it asks for. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { PROJECT_DIR, tsxArgs } from '../dev/project.ts';
import { readPreviewSettings, readProductionSettings } from './settings.ts';

const FOLDER = join(PROJECT_DIR, '.github', 'workflows');
const files = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));
const file = (name: string) => files.find((one) => one.name === name)?.text ?? '';
const NAMES = { worker: 'backbeat' };

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

  it.each(files)('$name pins container images by digest', ({ text }) => {
    const images = [...text.matchAll(/^ +(?:container|image): (.*)$/gm)].map(([, image = '']) => image);
    for (const image of images) expect(image).toMatch(/^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
    // All jobs have the same one.
    expect(new Set(images).size).toBeLessThanOrEqual(1);
    if (text.includes('bash .ci/')) expect(images.length).toBeGreaterThan(0);
  });

  it.each(files)('$name installs what the lock file says', ({ text }) => {
    expect(text).not.toMatch(/npm (install|i)\b(?!`)/);
    for (const [, after = ''] of text.matchAll(/actions\/setup-node@.*\n(?: {8,}.*\n)*(.*)\n/g)) {
      expect(after.trim()).toBe('- run: npm ci');
    }
  });

  it.each(files)('$name may only read, unless a job says what else it needs', ({ text }) => {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n/m);
    const granted = [...text.matchAll(/^\s+([\w-]+): write$/gm)].map(([, scope]) => scope);
    expect(granted.filter((scope) => scope !== 'pull-requests')).toEqual([]);
    expect(text).not.toContain('pull_request_target');
    expect(text).toMatch(/^ {2,}cancel-in-progress: (true|false)$/m);
  });

  it('deploy.yml and preview.yml use secrets only in jobs of an environment, each of its own', () => {
    for (const [name, environment] of [
      ['deploy.yml', 'production'],
      ['preview.yml', 'preview'],
    ] as const) {
      const [, ...jobs] = file(name).split(/^ {2}(?=\w+:\n {4})/m);
      const withSecrets = jobs.filter((job) => job.includes('secrets.'));
      expect(withSecrets.length).toBeGreaterThan(0);
      for (const job of withSecrets) {
        expect(job).toMatch(
          new RegExp(`^ {4}environment:(?: ${environment}|\\n {6}name: ${environment})\\n`, 'm'),
        );
      }
    }
    expect(file('ci.yml')).not.toContain('secrets.');
  });

  it.each([
    { rules: 'branch_policy required_reviewers', review: '', status: 0, says: 'has required reviewers' },
    { rules: 'required_reviewers', review: 'none', status: 0, says: 'has required reviewers' },
    { rules: 'branch_policy', review: '', status: 1, says: '::error::' },
    { rules: '', review: '', status: 1, says: 'no required reviewers' },
    { rules: '', review: 'none', status: 0, says: '::warning::' },
    // An environment that isn't there, or an API that is out of reach.
    { rules: null, review: 'none', status: 4, says: '' },
  ])(
    'deploy.yml: rules $rules and BACKBEAT_REVIEW=$review end with $status',
    ({ rules, review, status, says }) => {
      const [, job = ''] = /^ {2}reviewed:\n([\s\S]*?)^ {2}\w+:\n/m.exec(file('deploy.yml')) ?? [];
      const [, block = ''] = /run: \|\n([\s\S]*)$/.exec(job) ?? [];
      const folder = mkdtempSync(join(tmpdir(), 'backbeat-gh-'));
      const answer = rules === null ? 'exit 4' : `echo '${rules}'`;
      writeFileSync(join(folder, 'gh'), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
      // As GitHub runs it.
      const ran = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', block], {
        encoding: 'utf8',
        env: {
          PATH: `${folder}:${process.env.PATH}`,
          ENVIRONMENT: 'repos/a/b/environments/production',
          REVIEW: review,
        },
      });
      rmSync(folder, { recursive: true });
      expect(ran).toMatchObject({ status, stdout: expect.stringContaining(says) });
    },
  );

  it('deploy.yml deploys only after CI and after that check', () => {
    expect(file('deploy.yml')).toMatch(/^ {2}deploy:\n {4}needs: \[ci, reviewed\]\n/m);
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
    // On newer versions of Node.js, a smaller one.
    expect(file('ci.yml')).toContain('run: bash .ci/node-versions "$NODE"\n');
    expect(file('ci.yml')).toMatch(/^ {8}node: \[22, 24\]$/m);
    for (const [, script = ''] of file('ci.yml').matchAll(/bash (\.ci\/[\w-]+)/g)) {
      expect(existsSync(join(PROJECT_DIR, script))).toBe(true);
      expect(statSync(join(PROJECT_DIR, script)).mode & 0o111).not.toBe(0);
      expect(spawnSync('bash', ['-n', join(PROJECT_DIR, script)]).status).toBe(0);
    }
  });
});
