/** What must be one step in Postgres even when several requests ask for it at once. */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgres } from '../../dev/neon/real-postgres.ts';
import { PostgresAccounts } from '../../src/postgres/accounts.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';

const isPostgresInstalled = (await findPostgres()) !== null;
const engines = ['embedded', ...(isPostgresInstalled ? (['real'] as const) : [])] as const;
const NOW = Date.UTC(2026, 0, 1);
const AT_ONCE = 8;

describe.each(engines)('accounts on the %s engine', (engine) => {
  let front: PostgresFront;
  let db: Database;
  let accounts: PostgresAccounts;

  beforeAll(async () => {
    front = await startPostgresFront(engine);
    db = connectNeon({ ...front, timeoutMs: 20_000 });
    accounts = new PostgresAccounts(db);
  });
  afterAll(() => front?.stop());

  const newAccount = (subject = `github:${randomUUID()}`) =>
    accounts.signIn({ subject, provider: 'github', name: 'Ada', avatarUrl: null, email: null });
  /** A session that its host, who has no account, may claim. */
  const newSessionOfGuest = async () => {
    const participantId = randomUUID();
    const { id: sessionId } = await new PostgresSessionRepository(db).createSession({
      title: 'jam',
      code: '',
      hostUserId: null,
      host: { participantId, displayName: 'Guest' },
    });
    return { sessionId, participantId };
  };
  const atOnce = <T>(act: (i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: AT_ONCE }, (_, i) => act(i)));

  it('one refresh token has one successor, however many tabs use it at once', async () => {
    for (let round = 0; round < 10; round++) {
      const { id: userId } = await newAccount();
      const browserId = randomUUID();
      await accounts.addBrowser({ id: browserId, userId, hash: 'a', nowMs: NOW, expiresAtMs: NOW + 1e9 });
      const use = { browserId, nextHash: 'b', nowMs: NOW + 60_000, graceMs: 10_000, expiresAtMs: NOW + 2e9 };
      const outcomes = (await atOnce(() => accounts.useRefreshToken({ ...use, hash: 'a' }))).map(
        ({ outcome }) => outcome,
      );
      expect(outcomes.toSorted()).toEqual([...Array(AT_ONCE - 1).fill('again'), 'rotated']);
      expect(await accounts.useRefreshToken({ ...use, hash: 'b', nextHash: 'c' })).toMatchObject({
        outcome: 'fresh',
      });
    }
  });

  it('a stolen one signs its browser out, whichever of the two comes first', async () => {
    const { id: userId } = await newAccount();
    const browserId = randomUUID();
    await accounts.addBrowser({ id: browserId, userId, hash: 'a', nowMs: NOW, expiresAtMs: NOW + 1e9 });
    const use = { browserId, graceMs: 10_000, expiresAtMs: NOW + 2e9 };
    await accounts.useRefreshToken({ ...use, hash: 'a', nextHash: 'b', nowMs: NOW });
    const later = { ...use, nowMs: NOW + 60_000 };
    const outcomes = await Promise.all([
      accounts.useRefreshToken({ ...later, hash: 'a', nextHash: 'b' }),
      accounts.useRefreshToken({ ...later, hash: 'b', nextHash: 'c' }),
    ]);
    expect(outcomes[0].outcome).toBe('stolen');
    expect(['rotated', 'invalid']).toContain(outcomes[1].outcome);
    expect(await accounts.useRefreshToken({ ...later, hash: 'c', nextHash: 'd' })).toEqual({
      outcome: 'invalid',
    });
  });

  it('an account is made once by several that sign in at once', async () => {
    const subject = `google:${randomUUID()}`;
    const made = await atOnce(() => newAccount(subject));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  });

  it('a session is claimed by one of several who ask at once', async () => {
    for (let round = 0; round < 5; round++) {
      const { sessionId, participantId } = await newSessionOfGuest();
      const people = await atOnce(() => newAccount());
      const claims = await atOnce((i) =>
        accounts.claim({ sessionId, participantId, userId: people[i]?.id ?? '' }),
      );
      const claimed = claims.flatMap((claim) => claim ?? []);
      expect(claimed).toHaveLength(1);
      const { rows } = await db.execute(sql`
        select s.host_user_id as host, p.user_id as member, p.id from sessions s
        join session_participants p on p.session_id = s.id where s.id = ${sessionId}::uuid`);
      const userId = claimed[0]?.participant.userId;
      expect(rows).toEqual([{ host: userId, member: userId, id: participantId }]);
    }
  });

  it('a session that one user claims in several tabs at once is theirs in each', async () => {
    for (let round = 0; round < 10; round++) {
      const { sessionId, participantId } = await newSessionOfGuest();
      const { id: userId } = await newAccount();
      const claims = await atOnce(() => accounts.claim({ sessionId, participantId, userId }));
      expect(new Set(claims.map((claim) => claim?.participant.id))).toEqual(new Set([participantId]));
      expect(claims.filter((claim) => claim?.isNew)).toHaveLength(1);
    }
  });
});
