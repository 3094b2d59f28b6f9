/** Versions in Postgres: written once, thinned to their bound, and spread over the session's time. */
import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findPostgres } from '../../dev/neon/real-postgres.ts';
import { unlimitedBudget } from '../../src/domain/request-budget.ts';
import type { SessionMessage } from '../../src/domain/types.ts';
import { encodeVersion, packCode, type VersionCause } from '../../src/domain/versions.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresDirectory } from '../../src/postgres/directory.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { rowsOf } from '../../src/postgres/sql.ts';
import { MAX_CODE_BYTES, MAX_VERSIONS_BYTES } from '../../src/protocol/index.ts';
import { deleteEnded } from '../../src/worker/retention.ts';
import { makeMessage } from '../support/messages.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';

const isPostgresInstalled = (await findPostgres()) !== null;
const engines = ['embedded', ...(isPostgresInstalled ? (['real'] as const) : [])] as const;

const T0 = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

interface Made {
  number: number;
  cause?: VersionCause;
  atMs?: number;
  packed?: string;
  userId?: string | null;
  displayName?: string;
}

function versionMessage({ number, cause = 'typed', atMs, packed, userId = null, displayName = 'Ada' }: Made) {
  const content = encodeVersion({ rev: number * 10, cause, code: packed ?? btoa('x') });
  const createdAtMs = atMs ?? T0 + number * MINUTE_MS;
  const message: SessionMessage = {
    ...makeMessage({ position: number, createdAtMs, content, userId, displayName }),
    type: 'version',
  };
  return message;
}

/** Code that can't be made smaller, as Postgres is given it. */
const noise = (size: number) => randomBytes(size).toString('base64');

