/** Lists of sessions, their lives, and saved strudels: the statements, on each engine there is. */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgres } from '../../dev/neon/real-postgres.ts';
import type { Page, PageRequest } from '../../src/domain/page.ts';
import type { NewStrudel } from '../../src/domain/strudels.ts';
import { DEFAULT_TITLE } from '../../src/domain/types.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresDirectory } from '../../src/postgres/directory.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { PostgresStrudels } from '../../src/postgres/strudels.ts';
import { MAX_LISTED_CONVERSATION_CHARS } from '../../src/protocol/limits.ts';
import { rev } from '../support/commits.ts';
import { makeMessage } from '../support/messages.ts';
import { type PostgresFront, startPostgresFront } from '../support/postgres.ts';

const engines = ['embedded', ...((await findPostgres()) ? (['real'] as const) : [])] as const;

const HALF_AN_HOUR_MS = 1_800_000;

/** Every entry of a list, read page by page. */
async function everything<T>(read: (page: PageRequest) => Promise<Page<T>>): Promise<T[]> {
  const entries: T[] = [];
  for (;;) {
    const { items, total } = await read({ limit: 2, offset: entries.length });
    expect(items.length).toBeLessThanOrEqual(2);
    entries.push(...items);
    if (items.length === 0) {
      expect(entries).toHaveLength(total);
      return entries;
    }
  }
}

