/**
 * Each step of a deploy and of a preview fails once, before and after it takes effect; running it again mends it. Whatever is
 * there of a preview, `down` leaves nothing of it, and all of production.
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
  const { workers, rooms, migrated } = scene.clis.platform;
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
    ROOM_URL: 'https://backbeat.ada.partykit.dev',
  });
  expect(Object.keys(rooms)).toEqual(['/backbeat']);
  expect(rooms['/backbeat']?.vars).toMatchObject({
    ...secrets,
    COMMIT_MAX_MS: '700',
    WORKER_URL: 'https://backbeat.loopback.workers.dev',
  });
  expect(Object.keys(migrated)).toEqual([DATABASE_HOST]);
  expect(scene.smoked.at(-1)).toMatchObject({
    workerUrl: 'https://backbeat.loopback.workers.dev',
    roomUrl: 'https://backbeat.ada.partykit.dev',
    flushSecret: SECRETS.flush,
  });
}

function expectPreview() {
  const name = scene.name(BRANCH);
  const { workers, rooms, migrated } = scene.clis.platform;
  expect(scene.neon.names()).toEqual([name.database, 'production']);
  expect(Object.keys(workers)).toEqual([name.worker]);
  expect(Object.keys(rooms)).toEqual([`${name.room}/backbeat`]);
  const worker = { ...workers[name.worker]?.vars, ...workers[name.worker]?.secrets };
  const room = rooms[`${name.room}/backbeat`]?.vars ?? {};
  for (const vars of [worker, room]) {
    expect(vars).toMatchObject({ KEY_PREFIX: name.keyPrefix, UPSTASH_REDIS_REST_URL: scene.redisUrl });
    expect(vars.DATABASE_URL).toContain('ep-loop-');
    expect(vars.FLUSH_SECRET).not.toBe(vars.JWT_SECRET);
  }
  expect(worker.ROOM_URL).toBe(`https://${name.room}.backbeat.ada.partykit.dev`);
  for (const shared of ['FLUSH_SECRET', 'JWT_SECRET', 'DATABASE_URL'])
    expect(worker[shared]).toBe(room[shared]);
  expect(room).toMatchObject({
    WORKER_URL: `https://${name.worker}.loopback.workers.dev`,
    COMMIT_MAX_MS: '500',
  });
  expect(Object.keys(migrated)).toEqual([new URL(worker.DATABASE_URL ?? '').hostname]);
  expect(scene.smoked.at(-1)).toMatchObject({
    roomUrl: `https://${name.room}.backbeat.ada.partykit.dev`,
    flushSecret: worker.FLUSH_SECRET,
  });
}

async function expectNothing() {
  const { workers, rooms } = scene.clis.platform;
  expect(scene.neon.names()).toEqual(['production']);
  expect(workers).toEqual({});
  expect(rooms).toEqual({});
  expect(await scene.redis('KEYS', '*')).toEqual([]);
}

/** Where each can fail, and the words that the error must have. */
const PRODUCTION_STEPS = [
  ['drizzle-kit migrate', 'migrate the database'],
  ['wrangler deploy', 'deploy the Worker backbeat'],
  ['partykit deploy', 'deploy the rooms'],
] as const;
const PREVIEW_STEPS = [
  ['drizzle-kit migrate', 'migrate it'],
  ['wrangler deploy', 'deploy the Worker'],
  ['partykit deploy', 'deploy the rooms'],
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
    expect(await failing(scene.deploy())).toContain('smoke-test them over their public URLs: **** at ****');
    scene.smokeFault = null;
    await scene.deploy();
    await scene.deploy();
    expectProduction();
    expectNoSecretAnywhere();
    expect(scene.shown).toContain('https://backbeat.ada.partykit.dev/');
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

  it('deploys the Worker also where its address is given', async () => {
    await scene.deploy([], { ...scene.production, WORKER_URL: 'https://jam.example/' });
    expect(Object.keys(scene.clis.platform.workers)).toEqual(['backbeat']);
    expect(scene.clis.platform.rooms['/backbeat']?.vars.WORKER_URL).toBe('https://jam.example');
    expect(scene.smoked.at(-1)?.workerUrl).toBe('https://jam.example');
    expect(scene.shown).toContain('https://jam.example/health');
  });

  it('names all that is missing at once, and changes nothing', async () => {
    scene.clis.setVersion('partykit', '9.9.9');
    const message = await failing(scene.deploy([], { PATH: scene.env.PATH ?? '', FLUSH_SECRET: 'short' }));
    for (const what of [
      ...['PARTYKIT_LOGIN: missing', 'PARTYKIT_TOKEN: missing', 'UPSTASH_REDIS_REST_URL: missing'],
      ...['DATABASE_URL: missing', 'JWT_SECRET: missing', 'FLUSH_SECRET: must have at least 16 characters'],
      ...['partykit is not version', 'CLOUDFLARE_API_TOKEN, or run npx wrangler login'],
    ]) {
      expect(message).toContain(what);
    }
    expect(scene.clis.platform).toMatchObject({ workers: {}, rooms: {}, migrated: {} });
  });

  it('refuses wrong accounts before it changes anything', async () => {
    const wrong = {
      ...scene.production,
      CLOUDFLARE_API_TOKEN: 'another-token',
      PARTYKIT_TOKEN: 'another-token',
    };
    scene.databaseProblem = 'DATABASE_URL: Postgres does not answer';
    const message = await failing(scene.deploy([], { ...wrong, UPSTASH_REDIS_REST_TOKEN: 'another-token' }));
    expect(message).toContain('DATABASE_URL: Postgres does not answer');
    expect(message).toContain('CLOUDFLARE_API_TOKEN is refused');
    expect(message).toContain('PARTYKIT_LOGIN and PARTYKIT_TOKEN are refused');
    expect(message).toMatch(/Redis: .*(unauthorized|WRONGPASS)/i);
    scene.clis.platform = { ...scene.clis.platform, accounts: ['one', 'two'] };
    expect(await failing(scene.deploy())).toContain('set CLOUDFLARE_ACCOUNT_ID');
    const stranger = { ...scene.production, CLOUDFLARE_ACCOUNT_ID: 'three' };
    expect(await failing(scene.deploy([], stranger))).toContain('none of the accounts');
    expect(scene.clis.platform).toMatchObject({ workers: {}, rooms: {}, migrated: {} });
  });

  it('runs the rooms at an own domain when it is asked to', async () => {
    const account = { CLOUDFLARE_ACCOUNT_ID: 'an-account' };
    expect(await failing(scene.deploy(['--domain', 'rooms.example.com']))).toContain(
      'CLOUDFLARE_ACCOUNT_ID: missing',
    );
    await scene.deploy(['--domain', 'rooms.example.com'], { ...scene.production, ...account });
    expect(scene.smoked.at(-1)?.roomUrl).toBe('https://rooms.example.com');
    const call = scene.clis.calls().findLast(({ args }) => args[0] === 'deploy' && args.includes('--domain'));
    expect(call?.env).toMatchObject({ ...account, CLOUDFLARE_API_TOKEN: SECRETS.cloudflare });
    expectNoSecretAnywhere();
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

  it.each([...Array(16).keys()])('is removed from half-built state %#', async (state) => {
    const name = scene.name(BRANCH);
    const isThere = (part: number) => (state & (1 << part)) !== 0;
    const { platform } = scene.clis;
    // Production is beside it, and is what it was afterwards.
    platform.workers = { backbeat: { vars: {}, secrets: {}, cron: '* * * * *' } };
    platform.rooms = { '/backbeat': { vars: {} } };
    scene.clis.platform = platform;
    await scene.redis('SET', 'bb:s:1', '1');
    const production = scene.clis.platform;
    if (isThere(0)) scene.neon.addBranch(name.database);
    if (isThere(1)) platform.workers[name.worker] = { vars: {}, secrets: {}, cron: '* * * * *' };
    if (isThere(2)) platform.rooms[`${name.room}/backbeat`] = { vars: {} };
    if (isThere(3)) await scene.redis('SET', `${name.keyPrefix}s:1`, '1');
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
    expect(scene.clis.platform).toMatchObject({ workers: {}, rooms: {} });
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
    expect(scene.clis.platform).toMatchObject({ workers: before.workers, rooms: before.rooms });
    expectPreview();
    await down();
    await expectNothing();
    await down();
    await expectNothing();
    expectNoSecretAnywhere();
  });

  it.each(['wrangler delete', 'partykit delete'])(
    '%s fails: all else goes but the database branch, by which it is known; then that goes, too',
    async (on) => {
      await up();
      scene.clis.setFaults({ on, when: 'before', times: 1 });
      expect(await failing(down())).toContain('a fault before');
      const { workers, rooms } = scene.clis.platform;
      expect([Object.keys(workers).length, Object.keys(rooms).length]).toEqual(
        on === 'wrangler delete' ? [1, 0] : [0, 1],
      );
      expect(await scene.redis('KEYS', '*')).toEqual([]);
      expect(scene.neon.names()).toContain(scene.name(BRANCH).database);
      await down();
      await expectNothing();
      expectNoSecretAnywhere();
    },
  );

  it('is removed when deleting took effect and its answer was lost', async () => {
    await up();
    scene.clis.setFaults(
      { on: 'wrangler delete', when: 'after', times: 1 },
      { on: 'partykit delete', when: 'after', times: 1 },
    );
    scene.neon.faults.push({ on: 'DELETE', when: 'after', status: 400, times: 1 });
    await failing(down());
    expect(await failing(down())).toContain('a fault after');
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
    const { vars } = Object.values(scene.clis.platform.rooms)[0] ?? { vars: {} };
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
      ...['PARTYKIT_LOGIN', 'PARTYKIT_TOKEN', 'NEON_API_KEY', 'NEON_PROJECT_ID', 'PREVIEW_SECRET'],
      ...['PREVIEW_UPSTASH_REDIS_REST_URL', 'PREVIEW_UPSTASH_REDIS_REST_TOKEN'],
    ]) {
      expect(message).toContain(`${name}: missing`);
    }
    await expectNothing();
  });
});
