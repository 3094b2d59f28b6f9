/**
 * Lists of large rows: an answer of Neon's has 10 MB at most, so a page has as many rows as fit, and what is
 * beyond comes with the next. The stand-in refuses larger answers, too.
 */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgres } from '../../dev/neon/real-postgres.ts';
import type { Page, PageRequest } from '../../src/domain/page.ts';
import { PostgresAccounts } from '../../src/postgres/accounts.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresDirectory } from '../../src/postgres/directory.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { PostgresStrudels } from '../../src/postgres/strudels.ts';
import { exportAccount } from '../../src/worker/account-export.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';

/** One of them: what is tried is the statements, and the embedded one takes long for so much. */
const engines = [(await findPostgres()) === null ? 'embedded' : 'real'] as const;
/** The most rows that a page is asked for. */
const ROWS = 100;
/** As many bytes as code may have; in an answer, which is JSON in JSON, each takes four. */
const LARGE = sql`repeat('"', 102400)`;

describe.each(engines)('on the %s engine', (engine) => {
  let front: PostgresFront;
  let db: Database;
  let userId: string;
  let sessionId: string;

  beforeAll(async () => {
    front = await startPostgresFront(engine);
    db = connectNeon({ ...front, timeoutMs: 20_000 });
    userId = (
      await new PostgresPeople(db).upsertUser({ subject: randomUUID(), name: 'Ada', avatarUrl: null })
    ).id;
    await db.execute(sql`
      insert into sessions (id, title, code, host_user_id, created_at)
      select gen_random_uuid(), 't' || i, ${LARGE}, ${userId}::uuid, now() - make_interval(secs => i)
      from generate_series(1, ${ROWS}::integer) i`);
    await db.execute(sql`
      insert into strudels (user_id, title, code, is_public, updated_at)
      select ${userId}::uuid, 't' || i, ${LARGE}, true, now() - make_interval(secs => i)
      from generate_series(1, ${ROWS}::integer) i`);
    sessionId = (
      await new PostgresSessionRepository(db).createSession({ title: 's', code: '', hostUserId: userId })
    ).id;
    await db.execute(sql`
      insert into session_messages
        (id, session_id, message_type, role, user_id, display_name, content, created_at, position)
      select gen_random_uuid(), ${sessionId}::uuid, 'ai_response', 'assistant', ${userId}::uuid, 'Ada', ${LARGE}, now(), i
      from generate_series(1, ${ROWS}::integer) i`);
  });
  afterAll(() => front?.stop());

  /** All entries, page by page, and how many pages it took. */
  async function walk<T>(read: (page: PageRequest) => Promise<Page<T>>) {
    const found: T[] = [];
    for (let pages = 1; ; pages++) {
      const { items, total } = await read({ limit: ROWS, offset: found.length });
      found.push(...items);
      if (items.length === 0 || found.length >= total) return { found, pages, total };
    }
  }

  it('sessions, a user’s own', async () => {
    const directory = new PostgresDirectory(db);
    const { found, pages, total } = await walk((page) =>
      directory.list(userId, { ...page, activeOnly: false }),
    );
    expect(pages).toBeGreaterThan(5);
    expect([total, new Set(found.map(({ id }) => id)).size]).toEqual([ROWS + 1, ROWS + 1]);
    // In their order.
    expect(found.map(({ title }) => title).slice(0, 3)).toEqual(['s', 't1', 't2']);
  });

  it('strudels', async () => {
    const strudels = new PostgresStrudels(db);
    const { found, pages } = await walk((page) => strudels.list({ userId, ...page }));
    expect(pages).toBeGreaterThan(5);
    expect(found.map(({ strudel }) => strudel.title)).toEqual(
      Array.from({ length: ROWS }, (_, i) => `t${i + 1}`),
    );
  });

  it('messages, from the newest to the oldest and back', async () => {
    const repository = new PostgresSessionRepository(db);
    const all = Array.from({ length: ROWS }, (_, i) => i + 1);
    const older: number[] = [];
    for (let hasMore = true; hasMore; ) {
      const beforePosition = older[0];
      const page = await repository.getMessagesPage(sessionId, {
        limit: ROWS,
        ...(beforePosition === undefined ? {} : { beforePosition }),
      });
      older.unshift(...page.messages.map(({ position }) => position));
      hasMore = page.hasMore;
    }
    expect(older).toEqual(all);
    const newer: number[] = [];
    for (let hasMore = true; hasMore; ) {
      const page = await repository.getMessagesPage(sessionId, {
        limit: ROWS,
        afterPosition: newer.at(-1) ?? 0,
      });
      newer.push(...page.messages.map(({ position }) => position));
      hasMore = page.hasMore;
    }
    expect(newer).toEqual(all);
    // A room reads the newest that fit.
    const history = await repository.getMessages(sessionId, { limit: 50 });
    expect(history.length).toBeGreaterThan(5);
    expect(history.at(-1)?.position).toBe(ROWS);
  });

  it('everything of an account', async () => {
    const accounts = new PostgresAccounts(db);
    const account = await accounts.get(userId);
    if (!account) throw new Error('no account');
    const ports = {
      accounts,
      strudels: new PostgresStrudels(db),
      flusher: {
        flushSession: never,
        flushSessions: async (ids: readonly string[]) => [...ids],
        replayDead: never,
      },
    };
    const pieces: string[] = [];
    for await (const piece of exportAccount(account, ports, Date.now())) pieces.push(piece);
    const text = JSON.parse(pieces.join(''));
    expect([text.sessions.length, text.strudels.length, text.is_complete]).toEqual([ROWS + 1, ROWS, true]);
    const { messages } = text.sessions.find(({ id }: { id: string }) => id === sessionId);
    expect(messages).toHaveLength(ROWS);
  });
});

const never = async (): Promise<never> => {
  throw new Error('not asked');
};
