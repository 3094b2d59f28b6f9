import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CommitsLostError,
  DamagedDataError,
  StorageUnavailableError,
  SupersededError,
} from '../../src/domain/errors.ts';
import type { EditReceipt } from '../../src/domain/receipts.ts';
import { unlimitedBudget } from '../../src/domain/request-budget.ts';
import { COUNTS_PER_TERM, MAX_TERM, numberIn } from '../../src/domain/revision.ts';
import type { CommittedCode } from '../../src/domain/types.ts';
import type { Deliverable } from '../../src/redis/dead-letter.ts';
import type { OpenedBuffer, Settlement, TurnBounds } from '../../src/redis/session-buffer.ts';
import { Flusher } from '../../src/write-behind/flusher.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import { type CommitOver, makeCommit, rev } from '../support/commits.ts';
import { FakeWriter } from '../support/fake-writer.ts';
import { makeMessage } from '../support/messages.ts';
import { goBackTo, takeSnapshot } from '../support/snapshot.ts';

const BOUNDS = { maxSessions: 100, maxBytes: 1_000_000 };
/** More than any session here has. */
const ANY_BYTES = 1_000_000;
/** Seconds that a clean session stays readable, as the fixture sets it. */
const CLEAN_TTL_S = 60;

const message = (content = 'hello', id = randomUUID()) => makeMessage({ content, id });
const receipt = (clientSeq: number, over: Partial<EditReceipt> = {}): EditReceipt => ({
  clientSeq,
  requestIds: [],
  rev: rev(clientSeq),
  atMs: 1,
  ...over,
});

const INACTIVITY = { afterMs: 1_800_000, everyMs: 300_000 };
/** A turn of the sweeper that takes the lease when anything is dirty. */
const TURN: TurnBounds = {
  lease: { token: 'x', lengthMs: 5_000 },
  sweepAbove: 1,
  staleAfterMs: 10_000,
  inactivity: INACTIVITY,
  maxInactive: { few: 3, many: 2 },
};

