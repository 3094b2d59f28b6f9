/** What is secret, and how it stays so. */
import { describe, expect, it } from 'vitest';
import { migrateCommand } from '../../deploy/database.ts';
import { Masker } from '../../deploy/masking.ts';
import { PreviewName } from '../../deploy/names.ts';
import {
  maskSecrets,
  previewValues,
  readPreviewSettings,
  readProductionSettings,
} from '../../deploy/settings.ts';
import { allVariableNames, isSecret, variableNames } from '../../deploy/variables.ts';
import { deployWorkerCommand } from '../../deploy/wrangler.ts';

const NAMES = { worker: 'backbeat', room: 'backbeat' };

describe('variables', () => {
  it('are those of the schemas', () => {
    expect(variableNames('worker')).toEqual(expect.arrayContaining(['DATABASE_URL', 'FLUSH_INTERVAL_MS']));
    expect(variableNames('room')).toEqual(expect.arrayContaining(['WORKER_URL', 'COMMIT_MAX_MS']));
    expect(allVariableNames()).not.toContain('NEON_FETCH_ENDPOINT');
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
    for (const name of ['KEY_PREFIX', 'WORKER_URL', 'ALLOWED_ORIGINS', 'COMMIT_MAX_MS', 'BREAKER_FAILURES']) {
      expect(isSecret(name)).toBe(false);
    }
    expect(isSecret('SOMETHING_NEW')).toBe(true);
    // None that is called a secret may ever be shown.
    for (const name of allVariableNames()) {
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
    PARTYKIT_LOGIN: 'ada-lovelace',
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
      { production: { worker: 'w', room: 'r' } },
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

  it('give a preview’s Worker nothing of production’s but its code', () => {
    const name = PreviewName.ofBranch('x', NAMES);
    const { args } = deployWorkerCommand(name, {}, { apiToken: null, accountId: null }, '/tmp');
    expect(args).not.toContain('wrangler.toml');
    const config = args.find((arg) => typeof arg !== 'string' && arg.name === 'wrangler.json');
    expect(typeof config === 'object' && Object.keys(JSON.parse(config.content)).sort()).toEqual([
      ...['compatibility_date', 'main', 'name', 'observability', 'triggers', 'workers_dev'],
    ]);
    expect(typeof config === 'object' && JSON.parse(config.content).name).toBe(name.worker);
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

describe('a preview’s values', () => {
  const env = {
    NEON_API_KEY: 'k',
    NEON_PROJECT_ID: 'p',
    PARTYKIT_LOGIN: 'ada',
    PARTYKIT_TOKEN: 't',
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
