/**
 * The design's promises as properties: whatever order the steps of rooms, flushes and sweeps happen in, and
 * whichever of them are lost, late or cut short, in the end Postgres holds exactly what was acknowledged.
 *
 * `BACKBEAT_MODEL_RUNS` sets how many new histories each property tries; a failure prints a short history
 * that fails, and the seed and path of the one that it was made of. `BACKBEAT_MODEL_REPLAY`, these two with a
 * colon between them, tries that one again.
 */
import { randomUUID } from 'node:crypto';
import { neonConfig } from '@neondatabase/serverless';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, it, vi } from 'vitest';
import { COUNTS_PER_TERM } from '../../src/domain/revision.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { SYSTEM_USER_ID } from '../../src/postgres/schema.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { keysFor } from '../../src/redis/keys.ts';
import { SessionBuffer } from '../../src/redis/session-buffer.ts';
import { clearAudit, installAudit, readAudit } from '../faults/audit.ts';
import { checkSession } from '../faults/checks.ts';
import type { Ledger } from '../faults/ledger.ts';
import { readStored } from '../faults/stored.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import type { Fate, Gate, Store } from '../support/gate.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';
import { type EditAt, SessionModel } from '../support/session-model.ts';
import { goBackTo, type Snapshot, takeSnapshot } from '../support/snapshot.ts';

const { BACKBEAT_MODEL_RUNS, BACKBEAT_MODEL_REPLAY } = process.env;
const [seed, ...path] = BACKBEAT_MODEL_REPLAY?.split(':') ?? [];
const RUNS = seed === undefined ? Number(BACKBEAT_MODEL_RUNS ?? 40) : 1;
/** The same histories each time, unless more are asked for. */
const SEED =
  seed !== undefined
    ? { seed: Number(seed), path: path.join(':') }
    : BACKBEAT_MODEL_RUNS === undefined
      ? { seed: 20_261_126 }
      : {};
const SESSIONS = 3;
/** By default the library prefers short histories; what goes wrong here takes long ones. */
const WHOLE = { minLength: 20, maxLength: 120, size: 'max' } as const;
const TEN_MINUTES_MS = 600_000;
/** A run of many histories takes as long as it was asked to; then one that fails is made shorter. */
const TIMEOUT_MS = Math.max(60_000, RUNS * 5_000) + 300_000;

type Step =
  | ({ do: 'edit'; session: number; who: number } & Partial<EditAt>)
  | { do: 'say'; session: number; who: number }
  | { do: 'deliver'; session: number; who: number; way: 'up' | 'down' }
  | { do: 'drop'; session: number; who: number; isReload: boolean }
  | { do: 'hibernate'; session: number; isClean: boolean }
  | { do: 'start' | 'kill' | 'leave' | 'turn over'; session: number }
  | { do: 'step'; index: number; fate: Fate }
  | { do: 'pass'; ms: number }
  | { do: 'stand in'; session: number; who: number }
  | { do: 'sweep' | 'calm' }
  | { do: 'lose' }
  | { do: 'keep' }
  | { do: 'go back' }
  | { do: 'skew'; ms: number }
  | { do: 'forget storage'; session: number }
  | { do: 'storage fails' | 'storage works'; session: number }
  | { do: 'outage'; store: Store; fate: Fate };

/** Where a history's terms begin, and whether they are soon used up. */
interface Term {
  last: number;
  isShort: boolean;
}
const SHORT_TERM_EDITS = 6;
/**
 * Such revisions are above 2^52: whatever treats them as 32-bit numbers, or prints them with
 * fewer digits, fails.
 */
const last = fc.constantFrom(0, 0, 2 ** 30);
const terms: fc.Arbitrary<Term> = fc.record({ last, isShort: fc.constantFrom(false, false, true) });
const longTerms: fc.Arbitrary<Term> = fc.record({ last, isShort: fc.constant(false) });

const session = fc.nat({ max: SESSIONS - 1 });
const who = fc.nat({ max: 2 });
const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });

