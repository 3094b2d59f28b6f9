/**
 * Each step of a deploy and of a preview fails once, before and after it takes effect; running it again mends
 * it. Whatever is there of a preview, `down` leaves nothing of it, and all of production.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeployError } from '../../deploy/errors.ts';
import { DATABASE_HOST, DeployScene, SECRETS } from '../support/deploy-scene.ts';

let scene: DeployScene;
beforeEach(async () => {
  scene = await DeployScene.start();
});
afterEach(() => scene.stop());

const BRANCH = 'feature/Ünïcode #1';
const up = () => scene.preview(['up', '--branch', BRANCH]);
const down = () => scene.preview(['down', '--branch', BRANCH]);

/** Holds after every run, whether it failed or not. */
function expectNoSecretAnywhere() {
  expect(scene.hasSecret(scene.shown)).toBe(false);
  const calls = scene.clis.calls();
  expect(calls.filter(({ args }) => scene.hasSecret(args.join(' ')))).toEqual([]);
  for (const { files } of calls) for (const { mode } of Object.values(files)) expect(mode).toBe('600');
  expect(scene.leftovers()).toEqual([]);
}

async function failing(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  );
  if (!(error instanceof Error)) throw error;
  expect(scene.hasSecret(`${error.message}${error.stack}`)).toBe(false);
  return error.message;
}

function expectProduction() {
  const { workers, migrated } = scene.clis.platform;
  const secrets = {
    UPSTASH_REDIS_REST_URL: scene.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: SECRETS.redis,
    DATABASE_URL: scene.production.DATABASE_URL,
    JWT_SECRET: SECRETS.jwt,
    FLUSH_SECRET: SECRETS.flush,
  };
  expect(Object.keys(workers)).toEqual(['backbeat']);
  expect(workers.backbeat?.secrets).toMatchObject(secrets);
  expect(workers.backbeat?.vars).toMatchObject({
    ALLOWED_ORIGINS: 'https://jam.example',
    COMMIT_MAX_MS: '700',
  });
  expect(workers.backbeat?.crons).toEqual(['* * * * *']);
  expect(Object.keys(migrated)).toEqual([DATABASE_HOST]);
  expect(scene.smoked.at(-1)).toMatchObject({
    url: 'https://backbeat.loopback.workers.dev',
    flushSecret: SECRETS.flush,
  });
}

function expectPreview() {
  const name = scene.name(BRANCH);
  const { workers, migrated } = scene.clis.platform;
  expect(scene.neon.names()).toEqual([name.database, 'production']);
  expect(Object.keys(workers)).toEqual([name.worker]);
  const worker = { ...workers[name.worker]?.vars, ...workers[name.worker]?.secrets };
  expect(worker).toMatchObject({
    KEY_PREFIX: name.keyPrefix,
    UPSTASH_REDIS_REST_URL: scene.redisUrl,
    COMMIT_MAX_MS: '500',
  });
  expect(worker.DATABASE_URL).toContain('ep-loop-');
  expect(worker.FLUSH_SECRET).not.toBe(worker.JWT_SECRET);
  expect(workers[name.worker]?.crons).toEqual([]);
  expect(Object.keys(migrated)).toEqual([new URL(worker.DATABASE_URL ?? '').hostname]);
  expect(scene.smoked.at(-1)).toMatchObject({
    url: `https://${name.worker}.loopback.workers.dev`,
    flushSecret: worker.FLUSH_SECRET,
  });
}

async function expectNothing() {
  expect(scene.neon.names()).toEqual(['production']);
  expect(scene.clis.platform.workers).toEqual({});
  expect(await scene.redis('KEYS', '*')).toEqual([]);
}

/** Where each can fail, and the words that the error must have. */
const PRODUCTION_STEPS = [
  ['drizzle-kit migrate', 'migrate the database'],
  ['wrangler deploy', 'deploy the Worker backbeat'],
] as const;
const PREVIEW_STEPS = [
  ['drizzle-kit migrate', 'migrate it'],
  ['wrangler deploy', 'deploy the Worker'],
] as const;
const NEON_REQUESTS = ['POST /branches', 'GET /branches/br-', 'GET /connection_uri'] as const;
const WHEN = ['before', 'after'] as const;

