/**
 * The CLIs, in the versions that are installed, against loopback servers: what really arrives,
 * and how large it is.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BUDGET_BYTES, bundleLine, bundleWorker, PLATFORM_LIMIT_BYTES } from '../../deploy/bundles.ts';
import { explainMigration, migrate, migrateCommand } from '../../deploy/database.ts';
import { Masker } from '../../deploy/masking.ts';
import { PreviewName } from '../../deploy/names.ts';
import { PrivateFolder } from '../../deploy/private-files.ts';
import { readWranglerConfig } from '../../deploy/project-names.ts';
import { type CommandRunner, Runner } from '../../deploy/runner.ts';
import { deleteWorker, deployWorker, problemWithCloudflare } from '../../deploy/wrangler.ts';
import { applyMigrations } from '../../dev/migrate.ts';
import { startPostgres } from '../../dev/neon/real-postgres.ts';
import { PROJECT_DIR } from '../../dev/project.ts';
import { ACCOUNT_ID, API_TOKEN, CloudflareStandIn, ZONE } from '../support/cloudflare-api.ts';
import { startNeonProcess } from '../support/neon-process.ts';

const NAMES = { worker: 'backbeat' };
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
let shown = '';

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'backbeat-home-'));
  cloudflare = await CloudflareStandIn.start();
});
afterAll(async () => {
  await cloudflare.stop();
  rmSync(home, { recursive: true });
});

const environment = () => ({
  PATH: [join(PROJECT_DIR, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
  HOME: home,
  CLOUDFLARE_API_BASE_URL: cloudflare.url,
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
  const production = { production: NAMES };
  const deployed = (name: string) => {
    const worker = cloudflare.workers.get(name);
    if (!worker) throw new Error(`${name} is not deployed`);
    return worker;
  };
  const objects = [
    { name: 'ROOM', type: 'durable_object_namespace', class_name: 'SessionRoom' },
    { name: 'SWEEPER', type: 'durable_object_namespace', class_name: 'Sweeper' },
    { name: 'DESK', type: 'durable_object_namespace', class_name: 'AiDesk' },
    { name: 'ASSETS', type: 'assets' },
  ];

  it('deploys production: page, rooms, cron, variables and secrets in one version, and tells its URL', async () => {
    await withRunner(async (runner) => {
      expect(await problemWithCloudflare(runner, access)).toBeNull();
      expect(await deployWorker(runner, production, VALUES, access)).toBe('https://backbeat.ada.workers.dev');
    });
    const worker = deployed('backbeat');
    expect(worker).toMatchObject({
      crons: ['* * * * *'],
      onWorkersDev: true,
      migrationTag: 'v2',
      classes: ['SessionRoom', 'Sweeper', 'AiDesk'],
    });
    expect(worker.bindings).toEqual([
      { name: 'KEY_PREFIX', type: 'plain_text', text: PREVIEW.keyPrefix },
      { name: 'JWT_SECRET', type: 'secret_text', text: SECRET },
      { name: 'DATABASE_URL', type: 'secret_text', text: VALUES.DATABASE_URL },
      ...objects,
    ]);
    expect(cloudflare.uploads.at(-1)?.migrations).toEqual({
      new_tag: 'v2',
      steps: [{ new_sqlite_classes: ['SessionRoom', 'Sweeper'] }, { new_sqlite_classes: ['AiDesk'] }],
    });
  });

  it('uploads the page with its headers, and what is always the Worker’s', () => {
    const { assets, assetConfig, modules } = deployed('backbeat');
    const [script = ''] = /\/assets\/main-\w+\.js/.exec(assets['/index.html'] ?? '') ?? [];
    expect(Object.keys(assets)).toEqual(expect.arrayContaining(['/index.html', '/favicon.svg', script]));
    // It is read, not served.
    expect(assets).not.toHaveProperty('/_headers');
    expect(assetConfig).toMatchObject({
      _headers: expect.stringContaining("frame-ancestors 'none'"),
      run_worker_first: readWranglerConfig().assets.run_worker_first,
    });
    // A secret is neither in the page nor in the code.
    for (const text of [...Object.values(assets), ...Object.values(modules)])
      expect(text).not.toContain(SECRET);
  });

  it('deploys again: no migration twice, and no file twice', async () => {
    const before = cloudflare.requests.length;
    await withRunner(async (runner) => {
      expect(await deployWorker(runner, production, VALUES, access)).toBe('https://backbeat.ada.workers.dev');
    });
    expect(cloudflare.uploads.at(-1)?.migrations).toBeUndefined();
    // The page is the same, so Cloudflare is asked what it lacks, and is sent nothing.
    const aboutAssets = cloudflare.requests.slice(before).filter((request) => request.includes('assets'));
    expect(aboutAssets).toEqual([
      `POST /accounts/${ACCOUNT_ID}/workers/scripts/backbeat/assets-upload-session`,
    ]);
    expect(deployed('backbeat')).toMatchObject({ migrationTag: 'v2', crons: ['* * * * *'] });
    expect(cloudflare.uploads.at(-1)?.bindings).toEqual(expect.arrayContaining(objects));
  });

  it('deploys a preview beside it, with rooms of its own and without cron, and deletes only that', async () => {
    const before = { ...deployed('backbeat') };
    await withRunner(async (runner) => {
      const url = `https://${PREVIEW.worker}.ada.workers.dev`;
      expect(await deployWorker(runner, PREVIEW, VALUES, access)).toBe(url);
      const preview = deployed(PREVIEW.worker);
      expect(preview).toMatchObject({ crons: [], onWorkersDev: true, migrationTag: 'v2' });
      expect(preview.classes).toEqual(before.classes);
      expect(preview.assets).toEqual(before.assets);
      expect(preview.bindings).toEqual(expect.arrayContaining(objects));
      // One that an older release gave a cron loses it.
      preview.crons = ['* * * * *'];
      expect(await deployWorker(runner, PREVIEW, VALUES, access)).toBe(url);
      expect(deployed(PREVIEW.worker).crons).toEqual([]);
      await deleteWorker(runner, PREVIEW, access);
      expect([...cloudflare.workers.keys()]).toEqual(['backbeat']);
      await deleteWorker(runner, PREVIEW, access);
    });
    expect(deployed('backbeat')).toEqual(before);
  });

  it('tells the custom domain of a Worker that answers only there', async () => {
    const folder = join(home, 'domain');
    mkdirSync(folder, { recursive: true });
    const config = join(folder, 'wrangler.toml');
    const text = readFileSync(join(PROJECT_DIR, 'wrangler.toml'), 'utf8');
    const moved = text
      .replace(
        'workers_dev = true',
        `workers_dev = false\nroutes = [{ pattern = "jam.${ZONE}", custom_domain = true }]`,
      )
      .replace('main = "', `main = "${PROJECT_DIR}/`)
      .replace('directory = "', `directory = "${PROJECT_DIR}/`)
      .replace('[build]', `[build]\ncwd = "${PROJECT_DIR}"`);
    writeFileSync(config, moved);
    await withRunner(async (runner) => {
      const there: CommandRunner = {
        folder: runner.folder,
        run: (command) =>
          runner.run({
            ...command,
            args: command.args.map((arg) => (arg === 'wrangler.toml' ? config : arg)),
          }),
      };
      expect(await deployWorker(there, production, VALUES, access)).toBe(`https://jam.${ZONE}`);
    });
    expect(deployed('backbeat')).toMatchObject({ domains: [`jam.${ZONE}`], onWorkersDev: false });
  });
});

describe('rolling back by wrangler alone, as the guide says', () => {
  const guide = readFileSync(join(PROJECT_DIR, 'docs', 'deploy.md'), 'utf8');
  const production = { production: NAMES };
  const access = { apiToken: API_TOKEN, accountId: ACCOUNT_ID };

  /** A command of the guide, by its beginning. */
  function written(begin: string): string[] {
    const line = guide.split('\n').find((one) => one.startsWith(`npx ${begin}`)) ?? '';
    return [...line.matchAll(/"([^"]*)"|(\S+)/g)].slice(2).map(([, quoted, word]) => quoted ?? word ?? '');
  }

  it('finds the version before, and brings its variables and secrets back', async () => {
    cloudflare.workers.clear();
    cloudflare.versions.clear();
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

  it('does not wait long for a table that is in use, as all other queries would wait behind it', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'backbeat-postgres-'));
    const database = await startPostgres({ dataDir, log: () => {} });
    const busy = new pg.Client({ connectionString: database.url });
    try {
      await applyMigrations(database.url);
      await busy.connect();
      await busy.query('begin');
      await busy.query('lock table drizzle.__drizzle_migrations in access exclusive mode');
      await withRunner(async (runner) => {
        await expect(migrate({ runner, explainMigration }, database.url)).rejects.toThrow(
          /can't be applied: [\s\S]*lock timeout[\s\S]*drizzle-kit migrate failed/,
        );
        await busy.query('rollback');
        await migrate({ runner, explainMigration }, database.url);
      });
    } finally {
      await busy.end();
      await database.stop();
      rmSync(dataDir, { recursive: true });
    }
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

describe('the bundle', () => {
  it('fits the platform, with room to spare', async () => {
    const bundle = await bundleWorker(environment(), () => {});
    console.log(bundleLine(bundle));
    expect(bundle.gzipBytes).toBeGreaterThan(0);
    expect(bundle.gzipBytes).toBeLessThan(BUDGET_BYTES);
    expect(BUDGET_BYTES).toBeLessThan(PLATFORM_LIMIT_BYTES);
    expect(bundle.code).toContain('SessionRoom');
  });
});