const everyday = (fates: readonly Fate[]) => [
  // Most calls go well.
  weighted(
    6,
    fc.record({
      do: fc.constant('edit' as const),
      session,
      who,
      place: fc.nat({ max: 99 }),
      typed: fc.integer({ min: 1, max: 3 }),
      cut: fc.constantFrom(0, 0, 0, 1, 4),
      isHeld: fc.boolean(),
    }),
  ),
  weighted(2, fc.record({ do: fc.constant('say' as const), session, who })),
  weighted(
    8,
    fc.record({
      do: fc.constant('deliver' as const),
      session,
      who,
      way: fc.constantFrom<'up' | 'down'>('up', 'down'),
    }),
  ),
  weighted(
    1,
    fc.record({
      do: fc.constant('drop' as const),
      session,
      who,
      isReload: fc.constantFrom(false, false, true),
    }),
  ),
  weighted(
    14,
    fc.record({
      do: fc.constant('step' as const),
      index: fc.nat({ max: 9 }),
      fate: fc.constantFrom<Fate>('ok', 'ok', 'ok', 'ok', ...fates),
    }),
  ),
  weighted(5, fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 100, 600, 5_000) })),
  weighted(2, fc.record({ do: fc.constant('sweep' as const) })),
  weighted(1, fc.record({ do: fc.constant('leave' as const), session })),
  // What takes many steps that go well, one after the other, would hardly ever come about.
  weighted(1, fc.record({ do: fc.constant('calm' as const) })),
  weighted(1, fc.record({ do: fc.constant('stand in' as const), session, who })),
  weighted(
    1,
    fc.record({
      do: fc.constant('outage' as const),
      store: fc.constantFrom<Store>('redis', 'redis', 'postgres'),
      fate: fc.constantFrom<Fate>('ok', ...fates),
    }),
  ),
];
/** Rooms die, and are replaced while they live. */
const takeovers = [
  weighted(1, fc.record({ do: fc.constant('hibernate' as const), session, isClean: fc.constant(false) })),
  weighted(2, fc.record({ do: fc.constantFrom('start', 'kill'), session })),
  weighted(
    1,
    fc.record({ do: fc.constant('skew' as const), ms: fc.constantFrom(-TEN_MINUTES_MS, 0, TEN_MINUTES_MS) }),
  ),
];
/** The room's own storage is lost, or can't be written. */
const storageLosses = [
  weighted(1, fc.record({ do: fc.constant('forget storage' as const), session })),
  weighted(1, fc.record({ do: fc.constantFrom('storage fails', 'storage works', 'storage works'), session })),
];
/** Committed and acknowledged. */
const COMMITTED: Step[] = [{ do: 'pass', ms: 1_000 }, { do: 'calm' }];
const EDITED: Step[] = [{ do: 'edit', session: 0, who: 0 }, ...COMMITTED];
const SAID: Step[] = [{ do: 'say', session: 0, who: 0 }, ...COMMITTED];
/**
 * Postgres stands in, and then the last to leave has the rest of the buffer flushed: chance
 * takes long to find that.
 */
const STOOD_IN: Step[] = [
  ...EDITED,
  { do: 'sweep' },
  { do: 'calm' },
  ...SAID,
  { do: 'stand in', session: 0, who: 0 },
  { do: 'leave', session: 0 },
  { do: 'calm' },
  { do: 'kill', session: 0 },
  { do: 'start', session: 0 },
  { do: 'calm' },
];
/**
 * A room that goes on from Postgres finds other code in the buffer, of the room before, under the revision of
 * its own first edit; and is replaced before it has committed it under a greater one.
 */
const UNHEARD: Step[] = [
  { do: 'stand in', session: 0, who: 0 },
  { do: 'start', session: 0 },
  { do: 'edit', session: 0, who: 0 },
  { do: 'step', index: 0, fate: 'refused' },
  { do: 'pass', ms: 10 },
  { do: 'step', index: 0, fate: 'ok' },
  { do: 'step', index: 0, fate: 'ok' },
  { do: 'calm' },
  { do: 'start', session: 0 },
  { do: 'calm' },
];
/**
 * A room is replaced with a commit under way, and the next finds that in the buffer, acknowledges it, and is
 * replaced without the buffer.
 */
const UNNOTED: Step[] = [
  { do: 'stand in', session: 0, who: 0 },
  { do: 'edit', session: 0, who: 0 },
  { do: 'pass', ms: 1_000 },
  { do: 'start', session: 0 },
  { do: 'calm' },
  { do: 'start', session: 0 },
  { do: 'step', index: 0, fate: 'refused' },
  { do: 'calm' },
];
/** Redis goes back to something older that is flushed, and the next room has only a message to commit. */
const WENT_BACK: Step[] = [
  ...EDITED,
  { do: 'turn over', session: 0 },
  { do: 'keep' },
  ...EDITED,
  { do: 'turn over', session: 0 },
  { do: 'go back' },
  { do: 'turn over', session: 0 },
  ...SAID,
  { do: 'turn over', session: 0 },
];
/**
 * Redis loses everything, or goes back to what it was some time ago. Rooms end only when
 * everything is flushed.
 */
const losses = [
  weighted(1, fc.record({ do: fc.constant('lose' as const) })),
  weighted(2, fc.record({ do: fc.constant('keep' as const) })),
  weighted(2, fc.record({ do: fc.constant('go back' as const) })),
  weighted(1, fc.record({ do: fc.constant('turn over' as const), session })),
  weighted(1, fc.record({ do: fc.constant('hibernate' as const), session, isClean: fc.constant(true) })),
];

