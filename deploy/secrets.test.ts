/** What is secret and how it stays so, and what a preview is given. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_DIR } from '../dev/project.ts';
import { migrateCommand } from './database.ts';
import { Masker } from './masking.ts';
import { PreviewName } from './names.ts';
import { customDomains, parseWranglerConfig, readWranglerConfig } from './project-names.ts';
import { maskSecrets, previewValues, readPreviewSettings, readProductionSettings } from './settings.ts';
import { isSecret, VARIABLE_NAMES } from './variables.ts';
import { addressAmong, deployWorkerCommand, previewConfig } from './wrangler.ts';

const NAMES = { worker: 'backbeat' };

describe('variables', () => {
  it('are those of the schema', () => {
    expect(VARIABLE_NAMES).toEqual(
      expect.arrayContaining(['DATABASE_URL', 'FLUSH_INTERVAL_MS', 'COMMIT_MAX_MS']),
    );
    expect(VARIABLE_NAMES).not.toContain('NEON_FETCH_ENDPOINT');
  });

  it('count as secret unless they are numbers, choices, or known to be public', () => {
    const secret = [
      'DATABASE_URL',
      'JWT_SECRET',
      'FLUSH_SECRET',
      'UPSTASH_REDIS_REST_URL',
      'UPSTASH_REDIS_REST_TOKEN',
    ];
    for (const name of secret) expect(isSecret(name)).toBe(true);
    for (const name of ['KEY_PREFIX', 'ALLOWED_ORIGINS', 'COMMIT_MAX_MS', 'BREAKER_FAILURES']) {
      expect(isSecret(name)).toBe(false);
    }
    expect(isSecret('SOMETHING_NEW')).toBe(true);
    // None that is called a secret may ever be shown.
    for (const name of VARIABLE_NAMES) {
      if (/(SECRET|TOKEN|KEY|PASSWORD|DATABASE_URL)$/.test(name)) expect(isSecret(name)).toBe(true);
    }
  });
});

describe('masking', () => {
  const env = {
    DATABASE_URL: 'postgres://owner:p%40ssw%2Frd-long@db.example/neondb',
    JWT_SECRET: 'a "quoted" secret & more',
    PREVIEW_FLUSH_SECRET: 'a flush secret of previews',
    NEON_API_KEY: 'napi_0123456789',
    COMMIT_MAX_MS: '700700',
    CLOUDFLARE_ACCOUNT_ID: 'ada-lovelace',
  };
  const masker = new Masker();
  maskSecrets(env, masker);

  it('hides each secret as it is, in JSON, in a URL, and a database’s password', () => {
    for (const secret of [env.DATABASE_URL, env.JWT_SECRET, env.PREVIEW_FLUSH_SECRET, env.NEON_API_KEY]) {
      for (const text of [secret, JSON.stringify(secret), encodeURIComponent(secret)]) {
        expect(masker.mask(`x ${text} y`)).not.toContain(text.replaceAll('"', ''));
        expect(masker.mask(`x ${text} y`)).toContain('****');
      }
    }
    expect(masker.mask('authentication failed for p@ssw/rd-long')).toBe('authentication failed for ****');
    expect(masker.mask('p%40ssw%2Frd-long')).toBe('****');
  });

  it('leaves what is public', () => {
    const text = 'ada-lovelace waits 700700 ms';
    expect(masker.mask(text)).toBe(text);
  });
});

describe('command lines', () => {
  it('have no secret in them, and none of wrangler’s names is left out', () => {
    const values = { DATABASE_URL: 'postgres://o:pass@h/d', KEY_PREFIX: 'a:b:', JWT_SECRET: 'x'.repeat(20) };
    const { args } = deployWorkerCommand(
      { production: { worker: 'w' } },
      values,
      { apiToken: 'token', accountId: null },
      '/tmp',
    );
    const words = args.filter((arg) => typeof arg === 'string');
    expect(words.join(' ')).toContain('--var KEY_PREFIX:a:b:');
    expect(words.join(' ')).not.toMatch(/postgres|xxxx|token/);
    const file = args.find((arg) => typeof arg !== 'string' && arg.name === 'secrets.json');
    expect(typeof file === 'object' && JSON.parse(file.content)).toEqual({
      DATABASE_URL: values.DATABASE_URL,
      JWT_SECRET: values.JWT_SECRET,
    });
  });

  it('give a preview’s Worker its own configuration', () => {
    const name = PreviewName.ofBranch('x', NAMES);
    const { args } = deployWorkerCommand(name, {}, { apiToken: null, accountId: null }, '/tmp');
    expect(args).not.toContain('wrangler.toml');
    const file = args.find((arg) => typeof arg !== 'string' && arg.name === 'wrangler.json');
    expect(typeof file === 'object' && JSON.parse(file.content)).toEqual(
      JSON.parse(JSON.stringify(previewConfig(name, readWranglerConfig()))),
    );
  });

  it('migrate past the connection pooler', () => {
    const to = (url: string) => migrateCommand(url).env?.DATABASE_URL;
    expect(to('postgresql://u:p@ep-a-b-1-pooler.eu.aws.neon.tech/db?sslmode=require')).toBe(
      'postgresql://u:p@ep-a-b-1.eu.aws.neon.tech/db?sslmode=require',
    );
    for (const url of [
      'postgres://u:x-pooler.@localhost:5432/db',
      'postgres://ep-1.eu.neon.tech/a-pooler.b',
    ]) {
      expect(to(url)).toBe(url);
    }
  });
});

describe('a preview’s configuration', () => {
  const name = PreviewName.ofBranch('x', NAMES);
  const wranglerToml = readFileSync(join(PROJECT_DIR, 'wrangler.toml'), 'utf8');
  const first = wranglerToml.indexOf('\n[');
  /** wrangler.toml with more at its top level. */
  const withKeys = (keys: string) => `${wranglerToml.slice(0, first)}\n${keys}\n${wranglerToml.slice(first)}`;

  it('has the code, the page, the rooms and their migrations as production has them', () => {
    const production = readWranglerConfig();
    expect(previewConfig(name, production)).toEqual({
      name: name.worker,
      main: join(PROJECT_DIR, production.main),
      compatibility_date: production.compatibility_date,
      compatibility_flags: production.compatibility_flags,
      workers_dev: true,
      build: { command: 'npm run build', cwd: PROJECT_DIR },
      assets: { ...production.assets, directory: join(PROJECT_DIR, 'dist', 'page') },
      durable_objects: production.durable_objects,
      migrations: production.migrations,
      observability: production.observability,
      triggers: { crons: [] },
    });
    expect(production.triggers?.crons).toHaveLength(1);
  });

  it('has none of production’s routes, domains and variables', () => {
    const config = parseWranglerConfig(
      withKeys(
        'routes = ["jam.example/*", { pattern = "jam.example", custom_domain = true }]\nvars = { KEY_PREFIX = "bb:" }',
      ),
    );
    expect(customDomains(config)).toEqual(['https://jam.example']);
    const preview = JSON.stringify(previewConfig(name, config));
    expect(preview).not.toMatch(/jam\.example|route|vars|bb:/);
    expect(JSON.parse(preview)).toMatchObject({ workers_dev: true });
    expect(customDomains(parseWranglerConfig(withKeys('route = "jam.example/*"')))).toEqual([]);
  });

  it('leaves nothing out without a decision: a key that it doesn’t know is refused', () => {
    expect(() => parseWranglerConfig(withKeys('keep_vars = true'))).toThrow('keep_vars');
  });

  it('can’t be bound to the objects of another Worker', () => {
    const text = wranglerToml.replace(
      'class_name = "Sweeper"',
      'class_name = "Sweeper"\nscript_name = "backbeat"',
    );
    expect(() => parseWranglerConfig(text)).toThrow('script_name');
  });
});