describe.each(engines)('on the %s engine', (engine) => {
  let front: PostgresFront;
  let db: Database;
  let sessions: PostgresSessionRepository;
  let people: PostgresPeople;
  let directory: PostgresDirectory;
  let strudels: PostgresStrudels;

  beforeAll(async () => {
    front = await startPostgresFront(engine);
    db = connectNeon({ ...front, timeoutMs: 20_000 });
    sessions = new PostgresSessionRepository(db);
    people = new PostgresPeople(db);
    directory = new PostgresDirectory(db);
    strudels = new PostgresStrudels(db);
  });
  afterAll(async () => {
    await front?.stop();
  });

  const newUser = async (name = 'Ada') =>
    (await people.upsertUser({ subject: randomUUID(), name, avatarUrl: null })).id;
  const newSession = async (hostUserId: string | null = null, title = 'jam') =>
    (await sessions.createSession({ title, code: '', hostUserId })).id;
  const join = async (sessionId: string, userId: string | null) => {
    const { token } = await people.createInvite({
      sessionId,
      role: 'co-author',
      maxUses: null,
      expiresAtMs: null,
    });
    const outcome = await people.enter({
      sessionId,
      userId,
      epoch: null,
      participantId: null,
      inviteToken: token,
      displayName: null,
      fallbackName: 'x',
      newParticipantId: randomUUID(),
    });
    if (outcome.outcome !== 'entered') throw new Error(outcome.outcome);
    return outcome.participant;
  };
  const idle = (sessionId: string, minutes: number) =>
    db.execute(
      sql`update sessions set last_activity = now() - make_interval(mins => ${minutes}::integer),
        created_at = now() - make_interval(mins => ${minutes}::integer) where id = ${sessionId}::uuid`,
    );
  const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

  describe('a user’s sessions', () => {
    it('are those they own or take part in, newest first, all or those that go on', async () => {
      const [ada, bea] = [await newUser(), await newUser()];
      const own: string[] = [];
      for (let i = 0; i < 3; i++) own.push(await newSession(ada, `jam ${i}`));
      const joined = await newSession(bea);
      await join(joined, ada);
      const left = await newSession(bea);
      await people.remove(left, (await join(left, ada)).id);
      await directory.end(own[1] ?? '');

      const list = (activeOnly: boolean) =>
        everything((page) => directory.list(ada, { ...page, activeOnly }));
      const all = await list(false);
      expect(new Set(ids(all))).toEqual(new Set([...own, joined]));
      expect(new Set(ids(await list(true)))).toEqual(new Set([own[0], own[2], joined]));
      const times = all.map(({ createdAtMs }) => createdAtMs);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      expect(all.find(({ id }) => id === own[1])).toMatchObject({
        title: 'jam 1',
        code: '',
        rev: 0,
        isActive: false,
        endedAtMs: expect.any(Number),
        participants: [],
      });
      const other = await join(joined, await newUser());
      await people.remove(joined, (await join(joined, null)).id);
      const shown = (await list(false)).find(({ id }) => id === joined)?.participants ?? [];
      expect(shown.map(({ userId }) => userId)).toEqual([ada, other.userId]);
      expect(shown).toEqual(
        (await people.participants(joined, { limit: 9, offset: 0, withRemoved: false })).items,
      );
    });

    it('have a last one: where something happened last, and it hasn’t ended', async () => {
      const ada = await newUser();
      expect(await directory.last(ada)).toBeNull();
      const [one, other, ended] = [await newSession(ada), await newSession(ada), await newSession(ada)];
      await idle(other, 5);
      await idle(one, 3);
      await directory.end(ended);
      expect(await directory.last(ada)).toMatchObject({ id: one, isMember: true, participantCount: 0 });
    });
  });

  describe('live sessions', () => {
    it('are the discoverable ones that go on, with their people', async () => {
      const ada = await newUser('Ada');
      const [shown, hidden, ended] = [await newSession(ada), await newSession(ada), await newSession(ada)];
      const more = await Promise.all([newSession(), newSession()]);
      for (const id of [shown, ended, ...more]) expect(await directory.setDiscoverable(id, true)).toBe(true);
      await directory.end(ended);
      const here = [await join(shown, null), await join(shown, await newUser())];
      await join(shown, null);
      await people.recordPresence(shown, ids(here));

      const bea = await newUser();
      await join(shown, bea);
      const live = await everything((page) => directory.live(bea, page));
      const membersOf = async (userId: string | null) =>
        ids((await everything((page) => directory.live(userId, page))).filter(({ isMember }) => isMember));
      expect(await membersOf(bea)).toEqual([shown]);
      expect(await membersOf(ada)).toEqual([shown]);
      expect(await membersOf(await newUser())).toEqual([]);
      expect(await membersOf(null)).toEqual([]);
      expect(new Set(ids(live))).toEqual(new Set([shown, ...more]));
      expect(live.find(({ id }) => id === shown)).toMatchObject({ hostName: 'Ada', participantCount: 2 });
      expect(live.find(({ id }) => id === more[0])).toMatchObject({ hostName: null, participantCount: 0 });
      expect(ids(live)).not.toContain(hidden);
      expect(await directory.setDiscoverable(ended, true)).toBe(false);
      expect(await directory.setDiscoverable(randomUUID(), true)).toBe(false);
    });

    it('say how open they are', async () => {
      const id = await newSession();
      const status = () => directory.liveStatus(id);
      expect(await status()).toEqual({
        isActive: true,
        isDiscoverable: false,
        hasInvites: false,
        participantCount: 0,
      });
      await directory.setDiscoverable(id, true);
      await join(id, null);
      expect(await status()).toMatchObject({ isDiscoverable: true, hasInvites: true });
      expect(await directory.liveStatus(randomUUID())).toBeNull();
    });

    it('become their hosts’ own again', async () => {
      const ada = await newUser();
      const id = await newSession(ada);
      await directory.setDiscoverable(id, true);
      const [guest, cohost, granted] = [
        await join(id, await newUser()),
        await join(id, null),
        await join(id, null),
      ];
      await people.setRole(id, cohost.id, 'host');
      await people.setRole(id, granted.id, 'co-author');
      await people.recordPresence(id, [guest.id, cohost.id]);
      // The host's and the co-host's places stay; who had left isn't sent away.
      expect(await directory.endLive(id)).toEqual({ participants: 1, invites: 3 });
      const roleOf = async (who: { userId?: string | null; participantId?: string }) =>
        (
          await people.checkAccess({
            sessionId: id,
            userId: null,
            epoch: null,
            participantId: null,
            inviteToken: null,
            ...who,
          })
        )?.role;
      expect(await roleOf({ userId: guest.userId })).toBeNull();
      expect(await roleOf({ participantId: granted.id })).toBeNull();
      expect(await roleOf({ participantId: cohost.id })).toBe('host');
      expect(await roleOf({ userId: ada })).toBe('host');
      expect(await directory.liveStatus(id)).toMatchObject({
        isActive: true,
        isDiscoverable: false,
        hasInvites: false,
      });
      expect(await directory.endLive(id)).toEqual({ participants: 1, invites: 0 });
      expect(await directory.endLive(randomUUID())).toBeNull();
    });
  });

  describe('a session', () => {
    it('is given a title, until it has ended', async () => {
      const id = await newSession();
      expect(await directory.setTitle(id, 'été "☀"')).toBe('été "☀"');
      expect((await sessions.getSession(id))?.title).toBe('été "☀"');
      expect(await directory.setTitle(id, '  ')).toBe(DEFAULT_TITLE);
      expect((await sessions.getSession(id))?.title).toBe(DEFAULT_TITLE);
      await directory.end(id);
      expect(await directory.setTitle(id, 'x')).toBeNull();
    });

    it('ends once, with everybody gone, and still takes what was acknowledged', async () => {
      const id = await newSession();
      const place = await join(id, null);
      await people.recordPresence(id, [place.id]);
      expect(await directory.end(id)).toBe(true);
      const ended = await sessions.getSession(id);
      expect(ended).toMatchObject({ isActive: false, endedAtMs: expect.any(Number) });
      expect(await directory.end(id)).toBe(true);
      expect((await sessions.getSession(id))?.endedAtMs).toBe(ended?.endedAtMs);
      expect(await directory.end(randomUUID())).toBe(false);
      expect((await directory.liveStatus(id))?.participantCount).toBe(0);
      const code = {
        code: 'late',
        rev: rev(1),
        editedAtMs: Date.now(),
        editorId: null,
        receipts: {},
        transport: null,
      };
      const [outcome] = await sessions.writeSessions([{ sessionId: id, code, messages: [] }]);
      expect(outcome?.status).toBe('written');
      expect(await sessions.getSession(id)).toMatchObject({ code: 'late', isActive: false });
    });

    it('is deleted some time after its end: soon where nobody had an account', async () => {
      const endedAgo = async (id: string, days: number) => {
        await directory.end(id);
        await db.execute(
          sql`update sessions set ended_at = now() - make_interval(days => ${days}::integer) where id = ${id}`,
        );
        return id;
      };
      const ada = await newUser();
      const withUser = await newSession();
      await join(withUser, ada);
      const kept = [
        await newSession(),
        await endedAgo(await newSession(), 6),
        await endedAgo(await newSession(ada), 364),
        await endedAgo(withUser, 8),
      ];
      const byStrangers = await newSession();
      await join(byStrangers, null);
      const gone = [await endedAgo(byStrangers, 8), await endedAgo(await newSession(ada), 366)];
      const message = makeMessage({ content: 'old' });
      await sessions.writeSessions([{ sessionId: gone[0] ?? '', code: null, messages: [message] }]);
      const days = { anonymous: 7, others: 365 };
      expect(await directory.deleteEnded(days, 1)).toEqual([gone[1]]);
      expect(await directory.deleteEnded(days, 100)).toEqual([gone[0]]);
      expect(await directory.deleteEnded(days, 100)).toEqual([]);
      const left = await Promise.all([...kept, ...gone].map((id) => sessions.getSession(id)));
      expect(left.map((session) => session?.id ?? null)).toEqual([...kept, null, null]);
      expect(await sessions.getMessages(gone[0] ?? '', { limit: 10 })).toEqual([]);
    });

    it('is listed with two others that were made without an account from one network, and no more', async () => {
      const open = async (madeFrom: string | null) =>
        (
          await sessions.createSession({
            title: '',
            code: '',
            hostUserId: null,
            isDiscoverable: true,
            madeFrom,
          })
        ).id;
      const first = await open('elsewhere');
      const flood: string[] = [];
      for (let i = 0; i < 60; i++) flood.push(await open('here'));
      const others = [await open(null), await open(null), await open(null), await open(null)];
      const listed = (await everything((page) => directory.live(null, page))).map(({ id }) => id);
      expect(listed.filter((id) => flood.includes(id))).toEqual(flood.slice(-3).reverse());
      expect(listed).toEqual(expect.arrayContaining([first, ...others]));
      for (const id of [first, ...flood, ...others]) await directory.end(id);
    });

    it('ends when nothing has happened in it for long', async () => {
      const [quiet, busy, ended] = [await newSession(), await newSession(), await newSession()];
      await idle(quiet, 31);
      await idle(busy, 29);
      await idle(ended, 40);
      await directory.end(ended);
      const missing = randomUUID();
      expect(await directory.inactive(HALF_AN_HOUR_MS, 100)).toEqual([
        { id: quiet, lastActivityMs: (await sessions.getSession(quiet))?.lastActivityMs },
      ]);
      const outcomes = await directory.endInactive([quiet, busy, ended, missing], HALF_AN_HOUR_MS);
      expect(Object.fromEntries(outcomes.map(({ sessionId, status }) => [sessionId, status]))).toEqual({
        [quiet]: 'ended',
        [busy]: 'active',
        [ended]: 'ended',
        [missing]: 'missing',
      });
      expect((await sessions.getSession(quiet))?.isActive).toBe(false);
      expect((await sessions.getSession(busy))?.isActive).toBe(true);
      expect(await directory.inactive(HALF_AN_HOUR_MS, 100)).toEqual([]);
    });
  });

  describe('strudels', () => {
    const said = (content: string, role: 'user' | 'assistant' = 'user') => ({
      role,
      content,
      isActionable: false,
      isCodeResponse: role === 'assistant',
      clarifyingQuestions: [],
    });
    const make = async (userId: string, over: Partial<NewStrudel> = {}) => {
      const saved = await strudels.create({
        userId,
        title: 'beat',
        code: 's("bd")',
        description: null,
        tags: [],
        categories: [],
        isPublic: false,
        license: null,
        ccSignal: null,
        forkedFrom: null,
        parentTitle: null,
        parentAuthor: null,
        parentCcSignal: null,
        conversation: [],
        ...over,
      });
      if (saved === null) throw new Error('the parent cannot be read');
      return saved;
    };

    it('are kept with their conversation, in its order', async () => {
      const ada = await newUser();
      const conversation = Array.from({ length: 12 }, (_, i) =>
        said(`line ${i} "{\\}"`, i % 2 ? 'assistant' : 'user'),
      );
      const made = await make(ada, {
        title: 'é "☀"',
        description: 'd',
        tags: ['a b', 'c,"d"', '{}'],
        conversation,
      });
      const got = await strudels.get(made.strudel.id, ada);
      expect(got).toEqual(made);
      expect(made.strudel).toMatchObject({
        userId: ada,
        title: 'é "☀"',
        description: 'd',
        tags: ['a b', 'c,"d"', '{}'],
      });
      expect(got?.conversation.map(({ id: _, createdAtMs: __, ...message }) => message)).toEqual(
        conversation,
      );
    });

    it('are their owner’s, unless they are public', async () => {
      const [ada, bea] = [await newUser(), await newUser()];
      const { id } = (await make(ada)).strudel;
      for (const reader of [bea, null]) expect(await strudels.get(id, reader)).toBeNull();
      expect(await strudels.update(id, bea, { title: 'stolen' })).toBeNull();
      expect(await strudels.delete(id, bea)).toBe(false);
      await strudels.update(id, ada, { isPublic: true });
      for (const reader of [bea, null]) expect((await strudels.get(id, reader))?.strudel.title).toBe('beat');
      expect(await strudels.delete(id, ada)).toBe(true);
      expect(await strudels.get(id, ada)).toBeNull();
      expect(await strudels.get(randomUUID(), ada)).toBeNull();
    });

    it('change in what is said to change', async () => {
      const ada = await newUser();
      const made = await make(ada, {
        description: 'd',
        tags: ['x'],
        conversation: [said('one'), said('two', 'assistant')],
      });
      const { id } = made.strudel;
      const changed = await strudels.update(id, ada, { code: 'new' });
      const { updatedAtMs } = changed?.strudel ?? {};
      expect(changed).toEqual({ ...made, strudel: { ...made.strudel, code: 'new', updatedAtMs } });
      expect(await strudels.get(id, ada)).toEqual(changed);
      const cleared = await strudels.update(id, ada, {
        description: null,
        tags: [],
        title: 't',
        conversation: [said('three')],
      });
      expect(cleared?.strudel).toMatchObject({ description: null, tags: [], title: 't', code: 'new' });
      expect(cleared?.conversation).toMatchObject([{ content: 'three' }]);
      expect(await strudels.get(id, ada)).toEqual(cleared);
      expect((await strudels.update(id, ada, { conversation: [] }))?.conversation).toEqual([]);
      expect((await strudels.get(id, ada))?.conversation).toEqual([]);
    });

    it('are made from others that their author may read, and stay when those go', async () => {
      const [ada, bea] = [await newUser('Ada'), await newUser('Bea')];
      const { strudel: parent } = await make(ada, {
        ccSignal: 'cc-cr',
        license: 'CC BY 4.0',
        categories: ['x'],
      });
      expect(parent).toMatchObject({
        authorName: 'Ada',
        license: 'CC BY 4.0',
        categories: ['x'],
        aiAssists: 0,
        parentCcSignal: null,
      });
      // Of what can't be read nothing is told.
      const nothing = { forkedFrom: null, parentTitle: null, parentAuthor: null, parentCcSignal: null };
      expect((await make(bea, { forkedFrom: parent.id })).strudel).toMatchObject(nothing);
      const { strudel: other } = await make(bea);
      expect((await strudels.update(other.id, bea, { forkedFrom: parent.id }))?.strudel).toMatchObject(
        nothing,
      );
      await strudels.update(parent.id, ada, { isPublic: true });
      const { strudel: fork } = await make(bea, {
        forkedFrom: parent.id,
        conversation: [said('a'), { ...said('b', 'assistant'), clarifyingQuestions: ['é "?"', 'or {b}'] }],
      });
      expect(fork).toMatchObject({
        forkedFrom: parent.id,
        parentCcSignal: 'cc-cr',
        aiAssists: 1,
        ccSignal: null,
      });
      const got = await strudels.get(fork.id, bea);
      expect(got?.conversation.at(-1)?.clarifyingQuestions).toEqual(['é "?"', 'or {b}']);
      const changed = await strudels.update(other.id, bea, { forkedFrom: parent.id, ccSignal: 'cc-op' });
      expect(changed?.strudel).toMatchObject({ forkedFrom: parent.id, ccSignal: 'cc-op' });
      await strudels.delete(parent.id, ada);
      expect((await strudels.get(fork.id, bea))?.strudel).toMatchObject({
        forkedFrom: null,
        parentCcSignal: 'cc-cr',
        parentAuthor: 'Ada',
        parentTitle: parent.title,
      });
    });

    it('show the newest turns of long conversations in lists, and all of them by themselves', async () => {
      const ada = await newUser();
      const half = 'x'.repeat(MAX_LISTED_CONVERSATION_CHARS / 2);
      const conversation = [said('first'), said(half, 'assistant'), said(half)];
      const { id } = (await make(ada, { conversation })).strudel;
      await make(ada, { conversation: conversation.slice(0, 2) });
      const { items } = await strudels.list({ userId: ada, limit: 9, offset: 0 });
      const shown = items.map((entry) => entry.conversation.map(({ content }) => content));
      expect(shown.toSorted()).toEqual(
        [
          ['first', half],
          [half, half],
        ].toSorted(),
      );
      expect((await strudels.get(id, ada))?.conversation).toHaveLength(3);
    });

    it('are listed: one’s own or everybody’s public ones, by title and tag, page by page', async () => {
      const [ada, bea] = [await newUser(), await newUser()];
      const tag = randomUUID();
      const own = [];
      for (const title of ['100% Techno', 'techno_2', 'House', 'TECHNO 3', 'x'])
        own.push((await make(ada, { title, tags: [tag], isPublic: title === 'House' })).strudel);
      const { strudel: theirs } = await make(bea, { title: 'Open techno', isPublic: true, tags: [tag, 'z'] });
      const titles = async (query: { userId: string | null; search?: string; tags?: string[] }) =>
        (await everything((page) => strudels.list({ ...query, ...page }))).map(
          ({ strudel }) => strudel.title,
        );
      expect((await titles({ userId: ada })).toSorted()).toEqual(own.map(({ title }) => title).toSorted());
      expect((await titles({ userId: ada, search: 'techno' })).toSorted()).toEqual(
        ['100% Techno', 'TECHNO 3', 'techno_2'].toSorted(),
      );
      expect(await titles({ userId: ada, search: '0%' })).toEqual(['100% Techno']);
      expect(await titles({ userId: ada, search: 'o_2' })).toEqual(['techno_2']);
      expect(new Set(await titles({ userId: null, tags: [tag] }))).toEqual(new Set(['House', 'Open techno']));
      expect(await titles({ userId: null, tags: ['z'] })).toEqual([theirs.title]);
      await strudels.update(own[0]?.id ?? '', ada, { tags: [] });
      expect((await titles({ userId: ada }))[0]).toBe('100% Techno');
    });
  });
});