describe.each(engines)('versions on the %s engine', (engine) => {
  let front: PostgresFront;
  let repository: PostgresSessionRepository;
  let db: Database;

  beforeAll(async () => {
    front = await startPostgresFront(engine);
    db = connectNeon({ ...front, timeoutMs: 20_000 });
    repository = new PostgresSessionRepository(db);
  });
  afterAll(async () => {
    await front?.stop();
  });

  const newSession = async (hostUserId: string | null = null) =>
    (await repository.createSession({ title: 'jam', code: '', hostUserId })).id;
  const newUser = async () => {
    const person = { subject: randomUUID(), name: 'Ada', avatarUrl: null };
    return (await new PostgresPeople(db).upsertUser(person)).id;
  };
  const write = (sessionId: string, messages: SessionMessage[]) =>
    repository.writeSessions([{ sessionId, code: null, messages }]);
  const sizes = async (sessionId: string) => {
    const [row] = await rowsOf(
      db,
      sql`select count(*)::integer as count, coalesce(sum(octet_length(code)), 0)::integer as bytes
        from session_versions where session_id = ${sessionId}::uuid`,
      z.object({ count: z.number(), bytes: z.number() }),
    );
    return row ?? { count: 0, bytes: 0 };
  };
  const list = async (sessionId: string, limit = 10_000) =>
    (await repository.listVersions(sessionId, { limit, offset: 0 })).items;

  it('are written once, with what they say, and are no messages', async () => {
    const id = await newSession();
    const userId = await newUser();
    const code = 's("bd*4")';
    const messages = [
      versionMessage({ number: 1, displayName: '' }),
      versionMessage({ number: 2, cause: 'played', packed: await packCode(code), userId }),
      versionMessage({ number: 3, userId: randomUUID() }),
      makeMessage({ position: 4, createdAtMs: T0 }),
    ];
    expect(await write(id, messages)).toMatchObject([{ status: 'written' }]);
    await write(id, messages);
    expect(await list(id)).toMatchObject([
      // A user who is gone has taken their name along.
      { number: 3, userId: null, displayName: null },
      { number: 2, rev: 20, cause: 'played', userId, createdAtMs: T0 + 2 * MINUTE_MS },
      { number: 1, displayName: null },
    ]);
    expect(await repository.getVersion(id, 2)).toMatchObject({ code, number: 2 });
    expect(await repository.getVersion(id, 4)).toBeNull();
    expect(await repository.getVersion(await newSession(), 2)).toBeNull();
    expect((await repository.getMessages(id, { limit: 10 })).map(({ position }) => position)).toEqual([4]);
    const page = await repository.listVersions(id, { limit: 1, offset: 1 }, [3]);
    expect(page).toMatchObject({ total: 2, items: [{ number: 1 }] });
  });

  it('that are none are refused, with a reason', async () => {
    const id = await newSession();
    const broken = { ...versionMessage({ number: 1 }), content: '{}' };
    await expect(write(id, [broken])).rejects.toMatchObject({ name: 'WriteRefusedError', code: '22023' });
  });

  it('never take more than their bound, and what is left is spread over all of the time', async () => {
    const id = await newSession(await newUser());
    const count = 400;
    for (let number = 1; number <= count; number += 5) {
      const made = [0, 1, 2, 3, 4].map((more) =>
        versionMessage({
          number: number + more,
          cause: (number + more) % 10 === 0 ? 'played' : 'typed',
          packed: noise(15_000),
        }),
      );
      await write(id, made);
      const { bytes } = await sizes(id);
      expect(bytes).toBeLessThanOrEqual(MAX_VERSIONS_BYTES.user);
    }
    const left = (await list(id)).reverse();
    const { bytes } = await sizes(id);
    expect(bytes).toBeGreaterThan(MAX_VERSIONS_BYTES.user * 0.9);
    // The first, and the newest ones.
    expect(left[0]?.number).toBe(1);
    expect(left.slice(-20).map(({ number }) => number)).toEqual(
      Array.from({ length: 20 }, (_, i) => count - 19 + i),
    );
    // Three of ten fit: no quarter of the time is bare, and no gap is far above the mean.
    const numbers = left.map(({ number }) => number);
    const gaps = numbers.slice(1).map((number, i) => number - (numbers[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10);
    for (let quarter = 0; quarter < 4; quarter++) {
      const within = numbers.filter((number) => Math.ceil((number / count) * 4) - 1 === quarter);
      expect(within.length).toBeGreaterThan(count / 4 / 6);
    }
    // Those that were played stay longer: one of ten was.
    const played = left.filter(({ cause }) => cause === 'played').length;
    expect(played).toBeGreaterThan(count / 10 / 2);
  });

  it('of the greatest size leave the newest, whatever that takes', async () => {
    const id = await newSession(await newUser());
    const packed = noise(MAX_CODE_BYTES);
    for (let number = 1; number <= 25; number++) await write(id, [versionMessage({ number, packed })]);
    const { bytes } = await sizes(id);
    expect(bytes).toBeLessThanOrEqual(MAX_VERSIONS_BYTES.user);
    expect((await list(id))[0]?.number).toBe(25);
  });

  it('that are small are bounded in number', async () => {
    const id = await newSession();
    for (let first = 1; first <= 4_000; first += 500) {
      await write(
        id,
        Array.from({ length: 500 }, (_, i) => versionMessage({ number: first + i })),
      );
    }
    expect((await sizes(id)).count).toBeLessThanOrEqual(MAX_VERSIONS_BYTES.anonymous / 200);
  });

  it('take a fifth of it in a session that was made without an account', async () => {
    const id = await newSession();
    for (let number = 1; number <= 30; number++) {
      await write(id, [versionMessage({ number, packed: noise(30_000) })]);
      expect((await sizes(id)).bytes).toBeLessThanOrEqual(MAX_VERSIONS_BYTES.anonymous);
    }
    const { bytes } = await sizes(id);
    expect(bytes).toBeGreaterThan(MAX_VERSIONS_BYTES.anonymous / 2);
  });

  it('of another session stay as they are', async () => {
    const [full, other] = [await newSession(), await newSession()];
    await write(other, [versionMessage({ number: 1 }), versionMessage({ number: 2 })]);
    for (let number = 1; number <= 25; number++) {
      await write(full, [versionMessage({ number, packed: noise(MAX_CODE_BYTES) })]);
    }
    await repository.writeSessions([
      { sessionId: full, code: null, messages: [versionMessage({ number: 30, packed: noise(100_000) })] },
      { sessionId: other, code: null, messages: [versionMessage({ number: 3 })] },
    ]);
    expect((await list(other)).map(({ number }) => number)).toEqual([3, 2, 1]);
  });

  it('are deleted with their session', async () => {
    const id = await newSession();
    await write(id, [versionMessage({ number: 1 })]);
    await db.execute(sql`update sessions set is_active = false, ended_at = now() - interval '8 days'
      where id = ${id}::uuid`);
    const run = await deleteEnded(
      {
        mark: { take: async () => true, reset: async () => {} },
        directory: new PostgresDirectory(db),
        accounts: { deleteExpiredBrowsers: async () => 0 },
        room: { sendCommand: async () => 0 },
        budget: unlimitedBudget(),
        days: { anonymous: 7, others: 365 },
      },
      0,
    );
    expect(run).toMatchObject({ deleted: 1, failure: null });
    expect((await sizes(id)).count).toBe(0);
  });
});