describe('whatever happens, nothing acknowledged is lost or doubled', () => {
  let redis: BufferFixture;
  let postgres: PostgresFront;
  let database: pg.Pool;
  let repository: PostgresSessionRepository;

  beforeAll(async () => {
    redis = await startBuffer(engines.includes('redis') ? 'redis' : 'embedded');
    postgres = await startPostgresFront('any');
    database = new pg.Pool({ connectionString: postgres.databaseUrl, max: 1 });
    await installAudit(database);
    const { databaseUrl, fetchEndpoint } = postgres;
    repository = new PostgresSessionRepository(
      connectNeon({ databaseUrl, fetchEndpoint, timeoutMs: 20_000 }),
    );
  });
  afterAll(async () => {
    await database?.end();
    await postgres?.stop();
    await redis?.stop();
  });
  afterEach(() => vi.restoreAllMocks());

  async function holds(
    steps: fc.Arbitrary<Step[]>,
    start: fc.Arbitrary<Term>,
    examples: Step[][] = [],
  ): Promise<void> {
    const result = await fc.check(fc.asyncProperty(steps, start, live), {
      ...SEED,
      numRuns: RUNS,
      examples: examples.map((history): [Step[], Term] => [history, { last: 0, isShort: false }]),
      // The library tries to make each step simpler, too, which takes an hour.
      endOnFailure: true,
    });
    if (!result.failed || result.counterexample === null) return;
    const [history, term] = result.counterexample;
    const shortest = await shorten(history, (less) => failureOf(less, term));
    const where = `${result.seed}:${result.counterexamplePath}`;
    throw new Error(`history ${where} fails, and so does ${JSON.stringify([shortest.history, term])}`, {
      cause: shortest.failure ?? result.errorInstance,
    });
  }

  const failureOf = (history: readonly Step[], term: Term): Promise<unknown> =>
    live(history, term).then(
      () => null,
      (error: unknown) => error,
    );

  it(
    'when rooms die, are replaced while they live, and clocks disagree',
    () =>
      holds(
        fc.array(
          fc.oneof(...everyday(['refused', 'answer lost', 'late']), ...takeovers, ...storageLosses),
          WHOLE,
        ),
        terms,
        [STOOD_IN, UNHEARD, UNNOTED],
      ),
    TIMEOUT_MS,
  );

  it(
    'when Redis loses everything, or the last of what it had, while the rooms live',
    () =>
      holds(
        fc.array(fc.oneof(...everyday(['refused', 'answer lost', 'late']), ...losses), WHOLE),
        longTerms,
        [WENT_BACK],
      ),
    TIMEOUT_MS,
  );

  /** Lives through one history, recovers, and checks everything. */
  async function live(history: readonly Step[], term: Term): Promise<void> {
    const ids = Array.from({ length: SESSIONS }, () => randomUUID());
    await redis.command('FLUSHALL');
    await clearAudit(database);
    await database.query(
      'insert into sessions (id, host_user_id) select id, $2 from unnest($1::uuid[]) as id',
      [ids, SYSTEM_USER_ID],
    );
    const keys = keysFor(`model-${ids[0]}:`);
    const makeBuffer = (gate: Gate) => {
      const scripts = redis.connect();
      const call = scripts.call.bind(scripts);
      scripts.call = (what, run) => gate.hold('redis', () => call(what, run));
      // Each commit that can sends a piece of the code, however small the code is.
      return new SessionBuffer({ redis: scripts, keys, cleanTtlS: 3_600, leastSavedChars: 0 });
    };
    const model = new SessionModel({
      ids,
      makeBuffer,
      postgres: repository,
      session: term.isShort ? { termIsFullAt: SHORT_TERM_EDITS / COUNTS_PER_TERM } : {},
    });
    for (const one of model.sessions) {
      if (term.last > 0) one.record = { term: term.last, source: 'postgres', lastCommit: 0 };
    }
    neonConfig.fetchFunction = (...request: Parameters<typeof fetch>) =>
      model.gate.hold('postgres', () => fetch(...request));
    let skewMs = 0;
    let kept: Snapshot | null = null;
    const trueNow = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => trueNow() + skewMs);
    try {
      for (const one of model.sessions) model.start(one);
      while (!model.gate.isEmpty) await model.step(0, 'ok');
      for (const step of history) {
        if (step.do === 'skew') {
          skewMs = step.ms;
          model.skewMs = step.ms;
        } else if (step.do === 'lose') await redis.command('FLUSHALL');
        else if (step.do === 'keep') kept = await takeSnapshot(redis.command);
        else if (step.do === 'go back') await (kept && goBackTo(kept, redis.command));
        else await take(model, step);
      }
      skewMs = 0;
      model.skewMs = 0;
      await model.recover();
    } finally {
      vi.restoreAllMocks();
      neonConfig.fetchFunction = undefined;
    }
    if (model.failures.length > 0) throw model.failures[0];
    const [stored, audit] = [await readStored(database), await readAudit(database)];
    const letters = await redis.command('HLEN', keys.dead);
    const problems: string[] = [];
    for (const session of model.sessions) {
      const { ledger } = session;
      const outcome = {
        ledger,
        stored: stored.get(ledger.sessionId) ?? null,
        views: await model.views(session),
        audit,
        letters: [],
        mayComeBack: true,
      };
      problems.push(...checkSession(outcome, false).problems);
      problems.push(...(await checkVersions(database, ledger)));
      // No participant is gone for good: what isn't acknowledged was sent again.
      const code = outcome.stored?.code ?? '';
      const gone = [...ledger.edits].filter((text) => !ledger.deleted.has(text) && !code.includes(text));
      if (gone.length > 0) problems.push(`${gone.length} texts of ${ledger.sessionId} were given up`);
      const inRedis = (field: string) => redis.command('HGET', keys.session(ledger.sessionId), field);
      const [buffered, rev] = [await inRedis('code'), await inRedis('rev')];
      // It may have lost the session, or have an older text than Postgres, which stood in.
      if (buffered !== null && Number(rev) >= (outcome.stored?.rev ?? 0) && buffered !== code) {
        problems.push(`Redis holds ${JSON.stringify(buffered)} of ${ledger.sessionId} at ${rev}`);
      }
    }
    if (letters !== 0) problems.push(`${letters} dead letters`);
    if ((await redis.command('ZCARD', keys.dirty)) !== 0) problems.push('something is dirty still');
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }
});