describe.each(engines)('the buffer on %s', (engine) => {
  /** What only a real Redis can tell or do. */
  const redisIt = (title: string, run: () => Promise<void>) => engine === 'redis' && it(title, run);
  let fixture: BufferFixture;
  let writer: FakeWriter;
  let flusher: Flusher;

  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture.stop());
  beforeEach(async () => {
    await fixture.command('FLUSHALL');
    writer = new FakeWriter();
    flusher = new Flusher({
      buffer: fixture.buffer,
      writer,
      bounds: BOUNDS,
      sweepAbove: 1,
      staleAfterMs: 10_000,
      intervalMs: 5_000,
      leaseMs: 10_000,
      inactivity: INACTIVITY,
    });
  });

  /** Opens a session, a new one by default, and returns its id. */
  async function open(term = 1, id: string = randomUUID()): Promise<string> {
    const opened = await fixture.buffer.open(id, term, ANY_BYTES);
    expect(opened.outcome).toBe('opened');
    return id;
  }
  const commit = (over: CommitOver) => fixture.buffer.commit(makeCommit(over));
  const field = (id: string, name: string) => fixture.command('HGET', fixture.keys.session(id), name);
  /** All that the buffer holds of a session. */
  const held = async (id: string) => {
    const { messages } = await fixture.buffer.readMessages(id, { limit: 10_000 }, 10 * ANY_BYTES);
    return { ...(await fixture.buffer.read(id)), messages };
  };
  const ttl = (id: string) => fixture.command('TTL', fixture.keys.session(id));

  describe('opening', () => {
    it('registers the term, and answers what the buffer holds', async () => {
      const id = await open(1);
      const said = message();
      await commit({
        sessionId: id,
        text: 'one',
        messages: [said],
        code: { receipts: { 'p/c': receipt(1) } },
      });
      expect(await fixture.buffer.open(id, 2, ANY_BYTES)).toEqual({
        outcome: 'opened',
        code: {
          code: 'one',
          rev: rev(1),
          editedAtMs: expect.any(Number),
          editorId: null,
          receipts: { 'p/c': receipt(1) },
          transport: null,
        },
        flushedRev: 0,
        isDirty: true,
        lastCommit: rev(1),
        messages: [said],
        isPartial: false,
      });
      expect(await field(id, 'term')).toBe('2');
    });

    it('answers an equal or a smaller term with the registered one, and changes nothing', async () => {
      const { buffer, command } = fixture;
      const id = await open(7);
      const before = await takeSnapshot(command);
      for (const term of [7, 6, 1]) {
        expect(await buffer.open(id, term, ANY_BYTES)).toEqual({ outcome: 'term_taken', term: 7 });
      }
      const after = await takeSnapshot(command);
      const withoutTimes = ({ commands }: typeof before) => commands.filter(([name]) => name !== 'PEXPIRE');
      expect(withoutTimes(after)).toEqual(withoutTimes(before));
      // Compared as numbers, not as texts.
      await open(10, id);
      expect(await buffer.open(id, 9, ANY_BYTES)).toEqual({ outcome: 'term_taken', term: 10 });
    });

    it('compares terms near the greatest one exactly', async () => {
      const { buffer } = fixture;
      const id = await open(2 ** 30);
      expect(await buffer.open(id, 2 ** 30, ANY_BYTES)).toEqual({ outcome: 'term_taken', term: 2 ** 30 });
      await open(2 ** 30 + 1, id);
      await open(MAX_TERM, id);
      expect(await buffer.open(id, MAX_TERM, ANY_BYTES)).toEqual({ outcome: 'term_taken', term: MAX_TERM });
    });

    it.each(['garbage', '1.5', String(MAX_TERM + 1), '1e300', 'inf'])(
      'calls the registered term %s damaged, and changes nothing',
      async (damaged) => {
        const { buffer, command, keys } = fixture;
        const id = randomUUID();
        await command('HSET', keys.session(id), 'term', damaged);
        await expect(buffer.open(id, 1, ANY_BYTES)).rejects.toThrow(DamagedDataError);
        expect(await field(id, 'term')).toBe(damaged);
      },
    );

    it.each(['rev', 'flushed', 'last_commit', 'edited_at'])('calls garbage in %s damaged', async (name) => {
      const { buffer, command, keys } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'one' });
      await command('HSET', keys.session(id), name, 'garbage');
      await expect(buffer.open(id, 2, ANY_BYTES)).rejects.toThrow(DamagedDataError);
    });

    it('leaves out the messages where there are more than the room may hold', async () => {
      const { buffer } = fixture;
      const id = await open();
      const said = [message('m'.repeat(400)), message('m'.repeat(400))];
      await commit({ sessionId: id, text: 'one', messages: said });
      const partial = await buffer.open(id, 2, 1_000);
      expect(partial).toMatchObject({ isPartial: true, isDirty: true, code: { code: 'one' }, messages: [] });
      const whole = (await buffer.open(id, 3, 2_000)) as OpenedBuffer;
      expect(whole.isPartial).toBe(false);
      expect(whole.messages).toHaveLength(2);
    });

    it('of a clean session gives its hash a time to live; of a dirty one it gives none', async () => {
      const { command, keys } = fixture;
      const id = await open();
      expect(await ttl(id)).toBeGreaterThan(0);
      await commit({ sessionId: id, text: 'one' });
      await open(2, id);
      expect(await ttl(id)).toBe(-1);
      await flusher.flushSession(id);
      await command('EXPIRE', keys.session(id), '5');
      await open(3, id);
      expect(await ttl(id)).toBeGreaterThan(5);
    });
  });

  describe('commit', () => {
    it('stores code, messages and receipts as they were, whatever they look like', async () => {
      const id = await open();
      const texts = ['123', '{}', 'null', '', '"x"', '🎵 $: s("bd*4")\n\t\\u0041', 'noscript'];
      for (const [i, text] of texts.entries()) {
        const said = message(text || ' ');
        const transport = { code: text, rev: 1, by: '"ü', sinceMs: 1, cycle: 0.5, cps: 0.1 };
        const receipts = { 'p 1/c "ü"': receipt(i + 1, { requestIds: ['a b:c%ü', ''] }) };
        await commit({
          sessionId: id,
          text,
          count: i + 1,
          messages: [said],
          code: { editedAtMs: 1, receipts, transport },
        });
        const found = await held(id);
        expect(found.code).toEqual({
          code: text,
          rev: rev(i + 1),
          editedAtMs: 1,
          editorId: null,
          receipts,
          transport,
        });
        expect(found.messages).toContainEqual(said);
      }
    });

    it('repeated has no second effect, and an older revision changes nothing', async () => {
      const { buffer } = fixture;
      const id = await open();
      const first = makeCommit({ sessionId: id, text: 'one', messages: [message()] });
      const confirmed = { isDirty: true, lastCommit: rev(1), load: { dirtySessions: 1 } };
      expect(await buffer.commit(first)).toMatchObject(confirmed);
      expect(await buffer.commit(first)).toMatchObject(confirmed);
      await commit({ sessionId: id, text: 'two', count: 2 });
      // An attempt that arrives late isn't the last.
      expect(await buffer.commit(first)).toMatchObject({ lastCommit: rev(2) });
      const found = await held(id);
      expect(found.code).toMatchObject({ code: 'two', rev: rev(2) });
      expect(found.messages).toHaveLength(1);
      await flusher.flushSession(id);
      expect(await buffer.stats()).toMatchObject({ edits: 2, messages: 1, commits: 4, dirtySessions: 0 });
    });

    it('never goes back to an older revision, whatever the order of arrival', async () => {
      const { buffer } = fixture;
      const id = await open();
      for (const count of [5, 3, 4, 5, 1]) await commit({ sessionId: id, text: `r${count}`, count });
      expect(await buffer.read(id)).toMatchObject({
        code: { code: 'r5', rev: rev(5) },
        lastCommit: rev(5),
      });
    });

    it('is refused to a room that has been succeeded', async () => {
      const id = await open(1);
      await open(2, id);
      await expect(commit({ sessionId: id, text: 'old' })).rejects.toThrow(SupersededError);
      await commit({ sessionId: id, term: 2, text: 'new' });
      const late = { sessionId: id, text: 'old', count: 99, messages: [message()] };
      await expect(commit(late)).rejects.toThrow(SupersededError);
      const found = await held(id);
      expect(found).toMatchObject({ code: { code: 'new', rev: numberIn(2, 1) }, lastCommit: numberIn(2, 1) });
      expect(found.messages).toEqual([]);
    });

    it('is refused to an earlier room by its term alone, though the buffer has lost everything since', async () => {
      const { command } = fixture;
      const id = await open(2);
      await command('FLUSHALL');
      // The later room opened the session where the buffer didn't hear of it; its first
      // commit registers its term.
      await commit({ sessionId: id, term: 10, text: 'new' });
      await expect(commit({ sessionId: id, term: 9, text: 'old', count: 99 })).rejects.toThrow(
        SupersededError,
      );
    });

    it('keeps no receipt of an edit that it does not take', async () => {
      const { buffer } = fixture;
      const id = await open();
      const receipts = { 'p/c': receipt(5) };
      await commit({ sessionId: id, text: 'one', count: 5, code: { receipts } });
      const older = { 'p/c': receipt(4), 'p/other': receipt(4) };
      await commit({ sessionId: id, text: 'other', count: 4, code: { receipts: older } });
      expect((await buffer.read(id)).code?.receipts).toEqual(receipts);
    });

    it('changes the receipts that it names, forgets what it says to forget, and keeps the others', async () => {
      const { buffer } = fixture;
      const id = await open();
      const first = { 'p/a': receipt(1), 'p/b': receipt(1), 'p/c': receipt(1) };
      await commit({ sessionId: id, text: 'one', code: { receipts: first } });
      const changed = { 'p/a': receipt(2), 'p/b': null };
      await commit({ sessionId: id, text: 'two', count: 2, code: { receipts: changed } });
      expect((await buffer.read(id)).code?.receipts).toEqual({ 'p/a': receipt(2), 'p/c': receipt(1) });
    });

    it('of code that is not made from the buffer’s forgets the receipts of that', async () => {
      const { buffer } = fixture;
      const id = await open();
      // The answer was lost, and the next room went on from Postgres without these edits.
      const unheard = { 'p/a': receipt(7), 'p/b': receipt(1) };
      await commit({ sessionId: id, text: 'unheard', code: { receipts: unheard } });
      await open(2, id);
      const whole = { receipts: { 'p/b': receipt(2) }, replacesReceipts: true };
      await commit({ sessionId: id, term: 2, text: 'of Postgres', code: whole });
      expect((await buffer.read(id)).code).toMatchObject({
        code: 'of Postgres',
        receipts: { 'p/b': receipt(2) },
      });
      expect((await buffer.read(id)).code?.receipts).not.toHaveProperty('p/a');
      // An older one changes nothing.
      await commit({
        sessionId: id,
        term: 2,
        text: 'older',
        code: { rev: rev(9), ...whole, receipts: {}, transport: null },
      });
      expect((await buffer.read(id)).code?.receipts).toEqual({ 'p/b': receipt(2) });
    });

    it('takes a message over from an earlier room', async () => {
      const { buffer } = fixture;
      const id = await open();
      const early = message();
      await commit({ sessionId: id, messages: [early] });
      // The second room was opened where the buffer didn't hear of it, and showed the
      // message in another place.
      const shown = { ...early, createdAtMs: early.createdAtMs + 600_000, position: numberIn(2, 1) };
      await commit({ sessionId: id, term: 2, messages: [shown] });
      expect((await held(id)).messages).toEqual([shown]);
      await flusher.flushSession(id);
      expect(await buffer.stats()).toMatchObject({ messages: 1 });
    });

    it('is not taken when the buffer has lost earlier ones, be it all of them or only the last', async () => {
      const { buffer, command } = fixture;
      for (const kept of [0, rev(6)]) {
        const id = await open();
        await commit({ sessionId: id, text: 'one', count: 1, attempt: 6 });
        const earlier = await takeSnapshot(command);
        const last = await commit({ sessionId: id, text: 'two', count: 2, attempt: 8, expectedLast: rev(6) });
        expect(last).toMatchObject({ lastCommit: rev(8) });
        if (kept === 0) await command('FLUSHALL');
        else await goBackTo(earlier, command);
        expect(await buffer.flushState(id)).toMatchObject({ lastCommit: kept });

        // An earlier attempt at the last one arrives late: it may lack some of what that brought.
        await commit({ sessionId: id, attempt: 7 });
        const next = makeCommit({
          sessionId: id,
          text: 'three',
          count: 3,
          attempt: 9,
          expectedLast: rev(8),
          messages: [message()],
        });
        await expect(buffer.commit(next)).rejects.toThrow(CommitsLostError);
        // Said once more, should the answer have been lost.
        await expect(buffer.commit(next)).rejects.toThrow(CommitsLostError);
        expect(await held(id)).toMatchObject({
          code: kept === 0 ? null : { code: 'one' },
          messages: [],
        });
        const again = await buffer.commit({ ...next, expectedLast: 0 });
        expect(again).toMatchObject({ isDirty: true, lastCommit: rev(9) });
        expect(await flusher.flushSession(id)).toMatchObject({ flushedRev: rev(3), lastCommit: rev(9) });
      }
    });

    it('reports the sweeper’s lease and the number of dirty sessions, to a room that asks', async () => {
      const id = await open();
      expect((await commit({ sessionId: id, text: 'one' })).load).toEqual({
        sweeperLeaseMs: 0,
        dirtySessions: 1,
      });
      expect(await fixture.buffer.beginTurn(TURN)).toMatchObject({ outcome: 'many' });
      const { load } = await commit({ sessionId: id, text: 'two', count: 2 });
      expect(load?.sweeperLeaseMs).toBeGreaterThan(0);
      expect(load?.sweeperLeaseMs).toBeLessThanOrEqual(5_000);
      expect((await commit({ sessionId: id, text: 'three', count: 3, wantsLoad: false })).load).toBeNull();
    });

    it('is one command', async () => {
      const { buffer, asked } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'warm' });
      const before = asked();
      await buffer.commit(
        makeCommit({ sessionId: id, text: 'two', count: 2, messages: [message(), message()] }),
      );
      expect(asked().commands - before.commands).toBe(1);
    });

    redisIt('takes at most four commands inside its script, once the session is dirty', async () => {
      const id = await open();
      await commit({ sessionId: id, text: 'warm' });
      const large = `${'x'.repeat(5_000)}1`;
      await commit({ sessionId: id, text: large, count: 2 });
      const base = { rev: rev(2), code: large, transport: null };
      const quiet = { sessionId: id, wantsLoad: false };
      const receipts = { 'p/c': receipt(3), 'p/d': receipt(3) };
      /** What a commit is of, and what it may ask of Redis. */
      const hot: [CommitOver, string[]][] = [
        [{ ...quiet, text: `${large}2`, count: 3, code: { base, receipts } }, ['hget', 'hmget', 'hset']],
        [{ ...quiet, text: 'short', count: 4, code: { receipts } }, ['hmget', 'hset']],
        [{ ...quiet, text: 'both', count: 5, messages: [message(), message()] }, ['hmget', 'hset', 'hset']],
        [{ ...quiet, count: 6, messages: [message()] }, ['hmget', 'hset', 'hset']],
        [{ sessionId: id, text: 'load', count: 7 }, ['hmget', 'hset', 'pttl', 'zcard']],
      ];
      for (const [over, expected] of hot) {
        const inScript = await commandsInScript(() => commit(over));
        expect(inScript).toEqual(expected);
        expect(inScript.length).toBeLessThanOrEqual(4);
      }
      expect((await fixture.buffer.read(id)).code?.code).toBe('load');
    });

    it('of a large code brings only what changed, in one command', async () => {
      const { buffer, asked } = fixture;
      const id = await open();
      const text = (knob: string) => `${'é🎵 pattern\n'.repeat(500)}gain(${knob})${'€ tail\n'.repeat(500)}`;
      await commit({ sessionId: id, text: text('0.5') });
      const knobs = ['0.55', '🎶', '', '0.5'];
      let base: CommittedCode['base'] = { rev: rev(1), code: text('0.5'), transport: null };
      for (const [i, knob] of knobs.entries()) {
        const next = makeCommit({ sessionId: id, text: text(knob), count: i + 2, code: { base } });
        const before = asked();
        await buffer.commit(next);
        const after = asked();
        expect(after.commands - before.commands).toBe(1);
        expect(after.bytes - before.bytes).toBeLessThan(1_000);
        expect((await buffer.read(id)).code).toMatchObject({ code: text(knob), rev: rev(i + 2) });
        base = { rev: rev(i + 2), code: text(knob), transport: null };
      }
    });

    it('brings the whole code where something else is there than what it changes', async () => {
      const { command, keys } = fixture;
      const text = (knob: string) => `gain(${knob})${'x'.repeat(5_000)}`;
      const base = { rev: rev(5), code: text('1'), transport: null };
      // Of the same size, and not what the change belongs to.
      const other = ['code', text('3').replaceAll('x', 'y')];
      const set =
        (...fields: string[]) =>
        (id: string) =>
          command('HSET', keys.session(id), ...fields);
      /** What is there of the session, and whether the commit's code is afterwards. */
      const cases: Record<string, [arrange: (id: string) => Promise<unknown>, isTaken: boolean]> = {
        nothing: [async () => {}, true],
        'an older revision': [set('rev', String(rev(4)), ...other), true],
        'a revision between them': [set('rev', String(rev(6)), ...other), true],
        // By a later attempt: this one has come late.
        'a newer revision': [set('rev', String(rev(9)), 'last_commit', String(rev(9)), ...other), false],
        'an earlier room’s revision': [set('rev', String(numberIn(0, 5)), ...other), true],
        'a code of another size': [set('code', `${text('1')}!`), true],
        'no code any more': [(id) => command('HDEL', keys.session(id), 'code', 'rev'), true],
      };
      for (const [what, [arrange, isTaken]] of Object.entries(cases)) {
        const id = await open();
        if (what !== 'nothing') await commit({ sessionId: id, text: text('1'), count: 5 });
        await arrange(id);
        const said = message();
        await commit({ sessionId: id, text: text('2'), count: 7, messages: [said], code: { base } });
        const found = await held(id);
        const expected = isTaken ? [text('2'), rev(7)] : [other[1], rev(9)];
        expect([what, found.code?.code, found.code?.rev]).toEqual([what, ...expected]);
        expect(found.messages).toEqual([said]);
      }
    });

    it('of a change repeated has no second effect', async () => {
      const { buffer } = fixture;
      const id = await open();
      const text = (knob: string) => `gain(${knob})${'x'.repeat(5_000)}`;
      await commit({ sessionId: id, text: text('1') });
      const change = makeCommit({
        sessionId: id,
        text: text('12'),
        count: 2,
        code: { base: { rev: rev(1), code: text('1'), transport: null } },
        messages: [message()],
      });
      await buffer.commit(change);
      await buffer.commit(change);
      expect((await held(id)).messages).toHaveLength(1);
      expect((await buffer.read(id)).code).toMatchObject({ code: text('12'), rev: rev(2) });
      await flusher.flushSession(id);
      const { edits, messages } = await buffer.stats();
      expect({ edits, messages }).toEqual({ edits: 2, messages: 1 });
    });

    it('of a change is refused to a room that has been succeeded', async () => {
      const { buffer } = fixture;
      const text = 'x'.repeat(5_000);
      const id = await open();
      await commit({ sessionId: id, text });
      await open(2, id);
      const base = { rev: rev(1), code: text, transport: null };
      await expect(commit({ sessionId: id, text: `${text}!`, count: 2, code: { base } })).rejects.toThrow(
        SupersededError,
      );
      expect((await buffer.read(id)).code).toMatchObject({ code: text, rev: rev(1) });
    });

    it('fails as unavailable, without a word of what it carried', async () => {
      const { keys, command } = fixture;
      const id = randomUUID();
      await command('SET', keys.session(id), 'not a hash');
      const secret = 'let nobody = "see this"';
      const failure = await commit({ sessionId: id, text: secret }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StorageUnavailableError);
      expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('nobody');
    });

    it('of code that Postgres has leaves the session clean, and its hash with a time to live', async () => {
      const { buffer, command, keys } = fixture;
      const id = await open();
      await command('PERSIST', keys.session(id));
      const clean = await commit({ sessionId: id, text: 'one', flushedRev: rev(1) });
      expect(clean).toMatchObject({ isDirty: false, flushedRev: rev(1), load: { dirtySessions: 0 } });
      expect(await ttl(id)).toBeGreaterThan(0);
      expect(await ttl(id)).toBeLessThanOrEqual(CLEAN_TTL_S);
      expect(await buffer.read(id)).toMatchObject({ code: { code: 'one' }, isDirty: false });
      // Not while a message waits.
      await commit({ sessionId: id, text: 'two', count: 2, flushedRev: rev(2), messages: [message()] });
      expect(await ttl(id)).toBe(-1);
    });
  });

  /** The greatest numbers there are: the last of the greatest term. */
  const LAST = numberIn(MAX_TERM, COUNTS_PER_TERM - 1);

  // In the middle of a great term, and at the end of the greatest.
  it.each([numberIn(2 ** 30, 1_234_567), LAST])(
    'keeps great numbers exactly, through all its scripts',
    async (greatest) => {
      const { buffer } = fixture;
      const term = Math.floor(greatest / COUNTS_PER_TERM);
      const count = greatest % COUNTS_PER_TERM;
      expect(greatest).toBeGreaterThan(2 ** 51);
      const id = await open(term - 1);
      const said = makeMessage({ position: greatest - 1 });
      const receipts = { 'p/c': receipt(1, { rev: greatest - 1 }) };
      await open(term, id);
      const before = { count: count - 1, attempt: count - 1, flushedRev: greatest - 2 };
      const first = await commit({ sessionId: id, term, text: 'one', ...before, code: { receipts } });
      expect(first).toMatchObject({ flushedRev: greatest - 2, isDirty: true, lastCommit: greatest - 1 });
      const next = { count, expectedLast: greatest - 1, messages: [said] };
      expect(await commit({ sessionId: id, term, text: 'two', ...next })).toMatchObject({
        flushedRev: greatest - 2,
        lastCommit: greatest,
      });
      const expectedLast = greatest + 1;
      await expect(commit({ sessionId: id, term, expectedLast })).rejects.toThrow(CommitsLostError);

      expect(await held(id)).toMatchObject({
        code: { code: 'two', rev: greatest, receipts },
        messages: [said],
        flushedRev: greatest - 2,
        lastCommit: greatest,
      });
      const peek = await buffer.peekSessions([id], BOUNDS);
      expect(peek.sessions[0]?.fields.get('rev')).toBe(String(greatest));
      const dirty = { flushedRev: greatest - 1, isDirty: true, lastCommit: greatest };
      expect(await settle(id, { storedRev: greatest - 1, writtenMessages: [said] })).toMatchObject(dirty);
      expect(await buffer.flushState(id)).toMatchObject(dirty);
      // One less than the code is no reason to leave it.
      expect(await settle(id, { letters: [deadCode(greatest - 1)] })).toMatchObject(dirty);
      expect(await settle(id, { letters: [deadCode(greatest)] })).toMatchObject({ ...dirty, isDirty: false });
      expect(await field(id, 'put_aside')).toBe(String(greatest));
      expect(await settle(id, { storedRev: greatest })).toMatchObject({
        flushedRev: greatest,
        isDirty: false,
      });
      expect(await flusher.flushSession(id)).toMatchObject({ sessions: 0, flushedRev: greatest });
      if (term < MAX_TERM) {
        expect(await buffer.open(id, term + 1, ANY_BYTES)).toMatchObject({
          code: { rev: greatest, receipts },
          flushedRev: greatest,
          lastCommit: greatest,
          isDirty: false,
        });
      }
    },
  );

  /** The commands that a script ran while `work` was done, by name, in alphabetical order. */
  async function commandsInScript(work: () => Promise<unknown>): Promise<string[]> {
    await fixture.operate?.('CONFIG', 'RESETSTAT');
    await work();
    const stats = String(await fixture.operate?.('INFO', 'commandstats'));
    return [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
      .flatMap(([, name = '', calls]) => Array.from({ length: Number(calls) }, () => name))
      .filter((name) => !/^(config|info|ping|evalsha|eval|script)/.test(name))
      .sort();
  }

  describe('flush', () => {
    it('writes what is dirty, then takes it out, and leaves the code readable for a while', async () => {
      const { buffer, command, keys } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'one', messages: [message('hi')] });
      expect(await command('TTL', keys.session(id))).toBe(-1);
      expect(await flusher.flushSession(id)).toMatchObject({
        sessions: 1,
        messages: 1,
        flushedRev: rev(1),
        isDirty: false,
      });
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: rev(1) });
      expect(writer.row(id).messages.size).toBe(1);
      const found = await held(id);
      expect(found).toMatchObject({ code: { code: 'one', rev: rev(1) }, flushedRev: rev(1), messages: [] });
      expect(await command('TTL', keys.session(id))).toBeGreaterThan(0);
      expect(await buffer.stats()).toMatchObject({
        dirtySessions: 0,
        flushedSessions: 1,
        flushedMessages: 1,
      });
      const again = await flusher.flushSession(id);
      expect(again).toMatchObject({ sessions: 0, flushedRev: rev(1), isDirty: false });
      expect(writer.calls).toHaveLength(1);
      // Dirty again: it may not expire.
      await commit({ sessionId: id, text: 'two', count: 2 });
      expect(await command('TTL', keys.session(id))).toBe(-1);
    });

    it('of a session that the buffer has lost says so by its last commit', async () => {
      const { command } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'one', attempt: 5 });
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, lastCommit: rev(5) });
      // Nothing left to write: then it is the buffer's state that says so.
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, lastCommit: rev(5) });
      await command('FLUSHALL');
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, lastCommit: 0 });
    });

    it('takes nothing out before Postgres has it', async () => {
      const { buffer } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'one', messages: [message()] });
      writer.before = async () => {
        throw new StorageUnavailableError('postgres', 'down');
      };
      await expect(flusher.sweep()).rejects.toThrow(StorageUnavailableError);
      expect(await held(id)).toMatchObject({
        code: { code: 'one' },
        messages: [{ content: 'hello' }],
      });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 1 });
      writer.before = async () => {};
      await flusher.sweep();
      expect(writer.row(id)).toMatchObject({ code: 'one' });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('that committed but whose answer was lost is repeated without a second effect', async () => {
      const { buffer } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'one', messages: [message()] });
      writer.after = async () => {
        throw new StorageUnavailableError('postgres', 'connection cut');
      };
      await expect(flusher.sweep()).rejects.toThrow(StorageUnavailableError);
      writer.after = async () => {};
      await flusher.sweep();
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: rev(1) });
      expect(writer.row(id).messages.size).toBe(1);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('keeps what came in between reading and settling, and keeps it dirty', async () => {
      const id = await open();
      const late = message('late');
      await commit({ sessionId: id, text: 'one', messages: [message('early')] });
      writer.after = async () => {
        await commit({ sessionId: id, text: 'two', count: 2, messages: [late] });
      };
      expect(await flusher.sweep()).toMatchObject({ sessions: 1 });
      writer.after = async () => {};
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: rev(1) });
      expect(await held(id)).toMatchObject({
        code: { code: 'two', rev: rev(2) },
        messages: [late],
      });
      // By a sweep, which finds only what is marked as dirty.
      expect(await flusher.sweep()).toMatchObject({ sessions: 1 });
      expect(await held(id)).toMatchObject({ isDirty: false, messages: [] });
      expect(writer.row(id)).toMatchObject({ code: 'two', rev: rev(2) });
      expect(writer.row(id).messages.size).toBe(2);
    });

    it('brings a message that a later room took over between reading and settling to Postgres', async () => {
      const id = await open();
      const [early, other] = [message('early'), message('other')];
      await commit({ sessionId: id, messages: [early, other] });
      writer.after = async () => {
        await commit({ sessionId: id, term: 2, messages: [{ ...early, position: numberIn(2, 1) }] });
      };
      await flusher.sweep();
      writer.after = async () => {};
      await flusher.sweep();
      expect(await held(id)).toMatchObject({ isDirty: false, messages: [] });
      expect([...writer.row(id).messages.keys()].sort()).toEqual([early.id, other.id].sort());
    });

    it('by two sweeps at once changes nothing twice and leaves nothing dirty', async () => {
      const { buffer } = fixture;
      const ids = Array.from({ length: 30 }, () => randomUUID());
      for (const id of ids) {
        await open(1, id);
        await commit({ sessionId: id, text: 'one', messages: [message()] });
      }
      await Promise.all([flusher.sweep(), flusher.sweep(), flusher.sweep(), flusher.sweep()]);
      for (const id of ids) expect(writer.row(id)).toMatchObject({ code: 'one', rev: rev(1) });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, commits: 30, edits: 30, messages: 30 });
    });

    it('goes by batches bounded in sessions and bytes, and through a session larger than a batch', async () => {
      const { buffer } = fixture;
      const small = new Flusher({
        buffer,
        writer,
        bounds: { maxSessions: 3, maxBytes: 20_000 },
        sweepAbove: 1,
        staleAfterMs: 10_000,
        intervalMs: 1,
        leaseMs: 1_000,
        inactivity: INACTIVITY,
      });
      const ids = Array.from({ length: 7 }, () => randomUUID());
      for (const id of ids) {
        await open(1, id);
        await commit({ sessionId: id, text: 'x' });
      }
      const large = await open();
      const many = Array.from({ length: 600 }, () => message('m'.repeat(400)));
      await commit({ sessionId: large, messages: many });
      await small.sweep();
      expect(writer.row(large).messages.size).toBe(600);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, flushedMessages: 600 });
      for (const batch of writer.calls) {
        expect(batch.length).toBeLessThanOrEqual(3);
        expect(JSON.stringify(batch).length).toBeLessThan(40_000);
      }
      // The same for one session alone.
      await commit({ sessionId: large, messages: many.slice(0, 300) });
      expect(await small.flushSession(large)).toMatchObject({ isDirty: false });
    });

    it('puts exactly the culprits among the dead letters, and flushes everything else', async () => {
      const { buffer } = fixture;
      const ids = Array.from({ length: 9 }, () => randomUUID());
      const poison = message('poison');
      for (const [i, id] of ids.entries()) {
        await open(1, id);
        await commit({
          sessionId: id,
          text: i === 2 ? 'poison' : 'fine',
          messages: i === 5 ? [message(), poison, message()] : [message()],
        });
      }
      writer.refuse = (write) =>
        write.code?.code === 'poison' || write.messages.some(({ content }) => content === 'poison');
      expect(await flusher.sweep()).toMatchObject({ deadLetters: 2 });
      for (const [i, id] of ids.entries()) {
        expect(writer.row(id).code).toBe(i === 2 ? '' : 'fine');
        expect(writer.row(id).messages.size).toBe(i === 5 ? 2 : 1);
      }
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 2, deadLettered: 2 });
      // Refused code is not flushed, and nobody may be told that it is.
      expect(await buffer.flushState(ids[2]!)).toMatchObject({ flushedRev: 0, isDirty: false });
      expect((await buffer.read(ids[2]!)).code).toMatchObject({ code: 'poison', rev: rev(1) });
      // Messages that come after it are no reason to try it again.
      await commit({ sessionId: ids[2]!, messages: [message()] });
      expect(await flusher.flushSession(ids[2]!)).toMatchObject({
        messages: 1,
        deadLetters: 0,
        isDirty: false,
      });
      const { letters, next } = await buffer.listDead({ limit: 100 });
      expect(next).toBeNull();
      expect(letters.map(({ session_id, kind, reason }) => [session_id, kind, reason.code]).sort()).toEqual(
        [
          [ids[2], 'code', '22021'],
          [ids[5], 'message', '22021'],
        ].sort(),
      );

      // Replayed while the reason holds: it stays. Once it doesn't: it lands, once, and is gone.
      const letter = letters.find(({ kind }) => kind === 'message')!;
      expect(await flusher.replayDead(letter.id)).toEqual({ refused: '22021: invalid byte sequence' });
      expect(await flusher.replayDead('nope')).toBe('not_found');
      writer.refuse = () => false;
      expect(await flusher.replayDead(letter.id)).toBe('replayed');
      expect(writer.row(ids[5]!).messages.get(poison.id)).toEqual(poison);
      expect(await flusher.replayDead(letter.id)).toBe('not_found');
      expect(await buffer.stats()).toMatchObject({ deadLetters: 1 });
      // An edit after the refused one is flushed as ever.
      await open(2, ids[2]!);
      await commit({ sessionId: ids[2]!, term: 2, text: 'mended' });
      expect(await flusher.flushSession(ids[2]!)).toMatchObject({
        flushedRev: numberIn(2, 1),
        isDirty: false,
      });
    });

    it('discards dead letters: one, or those of a session that were there, and what they stand for', async () => {
      const { buffer, command, keys } = fixture;
      const [one, other] = [randomUUID(), randomUUID()];
      for (const sessionId of [one, other]) {
        await open(1, sessionId);
        await commit({ sessionId, text: 'poison', messages: [message(), message()] });
        writer.missing.add(sessionId);
      }
      await flusher.sweep();
      // Another's key that can't be read at all: the letter says where it is.
      const damaged = randomUUID();
      await open(1, damaged);
      await commit({ sessionId: damaged, text: 'x' });
      await command('DEL', keys.session(damaged));
      await command('SET', keys.session(damaged), 'not a hash');
      await flusher.sweep();
      const list = async () => (await buffer.listDead({ limit: 100 })).letters;
      const of = (id: string) => async () =>
        (await list()).filter(({ session_id }) => session_id === id).length;
      const all = await list();
      expect(all).toHaveLength(7);

      const letter = all.find(({ session_id, kind }) => session_id === one && kind === 'code')!;
      expect(await buffer.discardDead(letter.id)).toMatchObject({ letters: 1, letter });
      expect(await buffer.discardDead(letter.id)).toBeNull();
      // What was put aside after the list was read isn't in it.
      const before = new Date(Date.parse(letter.at) - 1).toISOString();
      expect(await buffer.discardDeadOf(one, before)).toEqual({ letters: 0, bytes: 0, hasMore: false });
      const until = new Date(Date.now() + 1).toISOString();
      const gone = await buffer.discardDeadOf(one, until);
      expect(gone).toMatchObject({ letters: 2, hasMore: false });
      expect([await of(one)(), await of(other)()]).toEqual([0, 3]);

      const keysWith = async () => command('KEYS', `${keys.anyDamaged}*`);
      expect(await keysWith()).toHaveLength(1);
      expect(await buffer.discardDeadOf(damaged, until)).toMatchObject({ letters: 1 });
      expect(await keysWith()).toEqual([]);

      // The room that they took is free again, to the byte.
      const { deadLetterBytes } = await buffer.stats();
      const left = await list();
      expect(deadLetterBytes).toBe(
        left.reduce((sum, each) => sum + Buffer.byteLength(JSON.stringify(each)), 0),
      );
      expect(await buffer.discardDeadOf(other, until)).toMatchObject({ letters: 3, bytes: deadLetterBytes });
      expect(await command('HGETALL', keys.deadSizes)).toEqual([]);
      // Nothing of them comes back.
      await flusher.sweep();
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 0 });
    });

    it('discards so many letters at once that Redis isn’t held up, and says that there are more', async () => {
      const { buffer, command, keys } = fixture;
      const id = randomUUID();
      const letters = Array.from({ length: 501 }, (_, i) => [`${id}:m:${i}`, '{"at":"2026"}']);
      await command('HSET', keys.dead, ...letters.flat());
      // A letter that can't be read itself is one all the same.
      await command('HSET', keys.dead, `${id}:m:0`, 'nonsense');
      const until = new Date().toISOString();
      expect(await buffer.discardDeadOf(id, until)).toMatchObject({ letters: 500, hasMore: true });
      expect(await buffer.discardDeadOf(id, until)).toMatchObject({ letters: 1, hasMore: false });
      await command('HSET', keys.dead, 'odd', 'nonsense');
      expect(await buffer.discardDead('odd')).toMatchObject({ letters: 1, bytes: 8 });
    });

    it('puts what isn’t a message, and what has lost its session, among the dead letters', async () => {
      const { buffer, command, keys } = fixture;
      const broken = randomUUID();
      const gone = randomUUID();
      for (const id of [broken, gone]) {
        await open(1, id);
        await commit({ sessionId: id, text: 'one', messages: [message()] });
      }
      await command('HSET', keys.messages(broken), 'weird', '{"not":"a message"}');
      writer.missing.add(gone);
      await flusher.sweep();
      expect(writer.row(broken)).toMatchObject({ code: 'one' });
      expect(writer.row(broken).messages.size).toBe(1);
      const { letters } = await buffer.listDead({ limit: 100 });
      expect(
        letters.map(({ session_id, kind, reason }) => `${session_id} ${kind} ${reason.code}`).sort(),
      ).toEqual(
        [
          `${broken} message malformed`,
          `${gone} code session_missing`,
          `${gone} message session_missing`,
        ].sort(),
      );
      expect(letters.find(({ reason }) => reason.code === 'malformed')?.data).toBe('{"not":"a message"}');
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('passes over a session whose row is locked, and comes back to it', async () => {
      const { buffer } = fixture;
      const ids = [randomUUID(), randomUUID()];
      for (const id of ids) {
        await open(1, id);
        await commit({ sessionId: id, text: 'one' });
      }
      writer.busy.add(ids[0]!);
      expect(await flusher.sweep()).toMatchObject({ sessions: 1, busy: 1 });
      expect(await flusher.flushSession(ids[0]!)).toMatchObject({ isDirty: true });
      writer.busy.clear();
      await flusher.sweep();
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('isn’t held up by damaged sessions, and puts what it can’t read among the dead letters', async () => {
      const { buffer, command, keys } = fixture;
      const small = new Flusher({
        buffer,
        writer,
        bounds: { maxSessions: 2, maxBytes: 1_000_000 },
        sweepAbove: 1,
        staleAfterMs: 10_000,
        intervalMs: 1,
        leaseMs: 1_000,
        inactivity: INACTIVITY,
      });
      /** What is damaged in a session, and what of it becomes a dead letter. */
      const damages: [field: string, value: string, dead: string | null][] = [
        ['rev', 'garbage', 'code'],
        ['rev', '', 'code'],
        ['rev', `${rev(1)}.5`, 'code'],
        ['rev', '-3', 'code'],
        ['rev', '1e300', 'code'],
        ['rev', String(2 ** 53 - 3), 'code'],
        ['rev', String(numberIn(2, 0)), 'code'],
        ['term', 'garbage', 'code'],
        ['term', String(2 ** 40), 'code'],
        ['edited_at', 'garbage', 'code'],
        ['message', 'garbage', 'message'],
        ['flushed', 'garbage', null],
        ['put_aside', 'garbage', null],
        ['last_commit', 'garbage', null],
        ['commits', 'garbage', null],
        ['receipt:p/c', 'garbage', null],
      ];
      const expected: string[] = [];
      const damaged: string[] = [];
      const fine: string[] = [];
      for (const [name, value, dead] of damages) {
        const id = await open();
        await commit({ sessionId: id, text: 'kept', messages: [message()] });
        if (name === 'message') await command('HSET', keys.messages(id), 'm', value);
        else await command('HSET', keys.session(id), name, value);
        damaged.push(id);
        if (dead) expected.push(`${id} ${dead} malformed`);
        fine.push(await open());
        await commit({ sessionId: fine.at(-1)!, text: 'fine', messages: [message()] });
      }
      await small.sweep();
      for (const id of fine) {
        expect(writer.row(id)).toMatchObject({ code: 'fine', rev: rev(1) });
        expect(writer.row(id).messages.size).toBe(1);
      }
      // Of the damaged ones all that can be read is flushed, too.
      for (const [i, id] of damaged.entries()) {
        expect([damages[i], writer.row(id).messages.size]).toEqual([damages[i], 1]);
        expect(writer.row(id).code).toBe(damages[i]?.[2] === 'code' ? '' : 'kept');
      }
      const { letters } = await buffer.listDead({ limit: 100 });
      const found = letters.map(({ session_id, kind, reason }) => `${session_id} ${kind} ${reason.code}`);
      expect(found.sort()).toEqual(expected.sort());
      for (const { kind, data } of letters) expect(data).toContain(kind === 'code' ? 'kept' : 'garbage');
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: expected.length });
      for (const [i, id] of damaged.entries()) {
        // Whole in its letter, and out of the way: a room opens with what Postgres has.
        if (damages[i]?.[2] === 'code') expect(await ttl(id)).toBe(-2);
        else expect(await ttl(id)).toBeGreaterThan(0);
      }
      // The next edit of a room that has it open mends what it was.
      const mended = { text: 'mended', count: 2, code: { editedAtMs: 1 } };
      for (const id of damaged) await commit({ sessionId: id, ...mended });
      await small.sweep();
      for (const id of damaged) expect(writer.row(id)).toMatchObject({ code: 'mended', rev: rev(2) });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: expected.length });
      for (const id of damaged) {
        const state = { flushedRev: rev(2), isDirty: false, lastCommit: rev(2) };
        expect(await buffer.flushState(id)).toMatchObject(state);
      }
    });

    describe('of a session’s hash with a damaged field skips nothing that was acknowledged', () => {
      const TOO_HIGH = 4_000;
      const numbers = ['term', 'rev', 'edited_at', 'flushed', 'put_aside', 'last_commit', 'rewrite'];
      const texts = ['code', 'editor', 'dirty', 'commits', 'edits', 'messages', 'transport', 'played'];
      /** The value that it gets; null: it is missing. */
      const damages: [how: string, value: (field: string, is: number) => string | null][] = [
        ['missing', () => null],
        ['not a number', () => 'garbage'],
        ['empty', () => ''],
        ['of another type', () => '{"a":[1]}'],
        ['too low', (field) => (field === 'term' ? '0' : String(rev(1)))],
        ['just too low', (_, is) => String(is - 1)],
        // Not the very number that the room gives next, which nothing tells from one that it gave.
        ['just too high', (field, is) => String(is + (field === 'rev' ? 2 : 1))],
        ['too high', (field, is) => (field === 'term' ? '9' : String(is + TOO_HIGH))],
        ['far too high', (_, is) => String(is * 1_000)],
      ];
      const cases = [...numbers, ...texts].flatMap((field) =>
        damages.map(([how, value]) => [field, how, value] as const),
      );

      it.each(cases)('%s is %s', async (field, _, value) => {
        const { buffer, command, keys } = fixture;
        const id = await open();
        await commit({ sessionId: id, text: 'first', count: 3 });
        await flusher.sweep();
        await commit({ sessionId: id, text: 'kept', count: 5, messages: [message()] });
        const is = Number((await command('HGET', keys.session(id), field)) ?? rev(5));
        const damaged = value(field, Number.isFinite(is) ? is : 5);
        if (damaged === null) await command('HDEL', keys.session(id), field);
        else await command('HSET', keys.session(id), field, damaged);

        /** Where a text is safe: Postgres, or a letter for the operator. */
        const isSafe = async (text: string) =>
          writer.row(id).code === text ||
          (await buffer.listDead({ limit: 100 })).letters.some(({ data }) => data.includes(text));
        await flusher.sweep();
        if (field !== 'code') expect(await isSafe('kept')).toBe(true);
        expect(writer.row(id).messages.size).toBe(1);

        // What a room does then: it commits, anew where it hears that something is lost or taken.
        let [term, count] = [1, 6];
        const next = async () => {
          const given = {
            sessionId: id,
            term,
            text: `next ${term} ${count}`,
            expectedLast: numberIn(term, count - 1),
          };
          try {
            return await commit({ ...given, count });
          } catch (error) {
            if (error instanceof SupersededError) {
              // Its successor takes a greater term.
              for (term += 1; ; term += 1) {
                const opened = await buffer.open(id, term, 1_000_000).catch(() => null);
                if (opened === null || opened.outcome === 'opened') break;
                term = opened.term;
              }
              count = 1;
              return commit({ ...given, term, text: `next ${term} ${count}`, count, expectedLast: 0 });
            }
            if (!(error instanceof CommitsLostError)) throw error;
            return commit({ ...given, count, expectedLast: 0 });
          }
        };
        await next();
        const { flushedRev } = await flusher.flushSession(id);
        // Postgres has a number of this term that this room has never given: it goes beyond it.
        if (flushedRev > numberIn(term, count)) {
          count = flushedRev - numberIn(term, 0) + 1;
          await next();
        }
        await flusher.sweep();
        expect(writer.row(id).code).toBe(`next ${term} ${count}`);
        expect(await buffer.flushState(id)).toMatchObject({
          flushedRev: numberIn(term, count),
          isDirty: false,
        });
        expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
        // And from here on it is as any other.
        await commit({ sessionId: id, term, text: 'last', count: count + 1 });
        expect(await flusher.flushSession(id)).toMatchObject({ sessions: 1, isDirty: false });
        expect(writer.row(id).code).toBe('last');
      });

      it('the set of dirty sessions lacks it', async () => {
        const { buffer, command, keys } = fixture;
        const sessionId = await open();
        await commit({ sessionId, text: 'kept' });
        await command('ZREM', keys.dirty, sessionId);
        // Its room asks for it by name.
        expect(await flusher.flushSession(sessionId)).toMatchObject({ sessions: 1, isDirty: false });
        expect(writer.row(sessionId).code).toBe('kept');
        await commit({ sessionId, text: 'next', count: 2 });
        await flusher.sweep();
        expect(writer.row(sessionId).code).toBe('next');
        expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
      });
    });

    it('of an older revision than the buffer’s settles that one, and leaves the newer dirty', async () => {
      const { buffer } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'eleventh', count: 11 });
      await commit({ sessionId: id, text: 'twelfth', count: 12 });
      expect(await settle(id, { storedRev: rev(11) })).toMatchObject({ isDirty: true, flushedRev: rev(11) });
      const peek = await buffer.peekSessions([id], BOUNDS);
      expect(peek.sessions[0]?.fields.get('code')).toBe('twelfth');
      // One that ends after it doesn't bring the flushed revision back.
      await settle(id, { storedRev: rev(12) });
      const late = await settle(id, { storedRev: rev(10), letters: [deadCode(rev(9))] });
      expect(late).toMatchObject({ isDirty: false, flushedRev: rev(12) });
    });

    it('that an earlier room’s Worker ends late doesn’t count for the later room’s edits', async () => {
      const { buffer } = fixture;
      const id = await open(2);
      await commit({ sessionId: id, term: 2, text: 'third', count: 3 });
      const left = await settle(id, { storedRev: numberIn(1, 9), letters: [deadCode(numberIn(1, 10))] });
      expect(left).toMatchObject({ isDirty: true, flushedRev: numberIn(1, 9) });
      const peek = await buffer.peekSessions([id], BOUNDS);
      expect(peek.sessions[0]?.fields.get('code')).toBe('third');
    });

    it('puts a later room’s edits over what an earlier one wrote to Postgres, however many those were', async () => {
      const id = await open(2);
      // The earlier room had no Redis, and fell back to Postgres; its successor never heard of that.
      Object.assign(writer.row(id), { code: 'of the earlier room', rev: numberIn(1, 12) });
      await commit({ sessionId: id, term: 2, text: 'one' });
      writer.after = async () => {
        await commit({ sessionId: id, term: 2, text: 'two', count: 2 });
      };
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: true, flushedRev: numberIn(2, 1) });
      writer.after = async () => {};
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: numberIn(2, 1) });
      expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false });
      expect(writer.row(id)).toMatchObject({ code: 'two', rev: numberIn(2, 2) });
    });

    it('that finds Postgres ahead of the buffer says so: readers have to go there', async () => {
      const { buffer } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'fifty', count: 50 });
      Object.assign(writer.row(id), { code: 'sixty', rev: rev(60) });
      await flusher.sweep();
      expect(writer.row(id)).toMatchObject({ code: 'sixty', rev: rev(60) });
      const state = { flushedRev: rev(60), isDirty: false };
      expect(await buffer.read(id)).toMatchObject({ ...state, code: { rev: rev(50) } });
      expect(await buffer.open(id, 2, ANY_BYTES)).toMatchObject({ ...state, code: { rev: rev(50) } });
    });

    it('leaves a message that a later room has placed anew since it was read, until that is written', async () => {
      const { buffer } = fixture;
      const id = await open(2);
      const said = message();
      const anew = { ...said, position: numberIn(2, 7) };
      await commit({ sessionId: id, term: 2, text: 'one', messages: [said] });
      writer.after = async () => {
        await commit({ sessionId: id, term: 2, text: 'one', count: 2, messages: [anew] });
      };
      expect(await flusher.flushSession(id)).toMatchObject({ messages: 1, isDirty: true });
      writer.after = async () => {};
      expect((await held(id)).messages).toEqual([anew]);
      expect(await flusher.flushSession(id)).toMatchObject({ messages: 1, isDirty: false });
      expect(await held(id)).toMatchObject({ messages: [] });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
      // However its JSON is written, and when it is none.
      for (const json of [JSON.stringify(said, null, 2), 'no JSON']) {
        await fixture.command('HSET', fixture.keys.messages(id), said.id, json);
        await settle(id, { writtenMessages: [said] });
        expect(await held(id)).toMatchObject({ messages: [] });
      }
    });

    it('settles a session that the buffer has lost since it was read, and leaves nothing of it for long', async () => {
      const { buffer, command } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'one', messages: [message()] });
      writer.after = async () => {
        await command('FLUSHALL');
      };
      expect(await flusher.flushSession(id)).toMatchObject({
        isDirty: false,
        flushedRev: rev(1),
        lastCommit: 0,
      });
      expect(await ttl(id)).toBeGreaterThan(0);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
    });

    it('of a session with a revision and no code makes a dead letter, and leaves it clean', async () => {
      const { buffer, command, keys } = fixture;
      const id = await open();
      const said = message();
      await commit({ sessionId: id, text: 'gone', messages: [said] });
      await command('HDEL', keys.session(id), 'code');
      expect(await flusher.sweep()).toMatchObject({ messages: 1, deadLetters: 1 });
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 1 });
      const { letters } = await buffer.listDead({ limit: 2 });
      const reason = { code: 'malformed', message: 'the buffer holds a revision of a session, but no code' };
      expect(letters).toMatchObject([{ session_id: id, kind: 'code', reason }]);
      // Its messages are sound.
      expect([...writer.row(id).messages.keys()]).toEqual([said.id]);
      // A room opens it with Postgres' code, and its next edit is flushed.
      expect(await buffer.open(id, 2, ANY_BYTES)).toMatchObject({ code: null, isDirty: false });
      await commit({ sessionId: id, term: 2, text: 'new' });
      await flusher.flushSession(id);
      expect(writer.row(id)).toMatchObject({ code: 'new' });
    });

    it('counts what was committed once it is settled, and only once', async () => {
      const { buffer } = fixture;
      const id = await open();
      await commit({ sessionId: id, text: 'one', code: { edits: 3 }, messages: [message(), message()] });
      await commit({ sessionId: id, text: 'two', count: 2, code: { edits: 2 } });
      expect(await buffer.stats()).toMatchObject({ commits: 0, edits: 0, messages: 0 });
      await flusher.flushSession(id);
      expect(await buffer.stats()).toMatchObject({ commits: 2, edits: 5, messages: 2 });
      await settle(id, { storedRev: rev(2) });
      await commit({ sessionId: id, text: 'three', count: 3 });
      // Also when it stays dirty.
      writer.busy.add(id);
      await flusher.flushSession(id);
      expect(await buffer.stats()).toMatchObject({ commits: 3, edits: 6, messages: 2, dirtySessions: 1 });
      writer.busy.clear();
      await flusher.flushSession(id);
      expect(await buffer.stats()).toMatchObject({ commits: 3, edits: 6, messages: 2, dirtySessions: 0 });
    });

    redisIt('drains a Redis that has no memory left', async () => {
      const { buffer } = fixture;
      const id = await open();
      const poison = message('poison');
      await commit({ sessionId: id, text: 'one', messages: [message(), poison] });
      await flusher.flushSession(await open());
      writer.refuse = ({ messages }) => messages.some(({ content }) => content === 'poison');
      await fixture.operate?.('CONFIG', 'SET', 'maxmemory', '1');
      try {
        await expect(commit({ sessionId: id, text: 'two', count: 2 })).rejects.toThrow(
          StorageUnavailableError,
        );
        await flusher.sweep();
        expect(await buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 1 });
      } finally {
        await fixture.operate?.('CONFIG', 'SET', 'maxmemory', '0');
      }
      expect(writer.row(id)).toMatchObject({ code: 'one', rev: rev(1) });
    });

    redisIt('drains a Redis that has no memory left in the sweeper’s turn, under its lease', async () => {
      const { buffer, command, keys, operate } = fixture;
      const ids = [await open(), await open()];
      for (const id of ids) await commit({ sessionId: id, text: 'one', messages: [message()] });
      await operate?.('CONFIG', 'SET', 'maxmemory', '1');
      try {
        const now = { untilMs: Date.now(), budget: unlimitedBudget(), endingRequests: 0 };
        const run = await flusher.runTurn(now);
        expect(run).toMatchObject({ outcome: 'swept', sessions: 2, failures: 0, lastFailure: null });
        expect(await buffer.stats()).toMatchObject({ dirtySessions: 0 });
        // Rooms go on waiting for the next turn.
        expect(await command('GET', keys.sweep)).toBe('open');
      } finally {
        await operate?.('CONFIG', 'SET', 'maxmemory', '0');
      }
      for (const id of ids) expect(writer.row(id)).toMatchObject({ code: 'one', rev: rev(1) });
    });
  });

  /** A letter of code that Postgres refused at this revision. */
  const deadCode = (revision: number): Deliverable => ({
    letter: {
      id: `c:${revision}`,
      session_id: 's',
      kind: 'code',
      reason: { code: '22021', message: '' },
      at: '',
      data: '',
    },
    source: { kind: 'code', rev: revision },
  });

  /** Settles a session as a flush does that found this in Postgres. */
  async function settle(sessionId: string, over: Partial<Settlement>) {
    const settlement: Settlement = {
      sessionId,
      dirtySinceMs: Date.now(),
      storedRev: null,
      mark: '',
      writtenMessages: [],
      letters: [],
      ...over,
    };
    return (await fixture.buffer.settle([settlement]))[0];
  }

  it('shows how old the oldest dirty session is', async () => {
    const { buffer, command, keys } = fixture;
    await command('ZADD', keys.dirty, String(Date.now() - 7_000), randomUUID());
    const { oldestDirtyMs } = await buffer.stats();
    expect(oldestDirtyMs).toBeGreaterThanOrEqual(7_000);
    expect(oldestDirtyMs).toBeLessThan(60_000);
  });

  describe('sessions in which nothing happens', () => {
    const quiet = async (minutes: number, id: string = randomUUID()) => {
      await fixture.command('ZADD', fixture.keys.active, String(Date.now() - minutes * 60_000), id);
      return id;
    };
    const look = async () => (await fixture.buffer.beginTurn(TURN)).inactive;
    const known = async () => fixture.command('ZRANGE', fixture.keys.active, '0', '-1');

    it('are found with the lease, oldest first, once in a while', async () => {
      const [a, , b] = [await quiet(31), await quiet(29), await quiet(40)];
      expect(await look()).toEqual([b, a]);
      expect(await look()).toEqual([]);
      const left = Number(await fixture.command('PTTL', fixture.keys.lastScan));
      expect(left).toBeGreaterThan(290_000);
      expect(left).toBeLessThanOrEqual(300_000);
      await fixture.command('DEL', fixture.keys.lastScan);
      expect(await look()).toEqual([b, a]);
    });

    it('are found turn after turn while there are more than one can take', async () => {
      for (let i = 0; i < 5; i++) await quiet(40 + i);
      const first = await look();
      expect(first).toHaveLength(3);
      const ended = first.map((id) => ({ id, lastActivityMs: null }));
      await fixture.buffer.untrack(ended, INACTIVITY);
      expect(await look()).toHaveLength(2);
      expect(await look()).toEqual([]);
    });

    it('are active again once a room opens them, or what was edited or said in them is flushed', async () => {
      const [opened, edited, said] = [await quiet(31), await quiet(31), await quiet(31)];
      await open(1, opened);
      await commit({ sessionId: edited, text: 'x' });
      await commit({ sessionId: said, messages: [message('hi')] });
      await flusher.sweep();
      expect(await look()).toEqual([]);
      expect(new Set((await known()) as string[])).toEqual(new Set([opened, edited, said]));
      // What changes nothing is no activity.
      const repeated = await quiet(31, edited);
      await commit({ sessionId: repeated, text: 'x' });
      await flusher.flushSession(repeated);
      await fixture.command('DEL', fixture.keys.lastScan);
      expect(await look()).toEqual([repeated]);
    });

    it('are untracked, unless something has happened since', async () => {
      const { buffer } = fixture;
      const [ended, revived, active] = [await quiet(31), await quiet(31), await quiet(31)];
      await open(1, revived);
      const activeAtMs = Date.now() - 1_000;
      await buffer.untrack(
        [
          { id: ended, lastActivityMs: null },
          { id: revived, lastActivityMs: null },
          { id: active, lastActivityMs: activeAtMs },
          { id: randomUUID(), lastActivityMs: activeAtMs },
        ],
        INACTIVITY,
      );
      expect(await known()).toEqual([active, revived]);
      expect(await look()).toEqual([]);
    });

    it('are taken in when nothing was known of them', async () => {
      const { buffer } = fixture;
      const opened = await open();
      const stranger = randomUUID();
      const lastActivityMs = Date.now() - 40 * 60_000;
      await buffer.track([stranger, opened].map((id) => ({ id, lastActivityMs })));
      await buffer.track([]);
      expect(await look()).toEqual([stranger]);
    });

    it('are flushed together', async () => {
      const { buffer } = fixture;
      const ids = Array.from({ length: 4 }, () => randomUUID());
      for (const id of ids.slice(0, 3)) {
        await open(1, id);
        await commit({ sessionId: id, text: 'x', messages: [message('hi')] });
      }
      writer.busy.add(ids[1] ?? '');
      expect(await flusher.flushSessions(ids)).toEqual([ids[0], ids[2], ids[3]]);
      expect(writer.calls).toHaveLength(1);
      expect(await buffer.stats()).toMatchObject({ dirtySessions: 1 });
      expect(await flusher.flushSessions([])).toEqual([]);
      expect(writer.calls).toHaveLength(1);
    });
  });
});
