/**
 * docs/deploy.md: every command in it exists, with the flags it is given, in the versions that are installed.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Command } from '../../deploy/command.ts';
import { migrateCommand } from '../../deploy/database.ts';
import { DRAIN_USAGE } from '../../deploy/drain.ts';
import { PreviewName } from '../../deploy/names.ts';
import { DEPLOY_USAGE, PREVIEW_USAGE } from '../../deploy/options.ts';
import { readPreviewSettings, readProductionSettings } from '../../deploy/settings.ts';
import { deleteWorkerCommand, deployWorkerCommand, whoamiCommand } from '../../deploy/wrangler.ts';
import { commandScript, PROJECT_DIR } from '../../dev/project.ts';

const run = promisify(execFile);
const text = readFileSync(join(PROJECT_DIR, 'docs', 'deploy.md'), 'utf8');
const scripts = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8'))).scripts;

/** Programs whose subcommands are two words. */
const TWO_WORDS = /^(secret|versions)$/;

interface Used {
  program: string;
  /** `versions list`, say. */
  subcommand: string;
  flags: string[];
  /** What stands before the flags. */
  positionals: string[];
}

function used(program: string, words: readonly string[]): Used {
  const [first = '', second = ''] = words;
  const subcommand = TWO_WORDS.test(first) ? `${first} ${second}` : first;
  const rest = words.slice(subcommand.split(' ').length);
  const firstFlag = rest.findIndex((word) => word.startsWith('-'));
  return {
    program,
    subcommand,
    flags: rest
      .filter((word) => word.startsWith('--') && word !== '--')
      .map((flag) => flag.split('=')[0] ?? ''),
    positionals: firstFlag === -1 ? rest : rest.slice(0, firstFlag),
  };
}

/** What the guide tells people to type. */
const written = [...text.matchAll(/(?:npx |node_modules\/\.bin\/)(wrangler|drizzle-kit) ([^`\n]+)/g)].map(
  ([, program = '', rest = '']) => used(program, rest.trim().split(/\s+/)),
);

/** What the code runs. */
function ran(): Used[] {
  const names = { worker: 'w' };
  const name = PreviewName.ofBranch('x', names);
  const values = { KEY_PREFIX: 'p:', JWT_SECRET: 's' };
  const account = { apiToken: 't', accountId: 'a' };
  const commands: Command[] = [
    deployWorkerCommand({ production: names }, values, account, '/tmp'),
    deleteWorkerCommand(name, account),
    whoamiCommand(account),
    deployWorkerCommand(name, values, account, '/tmp'),
    migrateCommand('postgres://u:p@h/d'),
    { program: 'wrangler', args: ['deploy', '--dry-run', '--outdir'] },
  ];
  return commands.map(({ program, args }) =>
    used(
      program,
      args.filter((arg) => typeof arg === 'string'),
    ),
  );
}

describe('the guide and the code', () => {
  const helps = new Map<string, string>();
  let home: string;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'backbeat-help-'));
    const wanted = new Set(
      [...written, ...ran()].map(({ program, subcommand }) => `${program} ${subcommand}`),
    );
    const queue = [...wanted];
    // Two at a time: each starts a large program.
    const work = async () => {
      for (let command = queue.shift(); command !== undefined; command = queue.shift()) {
        const [program = '', ...words] = command.split(' ');
        const args = [commandScript(program), ...words, '--help'];
        const { stdout } = await run(process.execPath, args, {
          cwd: home,
          env: {
            PATH: process.env.PATH,
            HOME: home,
            CI: 'true',
            NO_UPDATE_NOTIFIER: '1',
            WRANGLER_SEND_METRICS: 'false',
          },
        });
        helps.set(command, stripVTControlCharacters(stdout));
      }
    };
    await Promise.all([work(), work()]);
  });
  afterAll(() => rmSync(home, { recursive: true }));

  it.each([
    { name: 'the guide', list: written },
    { name: 'the code', list: ran() },
  ])('$name: every command and flag is in the CLIs’ own --help', ({ list }) => {
    expect(list.length).toBeGreaterThan(5);
    for (const { program, subcommand, flags, positionals } of list) {
      const help = helps.get(`${program} ${subcommand}`) ?? '';
      // A word that is no subcommand gets the help of what is above it.
      expect(help).toMatch(
        new RegExp(`${program} (?:\\w+\\|)?${subcommand.replace('deploy', 'deploy(\\|publish)?')}\\b`),
      );
      for (const flag of flags) {
        // As a flag of its own, not as another's beginning.
        expect(help, `${program} ${subcommand} ${flag}`).toMatch(
          new RegExp(`(^|[\\s,])${flag}(?=[\\s,]|$)`, 'm'),
        );
      }
      const [usage = ''] = help.split('\n').filter((line) => line.includes(`${program} `));
      const places = usage.match(/[<[](?!options|flags)[\w-]+[>\]]/g) ?? [];
      expect(places.length, `${program} ${subcommand} ${positionals.join(' ')}`).toBeGreaterThanOrEqual(
        positionals.length,
      );
    }
  });

  const usages: Record<string, string> = { deploy: DEPLOY_USAGE, drain: DRAIN_USAGE };

  it('the guide: every script, flag and file of ours is there', () => {
    for (const [, script = '', rest = ''] of text.matchAll(/npm run ([\w:-]+)([^`\n]*)/g)) {
      expect(Object.keys(scripts)).toContain(script);
      const usage = usages[script] ?? PREVIEW_USAGE;
      for (const [flag] of rest.matchAll(/--[a-z][a-z-]+/g)) expect(usage).toContain(flag);
      for (const [, action = ''] of rest.matchAll(/ -- (\w+)(?![\w:])/g))
        expect(usage).toContain(`  ${action} `);
    }
    for (const [, path = ''] of text.matchAll(
      /`((?:src|test|docs|deploy|\.github)\/[\w./-]+\.(?:ts|md|yml))`/g,
    )) {
      expect(existsSync(join(PROJECT_DIR, path)), path).toBe(true);
    }
    for (const [, name = ''] of text.matchAll(/`([\w-]+\.test\.ts)`/g)) {
      expect(existsSync(join(dirname(new URL(import.meta.url).pathname), name)), name).toBe(true);
    }
  });

  it('the guide: names every variable that a deploy and a preview can’t do without', () => {
    const names = { worker: 'w' };
    const problems = [
      ...readProductionSettings({}, names).problems,
      ...readPreviewSettings({}, names, { isUp: true }).problems,
    ];
    for (const { variable } of problems) expect(text).toMatch(new RegExp(`^${variable}=`, 'm'));
  });

  it('the guide: names each check, variable and secret of the workflows that people set', () => {
    for (const name of ['deploy.yml', 'preview.yml']) {
      const workflow = readFileSync(join(PROJECT_DIR, '.github', 'workflows', name), 'utf8');
      for (const [, variable = ''] of workflow.matchAll(/\b(?:vars|secrets)\.(\w+)/g)) {
        // A preview's are its variables with a prefix.
        expect(text).toMatch(new RegExp(`\\b${variable.replace(/^PREVIEW_(?=\w+_API_KEY$)/, '')}\\b`));
      }
    }
    expect(text).toContain('`reviewed`');
  });

  it('the guide: each link to a section of its own leads to one', () => {
    const sections = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/\s/g, '-'),
    );
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).toBeGreaterThan(3);
    for (const anchor of links) expect(sections).toContain(anchor);
  });
});
