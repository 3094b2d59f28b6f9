/** The platforms' own CLIs, in the versions that are installed, against loopback servers: what really arrives, and how large it is. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BUDGET_BYTES, bundleLine, makeBundles, PLATFORM_LIMIT_BYTES } from '../../deploy/bundles.ts';
import { explainMigration, migrate, migrateCommand } from '../../deploy/database.ts';
import { Masker } from '../../deploy/masking.ts';
import { PreviewName } from '../../deploy/names.ts';
import { deleteRooms, deployRooms, problemWithPartykit } from '../../deploy/partykit.ts';
import { LOOPBACK_LOGIN, PartykitLoopback } from '../../deploy/partykit-loopback.ts';
import { PrivateFolder } from '../../deploy/private-files.ts';
import { type CommandRunner, Runner } from '../../deploy/runner.ts';
import { deleteWorker, deployWorker, problemWithCloudflare } from '../../deploy/wrangler.ts';
import { applyMigrations } from '../../dev/migrate.ts';
import { PROJECT_DIR } from '../../dev/project.ts';
import { ACCOUNT_ID, API_TOKEN, CloudflareStandIn } from '../support/cloudflare-api.ts';
import { startNeonProcess } from '../support/neon-process.ts';

const NAMES = { worker: 'backbeat', room: 'backbeat' };
const PREVIEW = PreviewName.ofBranch('feature/x', NAMES);
const SECRET = 'a-jwt-secret-of-the-tests';
const VALUES = {
  JWT_SECRET: SECRET,
  DATABASE_URL: 'postgres://u:p@db.invalid/d',
  KEY_PREFIX: PREVIEW.keyPrefix,
};

/** Where no database answers. */
const NOWHERE = 'postgres://u:p@127.0.0.1:1/d';

let home: string;
let cloudflare: CloudflareStandIn;
let partykit: PartykitLoopback;
let shown = '';

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'backbeat-home-'));
  cloudflare = await CloudflareStandIn.start();
  partykit = await PartykitLoopback.start();
});
afterAll(async () => {
  await cloudflare.stop();
  await partykit.stop();
  rmSync(home, { recursive: true });
});

