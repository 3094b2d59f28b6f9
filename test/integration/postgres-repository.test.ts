import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listenOnLoopback } from '../../dev/loopback.ts';
import { findPostgres } from '../../dev/neon/real-postgres.ts';
import {
  SessionNotFoundError,
  StorageUnavailableError,
  SupersededError,
  WriteRefusedError,
} from '../../src/domain/errors.ts';
import type { CodeWrite, SessionMessage, SessionWrite } from '../../src/domain/types.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { DEFAULT_TITLE, SYSTEM_USER_ID, strudels } from '../../src/postgres/schema.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { makeMessage } from '../support/messages.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';

const isPostgresInstalled = (await findPostgres()) !== null;
const engines = ['embedded', ...(isPostgresInstalled ? (['real'] as const) : [])] as const;

const T0 = Date.UTC(2026, 0, 1);

const message = (over: Partial<SessionMessage> = {}) => makeMessage({ createdAtMs: T0, ...over });

function code(over: Partial<CodeWrite> = {}): CodeWrite {
  return { code: 'note("c")', rev: 1, epoch: 1, editedAtMs: T0, editorId: null, ...over };
}

function write(sessionId: string, over: Partial<SessionWrite> = {}): SessionWrite {
  return { sessionId, code: null, messages: [], ...over };
}