describe('production', () => {
  it.each(PRODUCTION_STEPS.flatMap(([on, title]) => WHEN.map((when) => ({ on, title, when }))))(
    '$on fails $when it takes effect; the next run ends well',
    async ({ on, title, when }) => {
      scene.clis.setFaults({ on, when, times: 1 });
      expect(await failing(scene.deploy())).toContain(title);
      expect(scene.smoked).toEqual([]);
      await scene.deploy();
      expectProduction();
      expectNoSecretAnywhere();
    },
  );

  it('tells that the smoke test failed; the next run ends well, and so does one more', async () => {
    scene.smokeFault = new DeployError('the room refuses its host');
    expect(await failing(scene.deploy())).toContain('the room refuses its host');
    // A bug somewhere below, with all that it knows.
    scene.smokeFault = new TypeError(`${SECRETS.jwt} at ${scene.production.DATABASE_URL}`);
    expect(await failing(scene.deploy())).toContain('smoke-test it over its public URL: **** at ****');
    scene.smokeFault = null;
    await scene.deploy();
    await scene.deploy();
    expectProduction();
    expectNoSecretAnywhere();
    expect(scene.shown).toContain('page    https://backbeat.loopback.workers.dev/\n');
  });

  it('says why a migration failed: drizzle-kit itself does not', async () => {
    scene.clis.setFaults({ on: 'drizzle-kit migrate', when: 'before', times: 1 });
    scene.migrationProblem = `password authentication failed for ${SECRETS.database}`;
    expect(await failing(scene.deploy())).toContain(
      'migrate the database: password authentication failed for ****\ndrizzle-kit migrate failed with 1',
    );
    await scene.deploy();
    expectProduction();
  });

  it('is tested at its own domain where it answers only there', async () => {
    scene.clis.platform = { ...scene.clis.platform, domain: 'jam.example' };
    expect(await scene.deploy()).toEqual({ url: 'https://jam.example' });
    expect(scene.smoked.at(-1)?.url).toBe('https://jam.example');
    expect(scene.shown).toContain('https://jam.example/health');
  });

  it('names all that is missing at once, and changes nothing', async () => {
    scene.clis.setVersion('wrangler', '9.9.9');
    const message = await failing(scene.deploy([], { PATH: scene.env.PATH ?? '', FLUSH_SECRET: 'short' }));
    for (const what of [
      ...['UPSTASH_REDIS_REST_URL: missing', 'UPSTASH_REDIS_REST_TOKEN: missing'],
      ...['DATABASE_URL: missing', 'JWT_SECRET: missing', 'FLUSH_SECRET: must have at least 16 characters'],
      ...['wrangler is not version', 'CLOUDFLARE_API_TOKEN, or run npx wrangler login'],
    ]) {
      expect(message).toContain(what);
    }
    expect(scene.clis.platform).toMatchObject({ workers: {}, migrated: {} });
  });

  it('refuses wrong accounts before it changes anything', async () => {
    const wrong = { ...scene.production, CLOUDFLARE_API_TOKEN: 'another-token' };
    scene.databaseProblem = 'DATABASE_URL: Postgres does not answer';
    const message = await failing(scene.deploy([], { ...wrong, UPSTASH_REDIS_REST_TOKEN: 'another-token' }));
    expect(message).toContain('DATABASE_URL: Postgres does not answer');
    expect(message).toContain('CLOUDFLARE_API_TOKEN is refused');
    expect(message).toMatch(/Redis: .*(unauthorized|WRONGPASS)/i);
    scene.clis.platform = { ...scene.clis.platform, accounts: ['one', 'two'] };
    expect(await failing(scene.deploy())).toContain('set CLOUDFLARE_ACCOUNT_ID');
    const stranger = { ...scene.production, CLOUDFLARE_ACCOUNT_ID: 'three' };
    expect(await failing(scene.deploy([], stranger))).toContain('none of the accounts');
    expect(scene.clis.platform).toMatchObject({ workers: {}, migrated: {} });
  });
});

