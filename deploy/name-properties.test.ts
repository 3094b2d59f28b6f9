/** What holds of a preview's names for any branch that git takes, and of the commands that are given them. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storageSchema } from '../src/config.ts';
import type { Command } from './command.ts';
import { PreviewName, type ProductionNames } from './names.ts';
import { deleteWorkerCommand, deployWorkerCommand } from './wrangler.ts';

/** A label of a host name (RFC 1035). */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const PRODUCTION: ProductionNames = { worker: 'backbeat' };
const PLATFORMS = ['worker', 'database', 'keyPrefix'] as const;

/** What git-check-ref-format(1) asks of what stands between two slashes. */
const isComponent = (text: string) =>
  text !== '' &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them.
  !/[\x00-\x20\x7f~^:?*[\\/]|\.\.|@\{|^\.|\.lock$|\.$/.test(text) &&
  text.isWellFormed();

const component = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(...'aB0-_.@#é日🎉'), minLength: 1, maxLength: 80 }),
    // Longer than any name shows of it.
    fc.string({ unit: fc.constantFrom(...'abc0-'), minLength: 40, maxLength: 80 }),
    fc.constantFrom(
      'feature',
      'FEATURE',
      'refs',
      'heads',
      '-',
      '--',
      'pv',
      'backbeat-pv',
      'HEAD',
      '$(id)',
      '`x`',
      "';",
    ),
  )
  .filter(isComponent);

/** Any name of a branch: no longer than a file system lets git keep it. */
const branches = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter((name) => name !== '@' && Buffer.byteLength(name) <= 240);

/** Two names that people would mix up. */
const alike = branches.chain((branch) =>
  fc.tuple(
    fc.constant(branch),
    fc.oneof(
      branches,
      fc.constantFrom(
        branch.toUpperCase(),
        branch.toLowerCase(),
        branch.normalize('NFD'),
        branch.normalize('NFKC'),
        branch.replace(/[/_.]/g, '-'),
        `${branch}-`,
        `-${branch}`,
        `${branch}/x`,
        `refs/heads/${branch}`,
        `${branch}${'a'.repeat(30)}`,
      ),
    ),
  ),
);

/** Any name that wrangler.toml may have. */
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/).filter((text) => LABEL.test(text));
const productions = fc.record({ worker: label });

describe('for any branch', () => {
  it('the generator makes what git takes', () => {
    for (const branch of fc.sample(branches, { numRuns: 100, seed: 1 })) {
      expect(() => execFileSync('git', ['check-ref-format', `refs/heads/${branch}`])).not.toThrow();
    }
  });

  it('the names are valid on each platform, and always the same', () => {
    fc.assert(
      fc.property(branches, productions, (branch, production) => {
        const name = PreviewName.ofBranch(branch, production);
        expect(name.worker).toMatch(LABEL);
        // Neon takes 256 characters of nearly any kind; these need no quoting anywhere.
        expect(name.database).toMatch(/^[a-z0-9-]+-pv\/[a-z0-9-]+$/);
        expect(name.database.length).toBeLessThanOrEqual(63);
        expect(storageSchema.shape.KEY_PREFIX.parse(name.keyPrefix)).toBe(name.keyPrefix);
        const again = PreviewName.ofBranch(branch, { ...production });
        for (const kind of PLATFORMS) expect(again[kind]).toBe(name[kind]);
      }),
    );
  });

  it('another branch has other names, and no key of it begins with those of this one', () => {
    fc.assert(
      fc.property(alike, ([one, two]) => {
        fc.pre(one !== two);
        const [a, b] = [one, two].map((branch) => PreviewName.ofBranch(branch, PRODUCTION));
        for (const kind of PLATFORMS) expect(a?.[kind]).not.toBe(b?.[kind]);
        expect(a?.keyPrefix.startsWith(b?.keyPrefix ?? '')).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('the preview is found again by its database branch and by each of its keys', () => {
    fc.assert(
      fc.property(branches, productions, fc.string(), (branch, production, rest) => {
        const { id, database, keyPrefix } = PreviewName.ofBranch(branch, production);
        expect(PreviewName.ofPlatformName(database, production)?.id).toBe(id);
        expect(PreviewName.ofPlatformName(`${keyPrefix}${rest}`, production)?.id).toBe(id);
      }),
    );
  });
});

describe('production', () => {
  const access = { apiToken: null, accountId: null };
  const words = ({ args }: Command) => args.filter((arg) => typeof arg === 'string');
  const following = (args: string[], flag: string) => args[args.indexOf(flag) + 1];

  it('is named by no command of a preview, whatever the branch and whatever production is called', () => {
    fc.assert(
      fc.property(branches, productions, (branch, production) => {
        const name = PreviewName.ofBranch(branch, production);
        const [remove] = [words(deleteWorkerCommand(name, access))];
        expect(remove.slice(0, 2)).toEqual(['delete', name.worker]);
        // Outside of the project's folder no wrangler.toml lends another name.
        expect(deleteWorkerCommand(name, access).cwd).toBe('private');
        const deploy = words(deployWorkerCommand(name, {}, access, '/tmp'));
        expect(following(deploy, '--name')).toBe(name.worker);
        expect(deploy).not.toContain('wrangler.toml');
        expect(name.worker).not.toBe(production.worker);
        expect(name.keyPrefix.startsWith('bb:')).toBe(false);
      }),
    );
  });

  it('can’t be handed to what removes a preview', () => {
    const like = { id: 'x', worker: 'backbeat', database: 'main', keyPrefix: 'bb:' };
    // @ts-expect-error only PreviewName itself makes one
    const name: PreviewName = like;
    expect(name).not.toBeInstanceOf(PreviewName);
    // @ts-expect-error nor can it be made of any text; if it were, it would still be marked as a preview's
    expect(new PreviewName('backbeat', PRODUCTION).worker).toBe('backbeat-pv-backbeat');
  });
});