describe.each(engines)('Postgres repository on the %s engine', (engine) => {
  let front: PostgresFront;
  let repository: PostgresSessionRepository;
  let db: Database;
  let people: PostgresPeople;

  beforeAll(async () => {
    front = await startPostgresFront(engine);
    repository = new PostgresSessionRepository(connectNeon({ ...front, timeoutMs: 10_000 }));
    db = connectNeon({ ...front, timeoutMs: 10_000 });
    people = new PostgresPeople(db);
  });
  afterAll(async () => {
    await front?.stop();
  });

  const newSession = () => repository.createSession({ title: 'jam', code: '', hostUserId: null });
  const newUser = async () =>
    (await people.upsertUser({ subject: randomUUID(), name: 'Ada', avatarUrl: null })).id;
  const all = (sessionId: string) => repository.getMessages(sessionId, { limit: 1_000 });

  describe('sessions', () => {
    it('creates one that the system user owns, and reads it back', async () => {
      const made = await repository.createSession({
        title: 'été "☀" \\ {x}',
        code: "s('bd')",
        hostUserId: null,
      });
      expect(made).toMatchObject({
        title: 'été "☀" \\ {x}',
        code: "s('bd')",
        hostUserId: SYSTEM_USER_ID,
        rev: 0,
        epoch: 0,
        isActive: true,
        isDiscoverable: false,
        endedAtMs: null,
      });
      expect(Math.abs(made.createdAtMs - Date.now())).toBeLessThan(60_000);
      expect(await repository.getSession(made.id)).toEqual(made);
    });

    it('gives a blank title the default one', async () => {
      const made = await repository.createSession({ title: '  ', code: '', hostUserId: null });
      expect(made.title).toBe(DEFAULT_TITLE);
    });

    it('refuses a host that is no user', async () => {
      const attempt = repository.createSession({ title: 'x', code: '', hostUserId: randomUUID() });
      await expect(attempt).rejects.toMatchObject({ name: 'WriteRefusedError', code: '23503' });
    });

    it('answers null for an unknown session', async () => {
      expect(await repository.getSession(randomUUID())).toBeNull();
      expect(await repository.open(randomUUID(), null)).toBeNull();
    });

    it('deletes one with its messages and invites', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { messages: [message()] })]);
      await people.createInvite({ sessionId: id, role: 'viewer', maxUses: null, expiresAtMs: null });
      expect(await repository.deleteSession(id)).toBe(true);
      expect(await repository.deleteSession(id)).toBe(false);
      expect(await all(id)).toEqual([]);
      expect(await people.invites(id, { limit: 10, offset: 0 })).toMatchObject({ items: [] });
    });
  });

  describe('writeSessions', () => {
    it('writes code and messages of many sessions at once, byte for byte', async () => {
      const user = await newUser();
      const [a, b] = [await newSession(), await newSession()];
      const text = 'back\\slash "quote" {brace}, NULL\n\ttab é 🎵 \' $1 %s';
      const said = message({
        content: text,
        displayName: 'Ünï "x"',
        userId: user,
        avatarUrl: 'https://x.test/a',
      });
      const outcomes = await repository.writeSessions([
        write(a.id, { code: code({ code: text, rev: 7, epoch: 3, editorId: user, editedAtMs: T0 }) }),
        write(b.id, { messages: [said, message({ content: 'NULL', createdAtMs: T0 + 1 })] }),
      ]);
      expect(outcomes).toEqual([
        { sessionId: a.id, status: 'written', rev: 7, epoch: 3, isHeld: true },
        { sessionId: b.id, status: 'written', rev: 0, epoch: 0, isHeld: false },
      ]);
      expect(await repository.getSession(a.id)).toMatchObject({ code: text, rev: 7, epoch: 3 });
      const [first, second] = await all(b.id);
      expect(first).toEqual(said);
      expect(second?.content).toBe('NULL');
      const { rows } = await db.execute(sql`select last_editor_id from sessions where id = ${a.id}`);
      expect(rows).toEqual([{ last_editor_id: user }]);
    });

    it('answers in the order of the writes, and nothing for none', async () => {
      const made = [await newSession(), await newSession(), await newSession()];
      const ids = [...made.map(({ id }) => id), randomUUID()].reverse();
      const outcomes = await repository.writeSessions(ids.map((id) => write(id)));
      expect(outcomes.map((outcome) => outcome.sessionId)).toEqual(ids);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['missing', 'written', 'written', 'written']);
      expect(await repository.writeSessions([])).toEqual([]);
    });

    it('changes no row when it is repeated', async () => {
      const { id } = await newSession();
      const again = write(id, {
        code: code({ editedAtMs: Date.now() + 5_000 }),
        messages: [message(), message()],
      });
      await repository.writeSessions([again]);
      // xmin is the transaction that last wrote the row.
      const snapshot = () =>
        db.execute(sql`
          select xmin::text, ctid::text from sessions where id = ${id}
          union all select xmin::text, ctid::text from session_messages where session_id = ${id}`);
      const before = await snapshot();
      expect(await repository.writeSessions([again])).toEqual([
        { sessionId: id, status: 'written', rev: 1, epoch: 1, isHeld: true },
      ]);
      expect((await snapshot()).rows).toEqual(before.rows);
      expect(before.rows).toHaveLength(3);
    });

    it('keeps the time that the later room gave a message, whichever comes first', async () => {
      const { id } = await newSession();
      const [one, other] = [message(), message()];
      // The clock of the room that was replaced was ahead.
      const old = { createdAtMs: T0 + 9, epoch: 1 };
      const later = { createdAtMs: T0 + 5, epoch: 2 };
      const writeAs = (times: [typeof old, typeof old]) =>
        repository.writeSessions([
          write(id, {
            messages: [
              { ...one, ...times[0] },
              { ...other, ...times[1] },
            ],
          }),
        ]);
      await writeAs([old, later]);
      await writeAs([later, old]);
      expect(await all(id)).toMatchObject([later, later]);
    });

    it('never goes back to an older revision, whatever the order of arrival', async () => {
      const { id } = await newSession();
      for (const rev of [5, 3, 4, 5, 1]) {
        const [outcome] = await repository.writeSessions([
          write(id, { code: code({ code: `r${rev}`, rev }) }),
        ]);
        expect(outcome).toMatchObject({ status: 'written', rev: 5 });
      }
      expect((await repository.getSession(id))?.code).toBe('r5');
    });

    it('refuses an old epoch even with a greater revision', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ code: 'new room', rev: 2, epoch: 9 }) })]);
      const zombie = write(id, { code: code({ code: 'zombie', rev: 50, epoch: 8 }) });
      expect(await repository.writeSessions([zombie])).toEqual([
        { sessionId: id, status: 'written', rev: 2, epoch: 9, isHeld: false },
      ]);
      expect(await repository.getSession(id)).toMatchObject({ code: 'new room', rev: 2, epoch: 9 });
    });

    it('takes a newer epoch with a smaller revision without letting the revision go down', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ code: 'old', rev: 10, epoch: 1 }) })]);
      const next = write(id, { code: code({ code: 'new', rev: 4, epoch: 2 }) });
      expect(await repository.writeSessions([next])).toEqual([
        { sessionId: id, status: 'written', rev: 11, epoch: 2, isHeld: true },
      ]);
      expect(await repository.writeSessions([next])).toMatchObject([{ rev: 11, epoch: 2 }]);
      expect(await repository.getSession(id)).toMatchObject({ code: 'new', rev: 11, epoch: 2 });
    });

    it('adds messages of a write whose code is old', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ rev: 5, epoch: 5 }) })]);
      await repository.writeSessions([
        write(id, { code: code({ rev: 1, epoch: 1 }), messages: [message()] }),
      ]);
      expect(await all(id)).toHaveLength(1);
    });

    it('keeps the first of two messages with one id, and the same id in another session', async () => {
      const [a, b] = [await newSession(), await newSession()];
      const first = message({ content: 'first' });
      await repository.writeSessions([
        write(a.id, { messages: [first, { ...first, content: 'second' }] }),
        write(b.id, { messages: [{ ...first, content: 'elsewhere' }] }),
      ]);
      await repository.writeSessions([write(a.id, { messages: [{ ...first, content: 'third' }] })]);
      expect((await all(a.id)).map((m) => m.content)).toEqual(['first']);
      expect((await all(b.id)).map((m) => m.content)).toEqual(['elsewhere']);
    });

    it('nulls references to users and strudels that are gone, instead of failing', async () => {
      const { id } = await newSession();
      const user = await newUser();
      const [strudel] = await db
        .insert(strudels)
        .values({ userId: user, title: 't', code: 'c' })
        .returning({ id: strudels.id });
      const kept = message({ userId: user, strudelId: strudel?.id ?? '', createdAtMs: T0 });
      const orphan = message({ userId: randomUUID(), strudelId: randomUUID(), createdAtMs: T0 + 1 });
      await repository.writeSessions([
        write(id, { code: code({ editorId: randomUUID() }), messages: [kept, orphan] }),
      ]);
      expect(await all(id)).toEqual([kept, { ...orphan, userId: null, strudelId: null }]);
      expect((await repository.getSession(id))?.rev).toBe(1);

      await db.execute(sql`delete from users where id = ${user}`);
      expect((await all(id))[0]).toMatchObject({ userId: null, strudelId: null });
    });

    it('raises the last activity with messages too, and never lowers it', async () => {
      const { id } = await newSession();
      const later = Date.now() + 60_000;
      await repository.writeSessions([write(id, { messages: [message({ createdAtMs: later })] })]);
      await repository.writeSessions([write(id, { code: code({ editedAtMs: later - 5_000 }) })]);
      expect((await repository.getSession(id))?.lastActivityMs).toBe(later);
    });

    it('writes nothing of a batch that has one refused session', async () => {
      const [good, bad] = [await newSession(), await newSession()];
      const batch = [
        write(good.id, { code: code({ code: 'fine' }), messages: [message()] }),
        write(bad.id, { code: code({ code: 'x'.repeat(100 * 1024 + 1) }) }),
      ];
      await expect(repository.writeSessions(batch)).rejects.toMatchObject({
        name: 'WriteRefusedError',
        code: '23514',
        message: expect.stringContaining('sessions_code_size'),
      });
      expect((await repository.getSession(good.id))?.rev).toBe(0);
      expect(await all(good.id)).toEqual([]);
    });

    it.each([
      ['a U+0000 in the code', write('', { code: code({ code: 'a\0b' }) }), '22021'],
      ['a lone surrogate in a message', write('', { messages: [message({ content: 'x\ud800' })] }), '22021'],
      ['an id that is no UUID', write('', { messages: [message({ id: 'nope-secret' })] }), '22P02'],
      [
        'a time out of range',
        write('', { messages: [message({ createdAtMs: 253_402_300_800_000 })] }),
        '22008',
      ],
      ['a time that is no number', write('', { code: code({ editedAtMs: Number.NaN }) }), '22008'],
    ])('refuses %s without quoting it', async (_, poisoned, sqlstate) => {
      const { id } = await newSession();
      const error = await repository
        .writeSessions([{ ...poisoned, sessionId: id }])
        .catch((thrown) => thrown);
      expect(error).toBeInstanceOf(WriteRefusedError);
      expect(error).toMatchObject({ code: sqlstate });
      expect(error.message).not.toContain('nope-secret');
    });

    it('takes code of exactly the limit, and a batch of hundreds of sessions', async () => {
      const made = await Promise.all(Array.from({ length: 40 }, newSession));
      const largest = 'é'.repeat(50 * 1024);
      const missing = Array.from({ length: 300 }, () => write(randomUUID(), { code: code() }));
      const writes = made.map(({ id }) =>
        write(id, { code: code({ code: largest }), messages: Array.from({ length: 20 }, () => message()) }),
      );
      const outcomes = await repository.writeSessions([...writes, ...missing]);
      expect(outcomes.filter((outcome) => outcome.status === 'written')).toHaveLength(40);
      expect(outcomes.filter((outcome) => outcome.status === 'missing')).toHaveLength(300);
      expect((await repository.getSession(made[39]?.id ?? ''))?.code).toBe(largest);
    });

    it('changes no column that an index holds, so that a flush writes no index entry', async () => {
      const { rows } = await db.execute(sql`select indexdef from pg_indexes where tablename = 'sessions'`);
      expect(rows.length).toBeGreaterThan(1);
      expect(JSON.stringify(rows)).not.toMatch(/code|last_editor|last_activity|updated_at/);
    });

    it('refuses two writes of one session', async () => {
      const { id } = await newSession();
      await expect(repository.writeSessions([write(id), write(id)])).rejects.toThrow(TypeError);
    });

    it('ends at the newest code and every message once, when many calls run at once', async () => {
      const made = await Promise.all([newSession(), newSession(), newSession()]);
      const messages = Array.from({ length: 10 }, (_, i) =>
        message({ content: `m${i}`, createdAtMs: T0 + i }),
      );
      const attempt = async (sessionId: string, rev: number): Promise<void> => {
        const [outcome] = await repository.writeSessions([
          write(sessionId, { code: code({ code: `r${rev}`, rev }), messages }),
        ]);
        // What another call holds is tried again, as a sweep does.
        if (outcome?.status === 'busy') return attempt(sessionId, rev);
      };
      const revs = Array.from({ length: 8 }, (_, i) => i + 1);
      await Promise.all(made.flatMap(({ id }) => revs.map((rev) => attempt(id, rev))));
      for (const { id } of made) {
        expect(await repository.getSession(id)).toMatchObject({ code: 'r8', rev: 8 });
        expect((await all(id)).map((m) => m.content)).toEqual(messages.map((m) => m.content));
      }
    });
  });

  describe('a session without a buffer', () => {
    it('gives out growing epochs, and loads the state', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ code: 'x', rev: 4, epoch: 2 }) })]);
      const first = await repository.open(id, null);
      const second = await repository.open(id, null);
      expect(first).toMatchObject({
        session: { code: 'x', rev: 4 },
        flushedRev: 4,
        isDirty: false,
        receipts: {},
        messages: [],
      });
      expect(first?.epoch).toBeGreaterThan(2);
      expect(second?.epoch).toBeGreaterThan(first?.epoch ?? 0);
    });

    it('gives out an epoch above a future one', async () => {
      const { id } = await newSession();
      const future = Date.now() + 1e9;
      await repository.writeSessions([write(id, { code: code({ epoch: future }) })]);
      expect((await repository.open(id, null))?.epoch).toBe(future + 1);
    });

    it('commits, and repeating the commit changes nothing', async () => {
      const { id } = await newSession();
      const epoch = (await repository.open(id, null))?.epoch ?? 0;
      const commit = {
        sessionId: id,
        epoch,
        code: { code: 'a', rev: 1, editedAtMs: Date.now(), editorId: null, edits: 3 },
        messages: [message()],
        lastMessageMs: 0,
        receipts: {},
        flushedRev: 0,
      };
      const expected = {
        durable: 'postgres',
        rev: 1,
        flushedRev: 1,
        isDirty: false,
        lastCommit: 0,
        sweeperLeaseMs: 0,
        dirtySessions: 0,
      };
      expect(await repository.commit(commit)).toEqual(expected);
      expect(await repository.commit(commit)).toEqual(expected);
      expect(await all(id)).toHaveLength(1);
      expect(await repository.flushState(id)).toMatchObject({ rev: 1, flushedRev: 1, isDirty: false });
    });

    it('refuses everything of a room that was superseded', async () => {
      const { id } = await newSession();
      const old = await repository.open(id, null);
      await repository.open(id, null);
      const zombie = {
        sessionId: id,
        epoch: old?.epoch ?? 0,
        messages: [message()],
        lastMessageMs: 0,
        receipts: {},
        flushedRev: 0,
      };
      const edit = { code: 'zombie', rev: 99, editedAtMs: T0, editorId: null, edits: 1 };
      await expect(repository.commit({ ...zombie, code: edit })).rejects.toThrow(SupersededError);
      await expect(repository.commit({ ...zombie, code: null })).rejects.toThrow(SupersededError);
      expect(await all(id)).toEqual([]);
      expect((await repository.getSession(id))?.rev).toBe(0);
    });

    it('takes a commit with a newer epoch than the row has', async () => {
      const { id } = await newSession();
      const edit = { code: 'fallback', rev: 3, editedAtMs: T0, editorId: null, edits: 1 };
      const done = await repository.commit({
        sessionId: id,
        epoch: 77,
        code: edit,
        messages: [],
        lastMessageMs: 0,
        receipts: {},
        flushedRev: 0,
      });
      expect(done.rev).toBe(3);
      expect(await repository.getSession(id)).toMatchObject({ code: 'fallback', rev: 3, epoch: 77 });
    });

    it('says that a session is gone', async () => {
      const gone = {
        sessionId: randomUUID(),
        epoch: 1,
        code: null,
        messages: [message()],
        lastMessageMs: 0,
        receipts: {},
        flushedRev: 0,
      };
      await expect(repository.commit(gone)).rejects.toThrow(SessionNotFoundError);
      await expect(repository.flushState(gone.sessionId)).rejects.toThrow(SessionNotFoundError);
    });
  });

  describe('getMessages', () => {
    it('gives the newest that fit, oldest first, by type and before a time', async () => {
      const { id } = await newSession();
      const messages = Array.from({ length: 6 }, (_, i) =>
        message({ content: `m${i}`, createdAtMs: T0 + i, type: i % 2 === 0 ? 'chat' : 'ai_response' }),
      );
      await repository.writeSessions([write(id, { messages: messages.toReversed() })]);
      const contents = async (page: Parameters<typeof repository.getMessages>[1]) =>
        (await repository.getMessages(id, page)).map((m) => m.content);
      expect(await contents({ limit: 3 })).toEqual(['m3', 'm4', 'm5']);
      expect(await contents({ limit: 9, types: ['chat'] })).toEqual(['m0', 'm2', 'm4']);
      expect(await contents({ limit: 2, types: ['chat', 'ai_response'], beforeMs: T0 + 3 })).toEqual([
        'm1',
        'm2',
      ]);
      expect(await contents({ limit: 2, beforeMs: T0 })).toEqual([]);
    });
  });
});

