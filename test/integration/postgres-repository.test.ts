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
import type { EditReceipt } from '../../src/domain/receipts.ts';
import { COUNTS_PER_TERM, MAX_TERM, numberIn } from '../../src/domain/revision.ts';
import type { CodeWrite, SaidMessage, SessionWrite } from '../../src/domain/types.ts';
import { DEFAULT_TITLE } from '../../src/domain/types.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { SYSTEM_USER_ID, strudels } from '../../src/postgres/schema.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { makeCommit, rev } from '../support/commits.ts';
import { makeMessage } from '../support/messages.ts';
import { type PostgresFront, startPostgresFront, waitUntilBlocked } from '../support/postgres.ts';

const isPostgresInstalled = (await findPostgres()) !== null;
const engines = ['embedded', ...(isPostgresInstalled ? (['real'] as const) : [])] as const;

const T0 = Date.UTC(2026, 0, 1);

const message = (over: Partial<SaidMessage> = {}) => makeMessage({ createdAtMs: T0, ...over });

function code(over: Partial<CodeWrite> = {}): CodeWrite {
  return {
    code: 'note("c")',
    rev: rev(1),
    editedAtMs: T0,
    editorId: null,
    receipts: {},
    transport: null,
    ...over,
  };
}

const receipt = (clientSeq: number, requestIds: string[] = []): EditReceipt => ({
  clientSeq,
  requestIds,
  rev: rev(clientSeq),
  atMs: T0,
});

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
      expect(await repository.open(randomUUID(), 1)).toBeNull();
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
        write(a.id, { code: code({ code: text, rev: numberIn(3, 7), editorId: user, editedAtMs: T0 }) }),
        write(b.id, { messages: [said, message({ content: 'NULL', createdAtMs: T0 + 1, position: 2 })] }),
      ]);
      expect(outcomes).toEqual([
        { sessionId: a.id, status: 'written', rev: numberIn(3, 7) },
        { sessionId: b.id, status: 'written', rev: 0 },
      ]);
      expect(await repository.getSession(a.id)).toMatchObject({ code: text, rev: numberIn(3, 7) });
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
        { sessionId: id, status: 'written', rev: rev(1) },
      ]);
      expect((await snapshot()).rows).toEqual(before.rows);
      expect(before.rows).toHaveLength(3);
    });

    it('keeps the greater position of a message, with its time, whichever comes first', async () => {
      const { id } = await newSession();
      const [one, other] = [message(), message()];
      // The clock of the room that was replaced was ahead.
      const old = { createdAtMs: T0 + 9, position: numberIn(1, 900) };
      const later = { createdAtMs: T0 + 5, position: numberIn(2, 1) };
      const writeAs = (places: [typeof old, typeof old]) =>
        repository.writeSessions([
          write(id, {
            messages: [
              { ...one, ...places[0] },
              { ...other, ...places[1] },
            ],
          }),
        ]);
      await writeAs([old, later]);
      await writeAs([later, old]);
      expect(await all(id)).toMatchObject([later, later]);
    });

    it('never goes back to an older revision, whatever the order of arrival', async () => {
      const { id } = await newSession();
      for (const count of [5, 3, 4, 5, 1]) {
        const [outcome] = await repository.writeSessions([
          write(id, { code: code({ code: `r${count}`, rev: rev(count) }) }),
        ]);
        expect(outcome).toMatchObject({ status: 'written', rev: rev(5) });
      }
      expect((await repository.getSession(id))?.code).toBe('r5');
    });

    it('takes one code under a revision, and no other under the same', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ code: 'first', rev: rev(5) }) })]);
      await repository.writeSessions([write(id, { code: code({ code: 'other', rev: rev(5) }) })]);
      expect(await repository.getSession(id)).toMatchObject({ code: 'first', rev: rev(5) });
    });

    it('refuses code of an earlier term, however many edits that room made', async () => {
      const { id } = await newSession();
      await repository.writeSessions([
        write(id, {
          code: code({ code: 'new room', rev: numberIn(9, 2), receipts: { 'p/new': receipt(2) } }),
        }),
      ]);
      // By its room's clock it is the newest: it changes the session's last activity, and nothing else.
      const late = code({
        code: 'late',
        rev: numberIn(8, 50),
        editedAtMs: Date.now() + 60_000,
        receipts: { 'p/old': receipt(50) },
      });
      expect(await repository.writeSessions([write(id, { code: late })])).toEqual([
        { sessionId: id, status: 'written', rev: numberIn(9, 2) },
      ]);
      expect(await repository.getSession(id)).toMatchObject({ code: 'new room', rev: numberIn(9, 2) });
      expect((await repository.getStored(id))?.receipts).toEqual({ 'p/new': receipt(2) });
      expect((await repository.getSession(id))?.lastActivityMs).toBe(late.editedAtMs);
    });

    it('takes code of a later term over any of an earlier one, and repeated changes nothing', async () => {
      const { id } = await newSession();
      await repository.writeSessions([
        write(id, { code: code({ code: 'old', rev: numberIn(1, 4_000_000) }) }),
      ]);
      const next = write(id, { code: code({ code: 'new', rev: numberIn(2, 1) }) });
      for (let i = 0; i < 2; i++) {
        expect(await repository.writeSessions([next])).toMatchObject([{ rev: numberIn(2, 1) }]);
      }
      expect(await repository.getSession(id)).toMatchObject({ code: 'new', rev: numberIn(2, 1) });
    });

    it('writes the receipts with their code, and what plays: all of them, in place of those before', async () => {
      const { id } = await newSession();
      expect((await repository.getStored(id))?.receipts).toEqual({});
      const first = { 'p 1/c "ü"': receipt(3, ['a b:c%ü', '']), 'p/b': receipt(1) };
      const transport = { code: '"\n', rev: rev(2), by: 'Ada', sinceMs: 1, cycle: 0.25, cps: 0.5 };
      await repository.writeSessions([
        write(id, { code: code({ rev: rev(3), receipts: first, transport }) }),
      ]);
      expect(await repository.getStored(id)).toEqual({
        code: 'note("c")',
        rev: rev(3),
        receipts: first,
        transport,
        newest: rev(3),
      });
      const second = { 'p/c': receipt(4) };
      await repository.writeSessions([write(id, { code: code({ rev: rev(4), receipts: second }) })]);
      expect((await repository.getStored(id))?.receipts).toEqual(second);
      // Messages alone leave them as they are.
      await repository.writeSessions([write(id, { messages: [message()] })]);
      expect((await repository.getStored(id))?.receipts).toEqual(second);
    });

    it('keeps revisions and positions exactly up to the greatest', async () => {
      const { id } = await newSession();
      const greatest = numberIn(MAX_TERM, COUNTS_PER_TERM - 1);
      expect(greatest).toBe(Number.MAX_SAFE_INTEGER);
      const receipts = { 'p/c': { ...receipt(1), rev: greatest } };
      const places = [greatest - 1, greatest, greatest - 2];
      const messages = places.map((position) => message({ position }));
      for (const written of [greatest - 1, greatest]) {
        const [outcome] = await repository.writeSessions([
          write(id, { code: code({ rev: written, receipts }), messages }),
        ]);
        expect(outcome).toMatchObject({ rev: written });
      }
      expect(await repository.getStored(id)).toMatchObject({ rev: greatest, receipts });
      expect((await all(id)).map(({ position }) => position)).toEqual([greatest - 2, greatest - 1, greatest]);
      const before = await repository.getMessages(id, { limit: 9, beforePosition: greatest });
      expect(before.map(({ position }) => position)).toEqual([greatest - 2, greatest - 1]);
      expect(await repository.flushState(id)).toMatchObject({ flushedRev: greatest });
    });

    it('adds messages of a write whose code is old', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ rev: numberIn(5, 5) }) })]);
      await repository.writeSessions([write(id, { code: code({ rev: rev(1) }), messages: [message()] })]);
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
      const kept = message({ userId: user, strudelId: strudel?.id ?? '' });
      const orphan = message({ userId: randomUUID(), strudelId: randomUUID(), position: 2 });
      await repository.writeSessions([
        write(id, { code: code({ editorId: randomUUID() }), messages: [kept, orphan] }),
      ]);
      expect(await all(id)).toEqual([kept, { ...orphan, userId: null, strudelId: null }]);
      expect((await repository.getSession(id))?.rev).toBe(rev(1));

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
      const messages = Array.from({ length: 10 }, (_, i) => message({ content: `m${i}`, position: i }));
      const attempt = async (sessionId: string, count: number): Promise<void> => {
        const [outcome] = await repository.writeSessions([
          write(sessionId, { code: code({ code: `r${count}`, rev: rev(count) }), messages }),
        ]);
        // What another call holds is tried again, as a sweep does.
        if (outcome?.status === 'busy') return attempt(sessionId, count);
      };
      const counts = Array.from({ length: 8 }, (_, i) => i + 1);
      await Promise.all(made.flatMap(({ id }) => counts.map((count) => attempt(id, count))));
      for (const { id } of made) {
        expect(await repository.getSession(id)).toMatchObject({ code: 'r8', rev: rev(8) });
        expect((await all(id)).map((m) => m.content)).toEqual(messages.map((m) => m.content));
      }
    });
  });

  describe('a session without a buffer', () => {
    it('opens in a term that is greater than that of its code, with the code and its receipts', async () => {
      const { id } = await newSession();
      expect(await repository.open(id, 1)).toMatchObject({ outcome: 'opened', flushedRev: 0 });
      const receipts = { 'p/c': receipt(4) };
      await repository.writeSessions([
        write(id, { code: code({ code: 'x', rev: numberIn(2, 4), receipts }), messages: [message()] }),
      ]);
      for (const term of [1, 2]) {
        expect(await repository.open(id, term)).toEqual({ outcome: 'term_taken', term: 2 });
      }
      expect(await repository.open(id, 3)).toEqual({
        outcome: 'opened',
        code: { code: 'x', rev: numberIn(2, 4), receipts, transport: null },
        flushedRev: numberIn(2, 4),
        isDirty: false,
        messages: [],
        isPartial: false,
        isBufferBehind: true,
        lastCommit: 0,
        source: 'postgres',
      });
    });

    it('knows terms near the greatest one', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ rev: numberIn(2 ** 30, 7) }) })]);
      expect(await repository.open(id, 2 ** 30)).toEqual({ outcome: 'term_taken', term: 2 ** 30 });
      expect(await repository.open(id, 2 ** 30 + 1)).toMatchObject({ outcome: 'opened' });
    });

    it('commits all that Postgres may lack, and repeating the commit changes nothing', async () => {
      const { id } = await newSession();
      const [earlier, now] = [message({ position: 1 }), message({ position: 2 })];
      const receipts = { 'p/c': receipt(1) };
      const commit = makeCommit({
        sessionId: id,
        messages: [now],
        tail: { code: code({ code: 'a', receipts }), messages: [earlier, now] },
      });
      for (let i = 0; i < 2; i++) {
        expect(await repository.commit(commit)).toEqual({ durable: 'postgres' });
      }
      expect(await all(id)).toEqual([earlier, now]);
      expect(await repository.getStored(id)).toMatchObject({
        code: 'a',
        rev: rev(1),
        receipts,
        transport: null,
      });
      expect(await repository.flushState(id)).toEqual({
        flushedRev: rev(1),
        isDirty: false,
        lastCommit: 0,
        sweeperLeaseMs: 0,
      });
    });

    it('takes no code of a room that was superseded, and tells it so', async () => {
      const { id } = await newSession();
      await repository.writeSessions([
        write(id, { code: code({ code: 'of the successor', rev: numberIn(2, 1) }) }),
      ]);
      const late = { sessionId: id, text: 'late', count: 99 };
      await expect(repository.commit(makeCommit(late))).rejects.toThrow(SupersededError);
      const alone = makeCommit({ sessionId: id, messages: [message()] });
      await expect(repository.commit(alone)).rejects.toThrow(SupersededError);
      expect(await repository.getStored(id)).toEqual({
        code: 'of the successor',
        rev: numberIn(2, 1),
        receipts: {},
        transport: null,
        newest: numberIn(2, 1),
      });
    });

    it('knows the term of a room that wrote messages alone', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { messages: [message({ position: numberIn(7, 3) })] })]);
      expect(await repository.getStored(id)).toMatchObject({ rev: 0, newest: numberIn(7, 3) });
      expect(await repository.open(id, 7)).toEqual({ outcome: 'term_taken', term: 7 });
      expect(await repository.open(id, 8)).toMatchObject({ outcome: 'opened', flushedRev: 0 });
    });

    it('takes a commit of a later term than the row has', async () => {
      const { id } = await newSession();
      await repository.writeSessions([write(id, { code: code({ rev: rev(9) }) })]);
      await repository.commit(makeCommit({ sessionId: id, term: 77, text: 'fallback', count: 3 }));
      expect(await repository.getSession(id)).toMatchObject({ code: 'fallback', rev: numberIn(77, 3) });
    });

    it('takes nothing of a room that doesn’t know all that Postgres may lack', async () => {
      const { id } = await newSession();
      const partial = makeCommit({ sessionId: id, text: 'x', messages: [message()], tail: null });
      await expect(repository.commit(partial)).rejects.toThrow(TypeError);
      expect(await all(id)).toEqual([]);
      expect(await repository.getSession(id)).toMatchObject({ code: '', rev: 0 });
    });

    it('says that a session is gone', async () => {
      const sessionId = randomUUID();
      const gone = makeCommit({ sessionId, messages: [message()] });
      await expect(repository.commit(gone)).rejects.toThrow(SessionNotFoundError);
      await expect(repository.flushState(sessionId)).rejects.toThrow(SessionNotFoundError);
      expect(await repository.getStored(sessionId)).toBeNull();
    });
  });

  describe('getMessages', () => {
    it('gives the newest that fit, oldest first, by type and before a position', async () => {
      const { id } = await newSession();
      const messages = Array.from({ length: 6 }, (_, i) =>
        // Times are for showing: of two rooms they needn't be in order.
        message({
          content: `m${i}`,
          position: i + 1,
          createdAtMs: T0 - i,
          type: i % 2 === 0 ? 'chat' : 'ai_response',
        }),
      );
      await repository.writeSessions([write(id, { messages: messages.toReversed() })]);
      const contents = async (page: Parameters<typeof repository.getMessages>[1]) =>
        (await repository.getMessages(id, page)).map((m) => m.content);
      expect(await contents({ limit: 3 })).toEqual(['m3', 'm4', 'm5']);
      expect(await contents({ limit: 9, types: ['chat'] })).toEqual(['m0', 'm2', 'm4']);
      expect(await contents({ limit: 2, types: ['chat', 'ai_response'], beforePosition: 4 })).toEqual([
        'm1',
        'm2',
      ]);
      expect(await contents({ limit: 2, beforePosition: 1 })).toEqual([]);
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
        const commit = makeCommit({ sessionId: locked.id, messages: [message()] });
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
