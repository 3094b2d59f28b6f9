/**
 * What one session can make of a flush that is for all: sizes of requests and replies, a Redis that is full,
 * data that is damaged, and too many dead letters.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DamagedDataError } from '../../src/domain/errors.ts';
import { unlimitedBudget } from '../../src/domain/request-budget.ts';
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
});