/** Leaves out runs of steps, ever shorter ones, as long as what is left fails in some way. */
async function shorten(
  history: readonly Step[],
  failureOf: (history: readonly Step[]) => Promise<unknown>,
): Promise<{ history: readonly Step[]; failure: unknown }> {
  let shortest = { history, failure: null as unknown };
  for (let size = Math.ceil(history.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.history.length; ) {
      const less = [...shortest.history.slice(0, at), ...shortest.history.slice(at + size)];
      const failure = await failureOf(less);
      if (failure === null) at += size;
      else shortest = { history: less, failure };
    }
  }
  return shortest;
}

/** What rooms called a committed version is there; once, as its number is the key. */
async function checkVersions(database: pg.Pool, { sessionId, versions }: Ledger): Promise<string[]> {
  const { rows } = await database.query<{ number: string }>(
    'select number from session_versions where session_id = $1',
    [sessionId],
  );
  const stored = rows.map(({ number }) => Number(number));
  const lost = [...versions].filter((number) => !stored.includes(number));
  return lost.length > 0 ? [`versions ${lost.join(', ')} of ${sessionId} are missing`] : [];
}

async function take(
  model: SessionModel,
  step: Exclude<Step, { do: 'skew' | 'lose' | 'keep' | 'go back' }>,
): Promise<void> {
  switch (step.do) {
    case 'edit':
      await model.edit(model.session(step.session), step.who, step);
      return;
    case 'deliver':
      await model.deliver(model.session(step.session), step.who, step.way);
      return;
    case 'drop':
      model.drop(model.session(step.session), step.who, step.isReload);
      return;
    case 'hibernate':
      await model.hibernate(model.session(step.session), step.isClean);
      return;
    case 'say':
      model.say(model.session(step.session), step.who);
      return;
    case 'start':
      model.start(model.session(step.session));
      return;
    case 'kill':
      model.kill(model.session(step.session));
      return;
    case 'leave':
      model.leave(model.session(step.session));
      return;
    case 'turn over':
      await model.turnOver(model.session(step.session));
      return;
    case 'sweep':
      model.sweep();
      return;
    case 'forget storage':
      model.forgetStorage(model.session(step.session));
      return;
    case 'storage fails':
      model.session(step.session).isStorageFailing = true;
      return;
    case 'storage works':
      model.session(step.session).isStorageFailing = false;
      return;
    case 'calm':
      await model.calm();
      return;
    case 'stand in':
      await model.standIn(model.session(step.session), step.who);
      return;
    case 'pass':
      await model.pass(step.ms);
      return;
    case 'outage':
      if (step.fate === 'ok') model.gate.outages.delete(step.store);
      else model.gate.outages.set(step.store, step.fate);
      return;
    case 'step':
      await model.step(step.index, step.fate);
      return;
  }
}