describe('a preview', () => {
  it.each(PREVIEW_STEPS.flatMap(([on, title]) => WHEN.map((when) => ({ on, title, when }))))(
    '$on fails $when it takes effect; down leaves nothing, and up makes it whole',
    async ({ on, title, when }) => {
      scene.clis.setFaults({ on, when, times: 2 });
      expect(await failing(up())).toContain(title);
      await down();
      await expectNothing();
      expect(await failing(up())).toContain(title);
      scene.clis.platform = { ...scene.clis.platform, migrated: {} };
      await up();
      expectPreview();
      expectNoSecretAnywhere();
    },
  );

  it.each(NEON_REQUESTS.flatMap((on) => WHEN.map((when) => ({ on, when }))))(
    'Neon fails at $on $when it takes effect; down leaves nothing, and up makes it whole',
    async ({ on, when }) => {
      // A POST is looked for before it is tried again; what changes nothing is simply asked again.
      const fault = { on, when, status: 400, times: 1 };
      scene.neon.faults.push({ ...fault });
      const first = await up().catch((error: unknown) => error);
      if (first instanceof Error) expect(first.message).toContain('make the database branch');
      await down();
      await expectNothing();
      scene.neon.faults.push({ ...fault });
      await up().catch(() => {});
      scene.clis.platform = { ...scene.clis.platform, migrated: {} };
      await up();
      expectPreview();
      expectNoSecretAnywhere();
    },
  );

  it.each([...Array(8).keys()])('is removed from half-built state %#', async (state) => {
    const name = scene.name(BRANCH);
    const isThere = (part: number) => (state & (1 << part)) !== 0;
    const { platform } = scene.clis;
    // Production is beside it, and is what it was afterwards.
    platform.workers = { backbeat: { vars: {}, secrets: {}, crons: ['* * * * *'] } };
    scene.clis.platform = platform;
    await scene.redis('SET', 'bb:s:1', '1');
    const production = scene.clis.platform;
    if (isThere(0)) scene.neon.addBranch(name.database);
    if (isThere(1)) platform.workers[name.worker] = { vars: {}, secrets: {}, crons: [] };
    if (isThere(2)) await scene.redis('SET', `${name.keyPrefix}s:1`, '1');
    scene.clis.platform = platform;
    await down();
    expect(scene.clis.platform).toEqual(production);
    expect(scene.neon.names()).toEqual(['production']);
    expect(await scene.redis('KEYS', '*')).toEqual(['bb:s:1']);
    expectNoSecretAnywhere();
  });

  it('is whole after its smoke test failed, and the next run ends well', async () => {
    scene.smokeFault = new DeployError('the room refuses its host');
    expect(await failing(up())).toContain('the room refuses its host');
    scene.smokeFault = null;
    await up();
    expect(await scene.redis('KEYS', '*')).toEqual([`${scene.name(BRANCH).keyPrefix}stats`]);
    expectPreview();
    await down();
    await expectNothing();
    expectNoSecretAnywhere();
  });

  it('keeps its database branch while Redis or Neon fails; then that goes, too', async () => {
    await up();
    scene.failRedis('SCAN');
    expect(await failing(down())).toContain('remove the Redis keys');
    expect(scene.clis.platform.workers).toEqual({});
    expect(scene.neon.names()).toContain(scene.name(BRANCH).database);
    scene.failRedis('UNLINK');
    expect(await failing(down())).toContain('remove the Redis keys');
    scene.failRedis(null);
    scene.neon.faults.push({ on: 'DELETE', when: 'before', status: 400, times: 1 });
    expect(await failing(down())).toContain('delete the database branch');
    await down();
    await expectNothing();
    expectNoSecretAnywhere();
  });

  it('is made, renewed with the same secrets, and removed, twice', async () => {
    await up();
    const before = scene.clis.platform;
    await up();
    expect(scene.clis.platform.workers).toEqual(before.workers);
    expectPreview();
    await down();
    await expectNothing();
    await down();
    await expectNothing();
    expectNoSecretAnywhere();
  });

  it('whose Worker can’t be deleted keeps its database branch, by which it is known; then both go', async () => {
    await up();
    scene.clis.setFaults({ on: 'wrangler delete', when: 'before', times: 1 });
    expect(await failing(down())).toContain('a fault before');
    expect(Object.keys(scene.clis.platform.workers)).toEqual([scene.name(BRANCH).worker]);
    expect(await scene.redis('KEYS', '*')).toEqual([]);
    expect(scene.neon.names()).toContain(scene.name(BRANCH).database);
    await down();
    await expectNothing();
    expectNoSecretAnywhere();
  });

  it('is removed when deleting took effect and its answer was lost', async () => {
    await up();
    scene.clis.setFaults({ on: 'wrangler delete', when: 'after', times: 1 });
    scene.neon.faults.push({ on: 'DELETE', when: 'after', status: 400, times: 1 });
    expect(await failing(down())).toContain('a fault after');
    expect(await failing(down())).toContain('delete the database branch');
    await down();
    await expectNothing();
  });

  it('has its own of everything beside another, and leaves with nothing of the other', async () => {
    await up();
    await scene.preview(['up', '--branch', 'feature/Ünïcode #2']);
    const { workers } = scene.clis.platform;
    const [one, two] = Object.values(workers).map(({ vars, secrets }) => ({ ...vars, ...secrets }));
    for (const own of ['KEY_PREFIX', 'FLUSH_SECRET', 'JWT_SECRET', 'DATABASE_URL']) {
      expect(one?.[own]).not.toBe(two?.[own]);
    }
    await scene.preview(['down', '--branch', 'feature/Ünïcode #2']);
    scene.smoked.pop();
    scene.clis.platform = {
      ...scene.clis.platform,
      migrated: Object.fromEntries(Object.entries(scene.clis.platform.migrated).slice(0, 1)),
    };
    expectPreview();
    expect(await scene.redis('KEYS', '*')).toEqual([`${scene.name(BRANCH).keyPrefix}stats`]);
  });

  it('never gets what is production’s', async () => {
    const shell = { ...scene.production, UPSTASH_REDIS_REST_URL: 'https://production.upstash.invalid' };
    await scene.preview(['up', '--branch', BRANCH], shell);
    expectPreview();
    const [worker] = Object.values(scene.clis.platform.workers);
    const vars: Record<string, string> = { ...worker?.vars, ...worker?.secrets };
    expect(Object.values(vars)).not.toContain(SECRETS.jwt);
    expect(Object.values(vars)).not.toContain('https://jam.example');
    // The same Redis as production's is refused, and so is its database.
    expect(await failing(scene.preview(['up', '--branch', BRANCH], scene.production))).toContain(
      "is production's",
    );
    const host = new URL(vars.DATABASE_URL ?? '').host;
    const same = { ...scene.env, DATABASE_URL: `postgres://u:p@${host.replace('.', '-pooler.')}/neondb` };
    expect(await failing(scene.preview(['up', '--branch', BRANCH], same))).toContain("production's address");
    expect(
      scene.clis.calls().some(({ args }) => args[1] === 'backbeat' || args.includes('--name backbeat')),
    ).toBe(false);
  });

  it('names all that is missing at once, and changes nothing', async () => {
    const message = await failing(scene.preview(['up', '--branch', BRANCH], { PATH: scene.env.PATH ?? '' }));
    for (const name of [
      ...['NEON_API_KEY', 'NEON_PROJECT_ID', 'PREVIEW_SECRET'],
      ...['PREVIEW_UPSTASH_REDIS_REST_URL', 'PREVIEW_UPSTASH_REDIS_REST_TOKEN'],
    ]) {
      expect(message).toContain(`${name}: missing`);
    }
    await expectNothing();
  });
});
