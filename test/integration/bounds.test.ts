/**
 * What one session can make of a flush that is for all: sizes of requests and replies, a Redis that is full,
 * data that is damaged, and too many dead letters.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DamagedDataError, StorageUnavailableError } from '../../src/domain/errors.ts';
import { unlimitedBudget } from '../../src/domain/request-budget.ts';
import type { MessagePage } from '../../src/domain/types.ts';
import { MAX_CODE_BYTES } from '../../src/protocol/limits.ts';
import { Flusher, type FlusherOptions } from '../../src/write-behind/flusher.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import { type CommitOver, makeCommit, rev } from '../support/commits.ts';
import { FakeWriter } from '../support/fake-writer.ts';
import { makeMessage } from '../support/messages.ts';

const MB = 1_000_000;
/** A request and an answer are cut below this; what is larger by itself goes alone. */
const BATCH_BYTES = MB;
/** The largest code that a room accepts, in what takes most bytes once encoded. */
const QUOTES = '"'.repeat(MAX_CODE_BYTES);
const CONTROLS = '\u0001'.repeat(MAX_CODE_BYTES);

describe.each(engines)('on %s', (engine) => {
  let fixture: BufferFixture;
  let writer: FakeWriter;

  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture.stop());
  beforeEach(async () => {
    await fixture.command('FLUSHALL');
    writer = new FakeWriter();
    fixture.largest();
  });

  function flusher(over: Partial<FlusherOptions> = {}): Flusher {
    return new Flusher({
      buffer: fixture.buffer,
      writer,
      bounds: { maxSessions: 500, maxBytes: BATCH_BYTES },
      sweepAbove: 1,
      staleAfterMs: 10_000,
      intervalMs: 5_000,
      leaseMs: 10_000,
      inactivity: { afterMs: 1_800_000, everyMs: 300_000 },
      ...over,
    });
  }

  /** A session in which this was committed. */
  async function session(over: Omit<CommitOver, 'sessionId'> = { text: 'fine' }): Promise<string> {
    const id = randomUUID();
    await fixture.buffer.open(id, 1, MB);
    await fixture.buffer.commit(makeCommit({ sessionId: id, ...over }));
    return id;
  }
  const sessions = (count: number, over?: Omit<CommitOver, 'sessionId'>) =>
    Promise.all(Array.from({ length: count }, () => session(over)));
  const dirty = async () => (await fixture.buffer.stats()).dirtySessions;

  describe('requests are bounded once encoded', () => {
    it.each([
      ['quotes', QUOTES],
      ['control characters', CONTROLS],
    ])('to set aside many sessions of %s', async (_, text) => {
      const gone = await sessions(14, { text });
      for (const id of gone) writer.missing.add(id);
      const fine = await session();
      fixture.largest();
      expect(await flusher().sweep()).toMatchObject({ sessions: 1, deadLetters: 14 });
      expect(writer.row(fine)).toMatchObject({ code: 'fine' });
      expect(await dirty()).toBe(0);
      const { request, reply } = fixture.largest();
      expect(request).toBeLessThan(BATCH_BYTES + 100_000);
      expect(reply).toBeLessThan(BATCH_BYTES + 100_000);
    });

    it('to set aside one session’s many messages', async () => {
      const said = Array.from({ length: 100 }, () => makeMessage({ content: '"'.repeat(5_000) }));
      const gone = await session({ text: QUOTES, messages: said });
      writer.missing.add(gone);
      fixture.largest();
      expect(await flusher().sweep()).toMatchObject({ deadLetters: 101 });
      expect(await dirty()).toBe(0);
      expect(fixture.largest().request).toBeLessThan(BATCH_BYTES + 100_000);
    });

    it('to commit a thousand large messages', async () => {
      const said = Array.from({ length: 400 }, () => makeMessage({ content: '"'.repeat(5_000) }));
      fixture.largest();
      const id = await session({ text: QUOTES, messages: said });
      expect(fixture.largest().request).toBeLessThan(BATCH_BYTES + 100_000);
      await flusher().sweep();
      expect(writer.row(id).messages.size).toBe(400);
      expect(writer.row(id)).toMatchObject({ code: QUOTES, rev: rev(1) });
    });

    it('to settle thousands of small messages', async () => {
      const said = Array.from({ length: 8_000 }, () => makeMessage({ content: '' }));
      const id = await session({ messages: said });
      fixture.largest();
      await flusher({ bounds: { maxSessions: 500, maxBytes: 4 * MB } }).sweep();
      expect(writer.row(id).messages.size).toBe(8_000);
      expect(await dirty()).toBe(0);
    });
  });

  describe('damaged data of one session', () => {
    const damages: [what: string, damage: (id: string) => string[], left: string][] = [
      ['its hash is a string', (id) => ['SET', fixture.keys.session(id), 'x'], 'session'],
      ['its hash is a set of scores', (id) => ['ZADD', fixture.keys.session(id), '1', 'x'], 'session'],
      ['its messages are a string', (id) => ['SET', fixture.keys.messages(id), 'x'], 'messages'],
      [
        'its hash is larger than any answer',
        (id) => ['HSET', fixture.keys.session(id), 'code', '\u0001'.repeat(1_500_000)],
        'session',
      ],
      [
        'a message is larger than any answer',
        (id) => ['HSET', fixture.keys.messages(id), 'm', '\u0001'.repeat(1_500_000)],
        'messages',
      ],
    ];
    const badNumbers: [what: string, field: string, value: string][] = [
      ['its term is no number', 'term', 'garbage'],
      ['its revision is no number', 'rev', 'garbage'],
      ['its revision is greater than any room’s', 'rev', String(2 ** 53 - 3)],
      ['the time of its edit is no number', 'edited_at', 'garbage'],
    ];

    /** A dirty session before and one after, and the one between them damaged. */
    async function damaged(damage: (id: string) => string[]) {
      const before = await session();
      const bad = await session({ text: 'newest' });
      const after = await session();
      const { command, keys } = fixture;
      const [name, key] = damage(bad);
      if (name !== 'HSET') await command('DEL', key ?? '');
      await command(...damage(bad));
      for (const [i, id] of [before, bad, after].entries())
        await command('ZADD', keys.dirty, String(i + 1), id);
      return { before, bad, after };
    }

    it.each(damages)(
      'is set aside, and the others are flushed in the same sweep: %s',
      async (_, damage, part) => {
        const { buffer, command, keys } = fixture;
        const { before, bad, after } = await damaged(damage);
        expect(await flusher().sweep()).toMatchObject({ deadLetters: 1, undelivered: 0 });
        for (const id of [before, after]) expect(writer.row(id)).toMatchObject({ code: 'fine' });
        expect(await dirty()).toBe(0);
        const { letters } = await buffer.listDead({ limit: 10 });
        expect(letters).toMatchObject([{ session_id: bad, reason: { code: 'malformed' } }]);
        // What it was is where the letter says.
        const { key } = JSON.parse(letters[0]!.data);
        expect(key).toContain(keys.prefix);
        expect(await command('EXISTS', key)).toBe(1);
        expect(await command('EXISTS', part === 'session' ? keys.session(bad) : keys.messages(bad))).toBe(0);
        if (part === 'messages') expect(writer.row(bad)).toMatchObject({ code: 'newest' });
        // A room opens it again, and goes on.
        expect(await buffer.open(bad, 2, MB)).toMatchObject({ outcome: 'opened', isDirty: false });
        await buffer.commit(makeCommit({ sessionId: bad, term: 2, text: 'next', messages: [makeMessage()] }));
        await flusher().sweep();
        expect(writer.row(bad)).toMatchObject({ code: 'next' });
        expect(await dirty()).toBe(0);
      },
    );

    it.each(badNumbers)(
      'is put among the letters, and the others are flushed in the same sweep: %s',
      async (_, field, value) => {
        const { buffer } = fixture;
        const { before, bad, after } = await damaged((id) => [
          'HSET',
          fixture.keys.session(id),
          field,
          value,
        ]);
        expect(await flusher().sweep()).toMatchObject({ deadLetters: 1, undelivered: 0 });
        for (const id of [before, after]) expect(writer.row(id)).toMatchObject({ code: 'fine' });
        // Postgres isn't given what no room could follow.
        expect(writer.row(bad)).toMatchObject({ code: '', rev: 0 });
        expect(await dirty()).toBe(0);
        const { letters } = await buffer.listDead({ limit: 10 });
        expect(letters).toMatchObject([{ session_id: bad, reason: { code: 'malformed' } }]);
        expect(letters[0]?.data).toContain('newest');
        expect(await buffer.open(bad, 2, MB)).toMatchObject({
          outcome: 'opened',
          code: null,
          isDirty: false,
        });
      },
    );

    it('of a clean session is found by the room that opens it, and set aside by the next sweep', async () => {
      const { buffer, command, keys } = fixture;
      const id = await session();
      await flusher().sweep();
      await command('HSET', keys.session(id), 'edited_at', 'garbage');
      await expect(buffer.open(id, 2, MB)).rejects.toThrow(DamagedDataError);
      expect(await buffer.redirty([id, randomUUID()])).toBe(1);
      expect(await flusher().sweep()).toMatchObject({ deadLetters: 1 });
      expect(await buffer.open(id, 3, MB)).toMatchObject({ outcome: 'opened', code: null, isDirty: false });
    });

    it('that a room mends meanwhile is not taken from it', async () => {
      const { buffer, command, keys } = fixture;
      const id = await session();
      await command('HSET', keys.session(id), 'rev', 'garbage');
      const flushes = flusher();
      await session();
      writer.before = async () => {
        await buffer.commit(makeCommit({ sessionId: id, text: 'mended', count: 2 }));
      };
      await flushes.sweep();
      writer.before = async () => {};
      expect(await buffer.read(id)).toMatchObject({ code: { code: 'mended' }, isDirty: true });
      await flushes.sweep();
      expect(writer.row(id)).toMatchObject({ code: 'mended', rev: rev(2) });
    });

    it.each(['-inf', '1.5', '-7'])('is no time by which it is dirty: %s', async (score) => {
      const { buffer, command, keys } = fixture;
      const [bad, fine] = await sessions(2);
      await command('ZADD', keys.dirty, score, bad!);
      expect(Number.isSafeInteger((await buffer.stats()).oldestDirtyMs)).toBe(true);
      await flusher().sweep();
      for (const id of [bad, fine]) expect(writer.row(id!)).toMatchObject({ code: 'fine' });
      expect(await dirty()).toBe(0);
    });
  });

  describe('damaged data of all', () => {
    it.each([
      ['the lease', () => fixture.keys.sweep],
      ['the time of the last scan', () => fixture.keys.lastScan],
      ['the counters', () => fixture.keys.stats],
      ['the sessions by activity', () => fixture.keys.active],
      ['the dead letters’ sizes', () => fixture.keys.deadSizes],
    ])('does not keep a turn from flushing: %s', async (_, key) => {
      const { buffer, command } = fixture;
      const [id] = await sessions(2);
      await command('DEL', key());
      await command(...(key() === fixture.keys.active ? ['SET', key(), 'x'] : ['ZADD', key(), '1', 'x']));
      const run = await flusher().runTurn({ untilMs: 0, budget: unlimitedBudget(), endingRequests: 0 });
      expect(run).toMatchObject({ outcome: 'swept', sessions: 2, failures: 0 });
      expect(writer.row(id!)).toMatchObject({ code: 'fine' });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, isFull: false });
      // Rooms can open sessions still.
      expect(await buffer.open(id!, 2, MB)).toMatchObject({ outcome: 'opened' });
    });

    it.each(['a dead letter', 'the dead letters'])(
      'does not lose what is to be put aside: %s',
      async (what) => {
        const { buffer, command, keys } = fixture;
        if (what === 'a dead letter') await command('HSET', keys.dead, 'odd', 'garbage');
        else await command('SET', keys.dead, 'garbage');
        const [gone, fine] = await sessions(2);
        writer.missing.add(gone!);
        await flusher().sweep();
        expect(writer.row(fine!)).toMatchObject({ code: 'fine' });
        if (what === 'the dead letters') {
          expect(await buffer.stats()).toMatchObject({ dirtySessions: 1, deadLettersRefused: 1 });
          return;
        }
        const { letters } = await buffer.listDead({ limit: 10 });
        expect(letters.map(({ id, reason }) => [id, reason.code]).sort()).toEqual([
          [`${gone}:c:${rev(1)}`, 'session_missing'],
          ['odd', 'malformed'],
        ]);
        expect(await flusher().replayDead('odd')).toMatchObject({ refused: expect.any(String) });
      },
    );
  });

  describe('a Redis that takes no more data', () => {
    afterEach(() => fixture.fill(false));

    const turn = () => flusher().runTurn({ untilMs: 0, budget: unlimitedBudget(), endingRequests: 0 });

    it('drains by itself, without the lease if need be, and says what is wrong', async () => {
      const { buffer } = fixture;
      const ids = await sessions(3, { text: 'one', messages: [makeMessage()] });
      expect(await buffer.stats()).toMatchObject({ isFull: false });
      await fixture.fill(true);
      expect(await buffer.stats()).toMatchObject({ isFull: true, dirtySessions: 3 });
      await expect(buffer.commit(makeCommit({ sessionId: ids[0]!, text: 'two', count: 2 }))).rejects.toThrow(
        StorageUnavailableError,
      );
      expect(await turn()).toMatchObject({ outcome: 'swept', sessions: 3, failures: 0 });
      expect(await turn()).toMatchObject({ outcome: 'idle', failures: 0 });
      for (const id of ids) expect(writer.row(id)).toMatchObject({ code: 'one', messages: { size: 1 } });
      expect(await dirty()).toBe(0);
      await fixture.fill(false);
      await buffer.commit(makeCommit({ sessionId: ids[0]!, text: 'two', count: 2 }));
      await turn();
      expect(writer.row(ids[0]!)).toMatchObject({ code: 'two' });
    });

    it('refuses a commit as a whole, one that replaces receipts too', async () => {
      const { buffer, command, keys } = fixture;
      const receipt = { clientSeq: 1, requestIds: [], rev: rev(1), atMs: 1 };
      const id = await session({ text: 'one', code: { receipts: { 'p/old': receipt } } });
      await flusher().sweep();
      const held = () => command('HGETALL', keys.session(id));
      const before = await held();
      await fixture.fill(true);
      const code = { receipts: { 'p/new': receipt }, replacesReceipts: true };
      const next = makeCommit({ sessionId: id, text: 'two', count: 2, code, messages: [makeMessage()] });
      for (const commit of [next, { ...next, messages: [] }]) {
        await expect(buffer.commit(commit)).rejects.toThrow(StorageUnavailableError);
      }
      expect(await held()).toEqual(before);
      expect(await dirty()).toBe(0);
      await fixture.fill(false);
      await buffer.commit(next);
      expect(Object.keys((await buffer.read(id)).code?.receipts ?? {})).toEqual(['p/new']);
    });

    it('keeps what is to be put aside until there is room, and flushes the others', async () => {
      const { buffer, command, keys } = fixture;
      const [gone, fine, bad] = await sessions(3, { text: 'one', messages: [makeMessage()] });
      writer.missing.add(gone!);
      await command('DEL', keys.session(bad!));
      await command('SET', keys.session(bad!), 'x');
      await fixture.fill(true);
      await turn();
      expect(writer.row(fine!)).toMatchObject({ code: 'one' });
      const { dirtySessions, deadLetters } = await buffer.stats();
      // A real Redis has room for letters once something was deleted.
      expect(dirtySessions + Math.min(deadLetters, 2)).toBeGreaterThanOrEqual(2);
      await fixture.fill(false);
      for (const id of [gone, bad]) await command('ZADD', keys.dirty, 'XX', '1', id!);
      await turn();
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 3 });
      const found = (await buffer.listDead({ limit: 10 })).letters.map(({ session_id }) => session_id);
      expect(found.sort()).toEqual([gone, gone, bad].sort());
    });
  });

  describe('dead letters', () => {
    /** Fills the letters by what the script believes of their sizes. */
    const pretend = (field: string, bytes: number) =>
      fixture.command('HSET', fixture.keys.deadSizes, field, String(bytes));

    it('are listed in pages of bounded size, each once', async () => {
      const gone = await sessions(14, { text: QUOTES });
      for (const id of gone) writer.missing.add(id);
      await flusher().sweep();
      fixture.largest();
      const found: string[] = [];
      let [pages, cursor] = [0, undefined as string | undefined];
      do {
        const page = await fixture.buffer.listDead({ limit: 500, cursor });
        found.push(...page.letters.map(({ session_id }) => session_id));
        cursor = page.next ?? undefined;
        pages += 1;
      } while (cursor !== undefined && pages < 50);
      expect(found).toEqual([...gone].sort());
      expect(pages).toBeGreaterThan(5);
      expect(fixture.largest().reply).toBeLessThan(MB + 100_000);
    });

    it('count what they take, and give it back', async () => {
      const { buffer } = fixture;
      const gone = await session({ text: 'x', messages: [makeMessage()] });
      writer.missing.add(gone);
      await flusher().sweep();
      const { letters } = await buffer.listDead({ limit: 10 });
      const bytes = letters.reduce((sum, letter) => sum + JSON.stringify(letter).length, 0);
      expect(await buffer.stats()).toMatchObject({ deadLetters: 2, deadLetterBytes: bytes });
      writer.missing.clear();
      for (const { id } of letters) expect(await flusher().replayDead(id)).toBe('replayed');
      expect(await buffer.stats()).toMatchObject({ deadLetters: 0, deadLetterBytes: 0 });
      expect(await fixture.command('EXISTS', fixture.keys.deadSizes)).toBe(0);
    });

    /** What happens once these letters have taken all that they may. */
    async function withoutRoom(whose: 'all' | 'one session'): Promise<void> {
      const { buffer, command, keys } = fixture;
      const gone = await session({ text: 'kept', messages: [makeMessage({ content: 'kept' })] });
      const fine = await session();
      writer.missing.add(gone);
      await command('ZADD', keys.dirty, '1', gone);
      await pretend(whose === 'all' ? 'total' : gone, whose === 'all' ? 50_000_000 : 8_000_000);
      const small = flusher({ bounds: { maxSessions: 1, maxBytes: MB } });
      expect(await small.sweep()).toMatchObject({ sessions: 1, deadLetters: 0, undelivered: 2 });
      expect(writer.row(fine)).toMatchObject({ code: 'fine' });
      const stats = await buffer.stats();
      expect(stats).toMatchObject({ dirtySessions: 1, deadLetters: 0, deadLettersRefused: 2 });
      expect(await buffer.read(gone)).toMatchObject({ code: { code: 'kept' }, isDirty: true });
      // It is tried again later, and not before the others each time.
      const calls = writer.calls.length;
      await session();
      await small.sweep();
      expect(writer.calls).toHaveLength(calls + 1);
      expect(await small.flushSession(gone)).toMatchObject({
        isDirty: true,
        isComplete: false,
        undelivered: 2,
      });
      // Once there is room, it goes there.
      await command('DEL', keys.deadSizes);
      await command('ZADD', keys.dirty, '1', gone);
      expect(await small.sweep()).toMatchObject({ deadLetters: 2, undelivered: 0 });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 2 });
      const { letters } = await buffer.listDead({ limit: 10 });
      for (const { data } of letters) expect(data).toContain('kept');
    }

    it('keep the data dirty when all of them take too much, and nobody waits', () => withoutRoom('all'));
    it('keep the data dirty when one session’s take too much, and nobody waits', () =>
      withoutRoom('one session'));
  });

  describe('what is read of one session', () => {
    it('is bounded when it is opened, whatever waits', async () => {
      const { buffer } = fixture;
      const said = Array.from({ length: 700 }, (_, i) =>
        makeMessage({ content: '"'.repeat(5_000), position: i + 1 }),
      );
      const id = await session({ text: QUOTES, messages: said });
      fixture.largest();
      expect(await buffer.open(id, 2, 4 * MB)).toMatchObject({ isPartial: true, messages: [] });
      const newest = await buffer.readMessages(id, { limit: 50 }, 2 * MB);
      expect(newest.messages.map(({ position }) => position)).toEqual(
        Array.from({ length: 50 }, (_, i) => 700 - i),
      );
      expect(newest.isCut).toBe(false);
      const cut = await buffer.readMessages(id, { limit: 200 }, 2 * MB);
      expect(cut.isCut).toBe(true);
      expect(cut.messages[0]).toMatchObject({ position: 700 });
      expect(cut.messages.at(-1)).toMatchObject({ position: 700 - cut.messages.length + 1 });
      const { reply } = fixture.largest();
      expect(reply).toBeLessThan(2 * MB + 100_000);
    });

    it('is the page that was asked for', async () => {
      const { buffer } = fixture;
      const odd = makeMessage({ type: 'user_prompt', position: 2, content: '"type":"chat","position":99' });
      const said = [1, 3, 4].map((position) => makeMessage({ position }));
      const id = await session({ messages: [...said, odd] });
      const positions = async (page: MessagePage) =>
        (await buffer.readMessages(id, page, MB)).messages.map(({ position }) => position);
      expect(await positions({ limit: 10 })).toEqual([4, 3, 2, 1]);
      expect(await positions({ limit: 2 })).toEqual([4, 3]);
      expect(await positions({ limit: 2, beforePosition: 4 })).toEqual([3, 2]);
      expect(await positions({ limit: 2, afterPosition: 1 })).toEqual([2, 3]);
      expect(await positions({ limit: 9, afterPosition: 2, types: ['chat'] })).toEqual([3, 4]);
      expect(await positions({ limit: 9, types: ['chat'] })).toEqual([4, 3, 1]);
      expect(await positions({ limit: 9, types: ['user_prompt', 'ai_response'] })).toEqual([2]);
    });
  });

  describe('after Postgres was restored from a backup', () => {
    it('what the buffer still holds is written again, clean sessions too', async () => {
      const { buffer, command, keys } = fixture;
      const said = makeMessage();
      const clean = await session({ text: 'newest', messages: [said] });
      await flusher().sweep();
      const changed = await session({ text: 'dirty' });
      const refused = await session({ text: 'poison' });
      writer.refuse = (write) => write.code?.code === 'poison';
      await flusher().flushSession(refused);
      expect(await command('TTL', keys.session(clean))).toBeGreaterThan(0);
      writer.rows.clear();
      let [marked, cursor] = [0, undefined as string | undefined];
      do {
        const some = await buffer.redirtySome(cursor);
        marked += some.marked;
        cursor = some.next ?? undefined;
      } while (cursor !== undefined);
      expect(marked).toBe(3);
      expect(await dirty()).toBe(3);
      expect(await command('TTL', keys.session(clean))).toBe(-1);
      // A room that goes on believes that Postgres has it.
      await buffer.commit(
        makeCommit({ sessionId: clean, messages: [makeMessage()], attempt: 2, flushedRev: rev(1) }),
      );
      await flusher().sweep();
      expect(writer.row(clean)).toMatchObject({ code: 'newest', rev: rev(1), messages: { size: 1 } });
      // What was settled since the backup is gone.
      expect(writer.row(clean).messages.has(said.id)).toBe(false);
      expect(writer.row(changed)).toMatchObject({ code: 'dirty' });
      expect(await dirty()).toBe(0);
      expect(await command('TTL', keys.session(clean))).toBeGreaterThan(0);
      // Once is enough.
      const calls = writer.calls.length;
      await flusher().sweep();
      expect(writer.calls).toHaveLength(calls);
    });

    it('of a session in which only messages were sent leaves no letter', async () => {
      const { buffer } = fixture;
      const said = makeMessage();
      const id = await session({ messages: [said], flushedRev: rev(7) });
      Object.assign(writer.row(id), { code: 'in Postgres', rev: rev(7) });
      await flusher().sweep();
      expect(writer.row(id).messages.has(said.id)).toBe(true);
      expect(await dirty()).toBe(0);
      expect(await buffer.flushState(id)).toMatchObject({ flushedRev: rev(7), isDirty: false });
      await buffer.redirty([id]);
      await flusher().sweep();
      expect(await dirty()).toBe(0);
      expect((await buffer.listDead({ limit: 1 })).letters).toEqual([]);
    });

    it('of a session whose code Postgres has a later revision of leaves no letter', async () => {
      const { buffer } = fixture;
      // Postgres stood in for a while, and the room went before it could commit to the buffer again.
      const id = await session({ text: 'older' });
      Object.assign(writer.row(id), { code: 'newer', rev: rev(7) });
      await flusher().sweep();
      await buffer.redirty([id]);
      await flusher().sweep();
      expect(writer.row(id)).toMatchObject({ code: 'newer', rev: rev(7) });
      expect(await dirty()).toBe(0);
      expect((await buffer.listDead({ limit: 1 })).letters).toEqual([]);
    });

    it('a flush that began before doesn’t count for it', async () => {
      const { buffer } = fixture;
      const id = await session({ text: 'newest' });
      await flusher().sweep();
      await buffer.commit(makeCommit({ sessionId: id, messages: [makeMessage()], attempt: 2 }));
      writer.after = async () => {
        writer.rows.clear();
        await buffer.redirty([id]);
      };
      await flusher().sweep();
      writer.after = async () => {};
      expect(await dirty()).toBe(1);
      await flusher().sweep();
      expect(writer.row(id)).toMatchObject({ code: 'newest', rev: rev(1) });
      expect(await dirty()).toBe(0);
    });
  });

  it('scripts use no keys but those that they are given, unless they find their sessions themselves', async () => {
    const strict = await startBuffer(engine, 'strict:', { checksAllKeys: true });
    try {
      const { buffer, command, keys } = strict;
      const [gone, bad] = [randomUUID(), randomUUID()];
      for (const id of [gone, bad]) {
        await buffer.open(id, 1, MB);
        await buffer.commit(makeCommit({ sessionId: id, text: 'x', messages: [makeMessage()] }));
        await buffer.read(id);
        await buffer.readMessages(id, { limit: 1 }, MB);
        await buffer.flushState(id);
      }
      await command('DEL', keys.session(bad));
      await command('SET', keys.session(bad), 'x');
      writer.missing.add(gone);
      const flushes = new Flusher({
        buffer,
        writer,
        bounds: { maxSessions: 10, maxBytes: MB },
        sweepAbove: 1,
        staleAfterMs: 1,
        intervalMs: 1,
        leaseMs: 1,
        inactivity: { afterMs: 1, everyMs: 1 },
      });
      const lease = { token: 'x', lengthMs: 1_000 };
      const inactivity = { afterMs: 1, everyMs: 1 };
      const maxInactive = { few: 1, many: 1 };
      await buffer.beginTurn({ lease, sweepAbove: 1, staleAfterMs: 1, inactivity, maxInactive });
      await flushes.flushSession(gone);
      await flushes.flushSession(bad);
      await buffer.releaseLease('x', 1_000);
      await buffer.redirty([gone, bad]);
      await buffer.untrack([{ id: gone, lastActivityMs: null }], { afterMs: 1 });
      const [letter] = (await buffer.listDead({ limit: 9 })).letters;
      await buffer.removeDead(letter!);
      expect(await buffer.stats()).toMatchObject({ deadLetters: 2 });
      await expect(buffer.peekDirty({ maxSessions: 9, maxBytes: MB }, {})).rejects.toThrow('not in KEYS');
    } finally {
      await strict.stop();
    }
  });
});