if (isPostgresInstalled) {
  describe('beside other transactions on a real server', () => {
    let front: PostgresFront;
    let repository: PostgresSessionRepository;
    let other: pg.Client;

    beforeAll(async () => {
      front = await startPostgresFront('real');
      repository = new PostgresSessionRepository(connectNeon({ ...front, timeoutMs: 5_000 }));
      other = new pg.Client({ connectionString: front.databaseUrl });
      await other.connect();
    });
    afterAll(async () => {
      await other?.end();
      await front?.stop();
    });

    const newSession = () => repository.createSession({ title: 'jam', code: '', hostUserId: null });

    it('skips a row that is locked, writes the others, and a retry gets it', async () => {
      const [locked, free] = [await newSession(), await newSession()];
      const writes = [locked, free].map(({ id }) => write(id, { code: code(), messages: [message()] }));
      await other.query('begin');
      try {
        await other.query('select from sessions where id = $1 for update', [locked.id]);
        expect((await repository.writeSessions(writes)).map(({ status }) => status)).toEqual([
          'busy',
          'written',
        ]);
        expect(await repository.getMessages(locked.id, { limit: 9 })).toEqual([]);
        const commit = {
          sessionId: locked.id,
          epoch: 1,
          code: null,
          messages: [message()],
          lastMessageMs: 0,
          receipts: {},
          flushedRev: 0,
        };
        await expect(repository.commit(commit)).rejects.toThrow(StorageUnavailableError);
      } finally {
        await other.query('rollback');
      }
      expect((await repository.writeSessions(writes)).map(({ status }) => status)).toEqual([
        'written',
        'written',
      ]);
      expect(await repository.getMessages(locked.id, { limit: 9 })).toHaveLength(1);
    });

    it('does not fail on a user that is being deleted meanwhile', async () => {
      const { id } = await newSession();
      const { id: user } = await new PostgresPeople(connectNeon({ ...front, timeoutMs: 5_000 })).upsertUser({
        subject: randomUUID(),
        name: null,
        avatarUrl: null,
      });
      await other.query('begin');
      await other.query('delete from users where id = $1', [user]);
      const writing = repository.writeSessions([write(id, { messages: [message({ userId: user })] })]);
      await waitUntilBlocked(other);
      await other.query('commit');
      expect(await writing).toMatchObject([{ status: 'written' }]);
      expect(await repository.getMessages(id, { limit: 9 })).toMatchObject([{ userId: null }]);
    });

    it('leaves no transaction open', async () => {
      const { rows } = await other.query(
        "select count(*)::int as open from pg_stat_activity where state like 'idle in transaction%'",
      );
      expect(rows).toEqual([{ open: 0 }]);
    });
  });
}