describe('where a Worker answers', () => {
  const schedule = 'schedule: * * * * *';

  it.each([
    [['https://backbeat.ada.workers.dev', schedule], [], 'https://backbeat.ada.workers.dev'],
    [
      ['https://backbeat.ada.workers.dev/', 'jam.example (custom domain)'],
      [],
      'https://backbeat.ada.workers.dev',
    ],
    [['jam.example (custom domain)', schedule], ['https://other.example'], 'https://jam.example'],
    [['jam.example (custom domain - zone name: example)'], [], 'https://jam.example'],
    [['jam.example, in words of another version', schedule], ['https://jam.example'], 'https://jam.example'],
    [['jam.example/* (zone name: jam.example)', schedule], [], null],
    [[schedule], [], null],
  ])('%j with the domains %j: %s', (targets, domains, url) => {
    expect(addressAmong(targets, domains)).toBe(url);
  });
});

describe('a preview’s values', () => {
  const env = {
    NEON_API_KEY: 'k',
    NEON_PROJECT_ID: 'p',
    PREVIEW_UPSTASH_REDIS_REST_URL: 'https://previews.example',
    PREVIEW_UPSTASH_REDIS_REST_TOKEN: 't',
    PREVIEW_SECRET: 's'.repeat(32),
    PREVIEW_COMMIT_MAX_MS: '900',
    COMMIT_MIN_MS: '1',
    JWT_SECRET: 'j'.repeat(32),
  };
  const read = (over: Record<string, string> = {}) =>
    readPreviewSettings({ ...env, ...over }, NAMES, { isUp: true });

  it('come from PREVIEW_ variables and from its name', () => {
    const { settings, problems } = read();
    expect(problems).toEqual([]);
    const name = PreviewName.ofBranch('x', NAMES);
    const values = previewValues(settings, name);
    expect(values).toMatchObject({ COMMIT_MAX_MS: '900', KEY_PREFIX: name.keyPrefix });
    expect(values).not.toHaveProperty('COMMIT_MIN_MS');
    expect(values.JWT_SECRET).toMatch(/^[\w-]{43}$/);
    expect(values.JWT_SECRET).not.toBe(values.FLUSH_SECRET);
    expect(previewValues(settings, name)).toEqual(values);
    expect(previewValues(read({ PREVIEW_SECRET: 'r'.repeat(32) }).settings, name).JWT_SECRET).not.toBe(
      values.JWT_SECRET,
    );
  });

  it('can’t be given another key prefix', () => {
    const name = PreviewName.ofBranch('x', NAMES);
    expect(previewValues(read({ PREVIEW_KEY_PREFIX: 'bb:' }).settings, name).KEY_PREFIX).toBe(name.keyPrefix);
  });

  it('are refused when they can’t be right', () => {
    const { problems } = read({
      PREVIEW_SECRET: 'short',
      PREVIEW_COMMIT_MAX_MS: 'soon',
      PREVIEW_UPSTASH_REDIS_REST_URL: 'x',
    });
    expect(problems.map(({ variable }) => variable).sort()).toEqual([
      'PREVIEW_COMMIT_MAX_MS',
      'PREVIEW_SECRET',
      'PREVIEW_UPSTASH_REDIS_REST_URL',
    ]);
  });

  it('keep production from a preview’s key prefix', () => {
    const { problems } = readProductionSettings({ KEY_PREFIX: 'backbeat-pv:x-0123456789:' }, NAMES);
    expect(problems).toContainEqual({ variable: 'KEY_PREFIX', what: "is a preview's" });
  });
});