const environment = () => ({
  PATH: [join(PROJECT_DIR, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
  HOME: home,
  CLOUDFLARE_API_BASE_URL: cloudflare.url,
  PARTYKIT_API_BASE: partykit.url,
});

async function withRunner<T>(use: (runner: Runner) => Promise<T>): Promise<T> {
  mkdirSync(join(home, 'tmp'), { recursive: true });
  const folder = new PrivateFolder(join(home, 'tmp'));
  const masker = new Masker();
  for (const secret of [SECRET, VALUES.DATABASE_URL, API_TOKEN]) masker.add(secret);
  const note = (line: string) => {
    shown += `${line}\n`;
  };
  try {
    return await use(new Runner({ env: environment(), folder, masker, note }));
  } finally {
    folder.remove();
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain(VALUES.DATABASE_URL);
  }
}

describe('wrangler', () => {
  const access = { apiToken: API_TOKEN, accountId: ACCOUNT_ID };

  it('deploys the Worker with secrets, variables and cron in one version, tells its URL, and deletes it', async () => {
    await withRunner(async (runner) => {
      expect(await problemWithCloudflare(runner, access)).toBeNull();
      cloudflare.workers.set('backbeat', { bindings: [], crons: [] });
      expect(await deployWorker(runner, PREVIEW, VALUES, access)).toBe(
        `https://${PREVIEW.worker}.ada.workers.dev`,
      );
      expect(cloudflare.workers.get(PREVIEW.worker)).toEqual({
        bindings: [
          { name: 'KEY_PREFIX', type: 'plain_text', text: PREVIEW.keyPrefix },
          { name: 'JWT_SECRET', type: 'secret_text', text: SECRET },
          { name: 'DATABASE_URL', type: 'secret_text', text: VALUES.DATABASE_URL },
        ],
        crons: ['* * * * *'],
      });
      await deleteWorker(runner, PREVIEW, access);
      expect([...cloudflare.workers.keys()]).toEqual(['backbeat']);
      await deleteWorker(runner, PREVIEW, access);
    });
  });
});

describe('rolling back the Worker alone, as the guide says', () => {
  const guide = readFileSync(join(PROJECT_DIR, 'docs', 'deploy.md'), 'utf8');
  const production = { production: NAMES };
  const access = { apiToken: API_TOKEN, accountId: ACCOUNT_ID };

  /** A command of the guide, by its beginning. */
  function written(begin: string): string[] {
    const line = guide.split('\n').find((one) => one.startsWith(`npx ${begin}`)) ?? '';
    return [...line.matchAll(/"([^"]*)"|(\S+)/g)].slice(2).map(([, quoted, word]) => quoted ?? word ?? '');
  }

  it('finds the version before, and brings its variables and secrets back', async () => {
    await withRunner(async (runner) => {
      await deployWorker(runner, production, { ...VALUES, KEY_PREFIX: 'before:' }, access);
      const before = cloudflare.workers.get('backbeat')?.bindings;
      await deployWorker(runner, production, { ...VALUES, KEY_PREFIX: 'after:' }, access);
      expect(cloudflare.workers.get('backbeat')?.bindings).not.toEqual(before);
      const env = { CLOUDFLARE_API_TOKEN: API_TOKEN, CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID };
      const run = (args: string[]) => runner.run({ program: 'wrangler', args, env });
      const { stdout } = await run(written('wrangler versions list'));
      const [id = ''] = stdout.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) ?? [];
      expect(id).toBe(cloudflare.versions.get('backbeat')?.[0]?.id);
      await run(written('wrangler rollback').map((word) => (word.startsWith('0123abcd') ? id : word)));
      expect(cloudflare.workers.get('backbeat')?.bindings).toEqual(before);
    });
  });
});

describe('partykit', () => {
  const access = { login: 'loopback', token: '', own: null };
  /** The usual login asks a server on the internet; this one asks only the API. */
  const here = (runner: Runner): CommandRunner => ({
    folder: runner.folder,
    run: (command, options) => runner.run({ ...command, env: LOOPBACK_LOGIN }, options),
  });

  it('deploys rooms and page with exactly the given variables, tells their URL, and deletes a preview only', async () => {
    await withRunner(async (runner) => {
      expect(await problemWithPartykit(here(runner), access)).toBeNull();
      partykit.projects.set('backbeat', { code: '', vars: {}, assets: {} });
      expect(await deployRooms(here(runner), PREVIEW, VALUES, access)).toBe(
        `https://${PREVIEW.room}.backbeat.loopback.partykit.dev`,
      );
      const key = `backbeat?preview=${PREVIEW.room}`;
      expect([...partykit.projects.keys()]).toEqual(['backbeat', key]);
      const deployed = partykit.projects.get(key);
      expect(deployed?.vars).toEqual(VALUES);
      expect(Object.keys(deployed?.assets ?? {})).toEqual(
        expect.arrayContaining(['index.html', 'style.css', 'dist/main.js']),
      );
      // Not in the bundle, nor in the page: only in the variables.
      expect(deployed?.code).not.toContain(SECRET);
      await deleteRooms(here(runner), PREVIEW, access);
      await deleteRooms(here(runner), PREVIEW, access);
      expect([...partykit.projects.keys()]).toEqual(['backbeat']);
    });
  });
});

describe('drizzle-kit', () => {
  it('migrates a new database, leaves a migrated one, and one that is ahead, as after a rollback', async () => {
    const database = await startNeonProcess({ PGLITE_DIR: 'memory' });
    try {
      await withRunner(async (runner) => {
        const migrate = migrateCommand(database.databaseUrl);
        await runner.run(migrate);
        await runner.run(migrate);
        await runner.run({ ...migrate, args: ['migrate', '--config', olderMigrations()] });
      });
      // What the local stack does finds nothing left to do: both keep the same journal.
      await applyMigrations(database.databaseUrl);
    } finally {
      await database.stop();
    }
  });

  it('fails without a word; the reason is told all the same', async () => {
    await withRunner(async (runner) => {
      await expect(runner.run(migrateCommand(NOWHERE))).rejects.not.toThrow('ECONNREFUSED');
      const failed = migrate({ runner, explainMigration }, NOWHERE);
      await expect(failed).rejects.toThrow(
        /can't be applied: .*ECONNREFUSED[\s\S]*drizzle-kit migrate failed with 1/,
      );
    });
  });

  /** A configuration that knows only the first migration, as an older release's does. */
  function olderMigrations(): string {
    const folder = join(home, 'older');
    cpSync(join(PROJECT_DIR, 'drizzle'), folder, { recursive: true });
    const path = join(folder, 'meta', '_journal.json');
    const journal = z
      .looseObject({ entries: z.array(z.unknown()) })
      .parse(JSON.parse(readFileSync(path, 'utf8')));
    writeFileSync(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, 1) }));
    const config = join(home, 'drizzle.config.ts');
    const url = 'process.env.DATABASE_URL';
    const fields = `dialect: 'postgresql', out: ${JSON.stringify(folder)}, dbCredentials: { url: ${url} }`;
    writeFileSync(config, `export default { ${fields} };\n`);
    return config;
  }
});

describe('the bundles', () => {
  it('fit the platforms, with room to spare', async () => {
    const bundles = await makeBundles(environment(), () => {});
    for (const bundle of bundles) console.log(bundleLine(bundle));
    expect(bundles.map(({ name }) => name)).toEqual(['Worker', 'rooms']);
    for (const { gzipBytes } of bundles) {
      expect(gzipBytes).toBeGreaterThan(10_000);
      expect(gzipBytes).toBeLessThan(BUDGET_BYTES);
    }
    expect(BUDGET_BYTES).toBeLessThan(PLATFORM_LIMIT_BYTES);
  });
});