/** Waits until some backend waits for a lock. */
async function waitUntilBlocked(client: pg.Client): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await client.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'");
      return rows.length;
    })
    .toBeGreaterThan(0);
}

describe('a Postgres that does not answer well', () => {
  const secretUrl = 'postgres://user:hunter2@db.test:5432/backbeat';
  let server: Server;
  let respond: (status: number, body: string) => void = () => {};
  let fetchEndpoint: string;
  let repository: PostgresSessionRepository;
  let reply: { status: number; body: string } | null = null;

  beforeAll(async () => {
    server = createServer((_, response) => {
      // Without a reply the request hangs, as behind a network that drops packets.
      if (reply === null) return;
      response.statusCode = reply.status;
      response.end(reply.body);
    });
    const port = await listenOnLoopback(server);
    fetchEndpoint = `http://127.0.0.1:${port}/sql`;
    repository = new PostgresSessionRepository(
      connectNeon({ databaseUrl: secretUrl, fetchEndpoint, timeoutMs: 300 }),
    );
    respond = (status, body) => {
      reply = { status, body };
    };
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const attempt = async () => {
    const secret = write(randomUUID(), { code: code({ code: 'secret code' }) });
    const error: unknown = await repository.writeSessions([secret]).catch((thrown) => thrown);
    if (!(error instanceof Error)) throw new Error('the write did not fail');
    expect(error.message).not.toMatch(/hunter2|secret code/);
    return error;
  };

  it('times out as an outage', async () => {
    reply = null;
    const error = await attempt();
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error.message).toBe('postgres: timed out');
  });

  it.each(['08006', '28P01', '40001', '40P01', '42P01', '53300', '55P03', '57P01', '58030', 'XX000', ''])(
    'takes SQLSTATE "%s" for an outage',
    async (sqlstate) => {
      respond(400, JSON.stringify({ message: 'why', code: sqlstate }));
      expect(await attempt()).toBeInstanceOf(StorageUnavailableError);
    },
  );

  it.each(['22001', '22P05', '23503', '23514', '54000'])(
    'takes SQLSTATE "%s" for a refusal',
    async (sqlstate) => {
      respond(400, JSON.stringify({ message: 'about hunter2', code: sqlstate, constraint: 'some_check' }));
      const error = await attempt();
      expect(error).toBeInstanceOf(WriteRefusedError);
      expect(error).toMatchObject({ code: sqlstate, message: expect.stringContaining('some_check') });
    },
  );

  it('takes HTTP 413 for a refusal, and other statuses for an outage', async () => {
    respond(413, '{"message":"request is too large"}');
    expect(await attempt()).toMatchObject({ name: 'WriteRefusedError', code: 'too_large' });
    for (const status of [500, 502, 503, 429]) {
      respond(status, 'hunter2');
      expect(await attempt()).toMatchObject({ name: 'StorageUnavailableError', store: 'postgres' });
    }
  });

  it('takes a refused connection, and an answer that is no JSON, for an outage', async () => {
    respond(200, '<html>');
    expect(await attempt()).toBeInstanceOf(StorageUnavailableError);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await attempt()).toBeInstanceOf(StorageUnavailableError);
  });

  it('does not repeat a malformed database URL', () => {
    const bad = () =>
      new PostgresSessionRepository(
        connectNeon({ databaseUrl: 'postgres://u:hunter2@[', fetchEndpoint, timeoutMs: 1 }),
      );
    expect(bad).toThrow(TypeError);
    expect(bad).not.toThrow(/hunter2/);
  });
});
