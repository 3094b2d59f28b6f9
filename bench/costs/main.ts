/**
 * `npm run costs`: plays a jam on the whole system, with clocks that run fast, and shows what of the
 * free plans it uses up. Counts, no times: what it says doesn't depend on the machine, as long as
 * the machine keeps up. With `--hostile`: what a stranger can make a day cost.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { clockModule } from '../../dev/clock.ts';
import { PROJECT_DIR, tsxArgs } from '../../dev/project.ts';
import { type Stack, startStack } from '../../test/support/stack.ts';
import { readFronts } from '../measure/fronts.ts';
import { RedisMeter } from '../measure/redis.ts';
import { table } from '../report/table.ts';
import { costRows, type Played } from './bill.ts';
import { hostileDay } from './hostile.ts';
import { type MeterReading, meterReadingSchema } from './reading.ts';

const USAGE = `Usage: npm run costs -- [options]

Plays a jam fast and shows what it uses of each free plan.

  --people=5      who play
  --minutes=120   how long the jam lasts
  --rate=20       how many times as fast the clocks run
  --hostile       instead of a jam: a day of hostile use by one site without an account
  --write         keep the result in bench/results
`;

const MINUTE_MS = 60_000;
/**
 * The jam begins with a turn of the cron behind it, and ends when all is flushed and the sweeper has looked.
 */
const TURNS_AFTER = 2;
/** The machine's own slowness isn't a store's: at 20 times the speed 100 ms look like two seconds. */
const PATIENCE = { REDIS_TIMEOUT_MS: '60000', POSTGRES_TIMEOUT_MS: '120000' };
/** Of every jam, the same keys. */
const SEED = 20_261_128;
const playedSchema = z.object({ keys: z.number(), messages: z.number() });
const placeSchema = z.object({ token: z.string() });
const createdSchema = placeSchema.extend({ id: z.string() });

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '120' },
    rate: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
    hostile: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) process.stdout.write(USAGE);
else if (values.hostile)
  report('hostile.md', await hostileDay((line) => void process.stderr.write(`${line}\n`)));
else await main(Number(values.people), Number(values.minutes), Number(values.rate));

async function main(people: number, minutes: number, rate: number): Promise<void> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  say(
    `a jam of ${minutes} minutes with ${people} people, ${rate} times as fast: ${Math.ceil(minutes / rate)} minutes and a bit`,
  );
  const stack = await startStack({ ...PATIENCE, BACKBEAT_CRON_MS: '0', BACKBEAT_CLOCK_RATE: String(rate) }, [
    '--entry=bench/costs/meter.ts',
  ]);
  const redis = stack.redisUrl === null ? null : new RedisMeter(stack.redisUrl, stack.keyPrefix);
  const counters = async () => ({
    meter: await readMeter(stack),
    fronts: await readFronts(stack),
    redisCommands: (await redis?.counters())?.commands ?? null,
  });
  const minute = () => new Promise((resolve) => setTimeout(resolve, MINUTE_MS / rate));
  try {
    const jam = await makeJam(stack, people);
    const before = await counters();
    const cron = setInterval(
      () => void stack.control.cron().catch((error) => say(String(error))),
      MINUTE_MS / rate,
    );
    const progress = setInterval(async () => {
      const { meter } = await counters();
      say(`  ${meter.cronTurns.length} of ${minutes} minutes played`);
    }, 60_000);
    const acts = await play({ ...jam, url: stack.url, lengthMs: minutes * MINUTE_MS, seed: SEED }, rate);
    for (let turn = 0; turn < TURNS_AFTER; turn += 1) await minute();
    clearInterval(cron);
    clearInterval(progress);
    const after = await counters();
    const played: Played = {
      people,
      minutes,
      ...acts,
      before: before.meter,
      after: after.meter,
      redisCommands: after.fronts.redisCommands - before.fronts.redisCommands,
      redisCommandsInScripts:
        before.redisCommands === null || after.redisCommands === null
          ? null
          : after.redisCommands - before.redisCommands,
      redisBytes: after.fronts.redisBytes - before.fronts.redisBytes,
      redisDataBytes: await sizeInRedis(redis),
    };
    const heading = `A jam of ${minutes} minutes with ${people} people: ${acts.keys.toLocaleString('en')} keys typed, ${acts.messages} messages.`;
    const text = `${heading}\n\n${table(['', 'one jam', 'free', 'so much of it'], costRows(played))}\n`;
    report('costs.md', text);
  } finally {
    redis?.close();
    await stack.stop();
  }
}

function report(name: string, text: string): void {
  process.stdout.write(text);
  if (!values.write) return;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(join('bench/results', name), text);
}

async function readMeter({ url }: Stack): Promise<MeterReading> {
  return meterReadingSchema.parse(await (await fetch(`${url}/_meter`)).json());
}

/** A session, and a place in it for each. */
async function makeJam({ url }: Stack, people: number): Promise<{ sessionId: string; tokens: string[] }> {
  const ask = async (path: string, body: object, token?: string): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status} ${await response.text()}`);
    return response.json();
  };
  const { id: sessionId, token } = createdSchema.parse(
    await ask('/sessions', { display_name: 'Host', title: 'A jam' }),
  );
  const invite = z
    .object({ token: z.string() })
    .parse(await ask(`/sessions/${sessionId}/invite`, { role: 'co-author' }, token));
  const guests = await Promise.all(
    Array.from({ length: people - 1 }, async (_, index) =>
      placeSchema.parse(
        await ask('/sessions/join', { invite_token: invite.token, display_name: `Guest ${index + 1}` }),
      ),
    ),
  );
  return { sessionId, tokens: [token, ...guests.map((guest) => guest.token)] };
}

/** The people, in a process with the same fast clock. */
async function play(jam: object, rate: number): Promise<z.infer<typeof playedSchema>> {
  const folder = mkdtempSync(join(tmpdir(), 'backbeat-costs-'));
  try {
    const clock = join(folder, 'clock.mjs');
    writeFileSync(clock, clockModule({ skewMs: 0, rate }));
    const child = spawn(
      process.execPath,
      ['--import', clock, ...tsxArgs('bench/costs/jam.ts'), JSON.stringify(jam)],
      { cwd: PROJECT_DIR, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error('the people gave up');
    return playedSchema.parse(JSON.parse(output));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What Redis keeps of everything, until it expires after a day; null for the embedded engine. */
async function sizeInRedis(meter: RedisMeter | null): Promise<number | null> {
  if (meter === null) return null;
  const sizes = await Promise.all(
    (await meter.redis.keys('*')).map((key) => meter.redis.memory('USAGE', key)),
  );
  return sizes.reduce<number>((sum, size) => sum + Number(size ?? 0), 0);
}
