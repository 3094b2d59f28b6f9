/** What a commit contains in each standing, what its outcome means, and what the next instance is told. */
import { describe, expect, it } from 'vitest';
import { changeTo, held, makeOpened, rev, STARTED_AT, settle } from '../../../test/support/live-session.ts';
import { makeMessage } from '../../../test/support/messages.ts';
import { CommitsLostError, StorageUnavailableError } from '../../domain/errors.ts';
import { receiptKey } from '../../domain/receipts.ts';
import { COUNTS_PER_TERM, numberIn } from '../../domain/revision.ts';
import type { Commit, CommitResult, OpenedSession, RecoveryRecord } from '../../domain/types.ts';
import { Document } from './document.ts';
import { Durability } from './durability.ts';
import { type Batch, emptyBatch } from './pending.ts';

const KEY = receiptKey('p', 'a');
const outage = new StorageUnavailableError('redis', 'down');
const message = (id: string, content = id) => makeMessage({ id, content, createdAtMs: 1 });
const idsOf = (messages: readonly { id: string }[] | undefined) => messages?.map(({ id }) => id);

function setUp(over: Partial<OpenedSession> = {}) {
  const opened = makeOpened(over);
  const document = new Document(opened.code, 2, 0);
  const recorded: Omit<RecoveryRecord, 'term'>[] = [];
  const flushed: number[] = [];
  const script = { record: async () => {} };
  const durability = new Durability(opened, document, 2, {
    record: async (record) => {
      await script.record();
      recorded.push(record);
    },
    onFlushed: (flushedRev) => flushed.push(flushedRev),
  });
  let edits = 0;
  /** A batch as the queue makes it. @param code null: of messages alone. */
  const batchOf = (code: string | null, ...ids: string[]): Batch => {
    const batch = { ...emptyBatch(), messages: ids.map((id) => message(id)) };
    if (code === null) return batch;
    edits += 1;
    const content = changeTo(document.text, code);
    document.merge(
      { connectionId: 'a', participantId: 'p', clientSeq: edits, content, editorId: null },
      edits,
    );
    return { ...batch, code: document.version(1) };
  };
  const prepare = (code: string | null, ...ids: string[]) =>
    durability.prepare('s', batchOf(code, ...ids), false);
  const inBuffer = (commit: Commit, over: Partial<Extract<CommitResult, { durable: 'buffer' }>> = {}) =>
    durability.confirmed(commit, {
      durable: 'buffer',
      flushedRev: commit.flushedRev,
      isDirty: true,
      lastCommit: commit.attempt,
      load: null,
      ...over,
    });
  const inPostgres = (commit: Commit) => durability.confirmed(commit, { durable: 'postgres' });
  const asOf = () => ({ commits: durability.commits, expectedLast: durability.expectedLast });
  /** All that is committed gets flushed. */
  const flush = (over: Partial<{ isDirty: boolean; flushedRev: number; lastCommit: number }> = {}) =>
    durability.learn(
      { flushedRev: document.rev, isDirty: false, lastCommit: durability.expectedLast, ...over },
      asOf(),
      true,
    );
  return { document, durability, recorded, flushed, script, prepare, inBuffer, inPostgres, asOf, flush };
}

const receiptOf = (clientSeq: number) => ({
  clientSeq,
  requestIds: [],
  rev: rev(clientSeq),
  atMs: clientSeq,
});

describe('a session opens', () => {
  it.each<[string, Partial<OpenedSession>, object, string]>([
    ['buffered', {}, { kind: 'buffered' }, 'buffer'],
    [
      'on Postgres where the buffer’s copy is older',
      { isBufferBehind: true },
      { kind: 'on_postgres', isStandIn: false },
      'postgres',
    ],
    [
      'partial where the buffer has more messages than a room may hold',
      { isPartial: true },
      { kind: 'partial', isBehind: false },
      'buffer',
    ],
    [
      'partial and behind where both is so',
      { isPartial: true, isBufferBehind: true },
      { kind: 'partial', isBehind: true },
      'buffer',
    ],
  ])('%s', (_, opened, standing, durable) => {
    const { durability } = setUp(opened);
    expect(durability.standing).toEqual(standing);
    expect(durability.durable).toBe(durable);
  });
});

describe('a commit of a buffered session', () => {
  it('contains what the batch has, and what changed of the receipts', async () => {
    const { prepare, inBuffer } = setUp({ lastCommit: numberIn(1, 5) });
    const first = prepare('x1', 'm1');
    expect(first).toEqual({
      sessionId: 's',
      term: 2,
      attempt: rev(1),
      expectedLast: numberIn(1, 5),
      code: {
        code: 'x1',
        rev: rev(1),
        editedAtMs: 1,
        editorId: null,
        edits: 1,
        base: null,
        receipts: { [KEY]: receiptOf(1) },
        replacesReceipts: true,
        transport: null,
      },
      messages: [message('m1')],
      tail: {
        code: {
          code: 'x1',
          rev: rev(1),
          editedAtMs: 1,
          editorId: null,
          receipts: { [KEY]: receiptOf(1) },
          transport: null,
        },
        messages: [message('m1')],
      },
      flushedRev: STARTED_AT,
      wantsLoad: false,
    });
    await inBuffer(first);
    const second = prepare(null, 'm2');
    expect(second).toMatchObject({ attempt: rev(2), expectedLast: rev(1), code: null });
    expect(idsOf(second.messages)).toEqual(['m2']);
    await inBuffer(second);
    expect(prepare('x2').code).toMatchObject({
      base: { rev: rev(1), code: 'x1' },
      receipts: { [KEY]: receiptOf(2) },
      replacesReceipts: false,
    });
  });

  it('brings all receipts in the stead of the buffer’s until the buffer has taken code of this term', async () => {
    const stored = { other: receiptOf(9) };
    const { document, prepare, inBuffer, durability } = setUp({
      code: { code: 'start', rev: STARTED_AT, receipts: stored, transport: null },
    });
    // The code that the session was opened with is of an earlier term.
    const before = durability.prepare('s', { ...emptyBatch(), code: document.version(0) }, false);
    expect(before.code).toMatchObject({ base: null, receipts: stored, replacesReceipts: true });
    await inBuffer(before);
    const first = prepare('x1').code;
    expect(first).toMatchObject({ base: null, replacesReceipts: true });
    expect(first?.receipts).toEqual({ ...stored, [KEY]: receiptOf(1) });
    await inBuffer(prepare('x2'));
    const later = prepare('x3').code;
    expect(later).toMatchObject({ base: { rev: rev(2), code: 'x2' }, replacesReceipts: false });
    expect(later?.receipts).toEqual({ [KEY]: receiptOf(3) });
  });

  it('carries all that Postgres may lack as its tail, also what an earlier room left', async () => {
    const { prepare, inBuffer } = setUp({ messages: [message('m0')], isDirty: true });
    await inBuffer(prepare('x1', 'm1'));
    const { tail, messages } = prepare(null, 'm2');
    expect(idsOf(messages)).toEqual(['m2']);
    expect(idsOf(tail?.messages)).toEqual(['m0', 'm1', 'm2']);
    expect(tail?.code).toMatchObject({ code: 'x1', rev: rev(1), receipts: { [KEY]: receiptOf(1) } });
  });

  it('carries each message once, though it is committed again', async () => {
    const { prepare, inBuffer } = setUp({ messages: [message('m1')], isDirty: true });
    await inBuffer(prepare(null, 'm1'));
    expect(idsOf(prepare(null, 'm1').tail?.messages)).toEqual(['m1']);
  });

  it('carries nothing besides its own once all is flushed', async () => {
    const { prepare, inBuffer, flush } = setUp();
    await inBuffer(prepare('x1', 'm1'));
    flush();
    const commit = prepare(null, 'm2');
    expect(commit.tail).toEqual({ code: null, messages: [message('m2')] });
    expect(commit.flushedRev).toBe(rev(1));
  });

  it('has the receipts of an earlier one that was not confirmed', async () => {
    const { prepare, inBuffer, durability, document } = setUp();
    await inBuffer(prepare('x1'));
    prepare('x2');
    durability.failed(outage);
    const content = changeTo(document.text, 'x3');
    document.merge({ connectionId: 'b', participantId: 'q', clientSeq: 1, content, editorId: null }, 3);
    const again = durability.prepare('s', { ...emptyBatch(), code: document.version(1) }, false);
    expect(Object.keys(again.code?.receipts ?? {})).toEqual([KEY, receiptKey('q', 'b')]);
    await inBuffer(again);
    expect(Object.keys(prepare('x4').code?.receipts ?? {})).toEqual([KEY]);
  });

  it('has a number of its own each time, be it confirmed or not', () => {
    const { prepare, durability } = setUp();
    expect([prepare('x1').attempt, prepare('x2').attempt]).toEqual([rev(1), rev(2)]);
    expect(durability.termUse).toBe(2 / COUNTS_PER_TERM);
  });
});

describe('a commit to a buffer whose copy is older', () => {
  it('carries the whole code and all receipts, whatever else it is for', async () => {
    const stored = { [KEY]: receiptOf(1), other: receiptOf(9) };
    const { prepare, inBuffer, durability } = setUp({
      code: { code: 'in Postgres', rev: STARTED_AT, receipts: stored, transport: null },
      isBufferBehind: true,
      lastCommit: numberIn(1, 7),
    });
    const commit = prepare(null, 'm1');
    expect(commit).toMatchObject({
      // What it has is older anyway.
      expectedLast: 0,
      code: { code: 'in Postgres', rev: STARTED_AT, edits: 0, base: null },
      tail: { code: null },
    });
    expect(commit.code?.receipts).toEqual(stored);
    expect(idsOf(commit.messages)).toEqual(['m1']);
    await inBuffer(commit);
    expect(durability.standing).toEqual({ kind: 'buffered' });
    expect(prepare(null, 'm2')).toMatchObject({ code: null, expectedLast: rev(1) });
  });

  it('has no base to send a change to, though the buffer once confirmed one', async () => {
    const { prepare, inBuffer, inPostgres } = setUp();
    await inBuffer(prepare('x1'));
    await inPostgres(prepare('x2'));
    expect(prepare('x3').code).toMatchObject({ code: 'x3', base: null });
  });
});

describe('a commit after a loss', () => {
  it('carries everything that Postgres may lack into the buffer again, the tail included', async () => {
    const { prepare, inBuffer, durability } = setUp({ messages: [message('m0')], isDirty: true });
    await inBuffer(prepare('x1', 'm1'));
    durability.failed(new CommitsLostError('s'));
    expect(durability.standing).toEqual({ kind: 'lost' });
    const commit = prepare(null, 'm2');
    expect(commit).toMatchObject({
      expectedLast: 0,
      code: { code: 'x1', rev: rev(1), base: null, receipts: { [KEY]: receiptOf(1) } },
    });
    expect(idsOf(commit.messages)).toEqual(['m0', 'm1', 'm2']);
    expect(idsOf(commit.tail?.messages)).toEqual(['m0', 'm1', 'm2']);
    await inBuffer(commit);
    expect(durability.standing).toEqual({ kind: 'buffered' });
    expect(idsOf(prepare(null, 'm3').messages)).toEqual(['m3']);
  });

  it('carries it until a store confirms it', async () => {
    const { prepare, inBuffer, durability } = setUp();
    await inBuffer(prepare('x1', 'm1'));
    durability.failed(new CommitsLostError('s'));
    prepare('x2');
    durability.failed(outage);
    expect(durability.standing).toEqual({ kind: 'unavailable', before: { kind: 'lost' } });
    const commit = prepare('x3');
    expect(commit).toMatchObject({ expectedLast: 0, code: { code: 'x3', base: null } });
    expect(idsOf(commit.messages)).toEqual(['m1']);
  });
});

describe('a partial session', () => {
  it('has no tail: not all that Postgres may lack is known', async () => {
    const { prepare, inBuffer, durability } = setUp({ isPartial: true, isDirty: true, lastCommit: 3 });
    const commit = prepare('x1', 'm1');
    expect(commit).toMatchObject({
      tail: null,
      expectedLast: 3,
      code: { receipts: { [KEY]: receiptOf(1) } },
    });
    await inBuffer(commit);
    expect(durability.standing).toEqual({ kind: 'partial', isBehind: false });
    expect(prepare('x2').tail).toBeNull();
    durability.failed(outage);
    expect(prepare('x3').tail).toBeNull();
  });

  it('gives a buffer that is behind the whole code', async () => {
    const { prepare, inBuffer, durability } = setUp({
      isPartial: true,
      isBufferBehind: true,
      isDirty: true,
      code: { code: 'start', rev: STARTED_AT, receipts: { other: receiptOf(4) }, transport: null },
    });
    const commit = prepare(null, 'm1');
    expect(commit.code).toMatchObject({ code: 'start', base: null, receipts: { other: receiptOf(4) } });
    expect(commit.tail).toBeNull();
    await inBuffer(commit);
    expect(durability.standing).toEqual({ kind: 'partial', isBehind: false });
  });

  it('is whole once all that was dirty is flushed', async () => {
    const { prepare, inBuffer, durability, flush } = setUp({ isPartial: true, isDirty: true });
    await inBuffer(prepare('x1', 'm1'));
    expect(flush({ isDirty: true, flushedRev: STARTED_AT })).toBe('learned');
    expect(durability.standing).toEqual({ kind: 'buffered' });
    // What came meanwhile is known.
    const { tail } = prepare('x2', 'm2');
    expect(tail?.code).toMatchObject({ code: 'x2' });
    expect(idsOf(tail?.messages)).toEqual(['m1', 'm2']);
  });

  it('is still behind once all is flushed, where the buffer has been given nothing', () => {
    const receipts = { other: receiptOf(4) };
    const { prepare, durability, flush } = setUp({
      isPartial: true,
      isBufferBehind: true,
      isDirty: true,
      code: { code: 'start', rev: STARTED_AT, receipts, transport: null },
    });
    flush({ flushedRev: STARTED_AT });
    expect(durability.standing).toEqual({ kind: 'on_postgres', isStandIn: false });
    // The flush after this commit writes the buffer's receipts over Postgres'.
    expect(prepare('x1').code?.receipts).toEqual({ ...receipts, [KEY]: receiptOf(1) });
  });

  it('is whole once a sweeper has flushed it', async () => {
    const { durability, asOf } = setUp({ isPartial: true, isDirty: true });
    durability.learn({ flushedRev: STARTED_AT, isDirty: true, lastCommit: 0 }, asOf());
    expect(durability.standing.kind).toBe('partial');
    durability.learn({ flushedRev: STARTED_AT, isDirty: false, lastCommit: 0 }, asOf());
    expect(durability.standing).toEqual({ kind: 'buffered' });
  });

  it('that has no store to commit to is whole once it is flushed, and still without a store', () => {
    const { durability, flush } = setUp({ isPartial: true, isDirty: true });
    durability.failed(outage);
    flush({ flushedRev: STARTED_AT });
    expect(durability.standing).toEqual({ kind: 'unavailable', before: { kind: 'buffered' } });
  });
});

describe('when Postgres stands in', () => {
  it('everything acknowledged is there, and nothing is dirty', async () => {
    const { prepare, inBuffer, inPostgres, durability, recorded, flushed } = setUp();
    await inBuffer(prepare('x1', 'm1'));
    const commit = prepare('x2', 'm2');
    expect(idsOf(commit.tail?.messages)).toEqual(['m1', 'm2']);
    await inPostgres(commit);
    expect(durability.standing).toEqual({ kind: 'on_postgres', isStandIn: true });
    expect(durability.durable).toBe('postgres');
    expect(durability.isDirty).toBe(false);
    expect(durability.flushedRev).toBe(rev(2));
    expect(flushed).toEqual([rev(2)]);
    expect(recorded.map(({ source }) => source)).toEqual(['buffer', 'postgres']);
    expect(prepare(null, 'm3').tail).toEqual({ code: null, messages: [message('m3')] });
  });

  it('messages alone take the code along that only the buffer had', async () => {
    const { prepare, inBuffer, inPostgres, durability, recorded } = setUp();
    await inBuffer(prepare('x1'));
    const commit = prepare(null, 'm1');
    expect(commit.tail).toMatchObject({ code: { code: 'x1', rev: rev(1) }, messages: [{ id: 'm1' }] });
    await inPostgres(commit);
    expect(recorded.at(-1)).toEqual({ source: 'postgres', lastCommit: rev(1) });
    expect(durability.flushedRev).toBe(rev(1));
  });

  it('each commit is recorded anew: only the current instance can', async () => {
    const { prepare, inPostgres, recorded } = setUp();
    await inPostgres(prepare('x1'));
    await inPostgres(prepare('x2'));
    expect(recorded).toEqual([
      { source: 'postgres', lastCommit: 0 },
      { source: 'postgres', lastCommit: 0 },
    ]);
  });

  it('nothing is called flushed before it is recorded: a room that was replaced can’t', async () => {
    const { prepare, inBuffer, inPostgres, durability, script, flushed } = setUp();
    await inBuffer(prepare('x1', 'm1'));
    const storage = held<void>();
    script.record = () => storage.promise;
    const confirmed = inPostgres(prepare('x2'));
    await settle();
    expect([flushed, durability.flushedRev, durability.isDirty]).toEqual([[], STARTED_AT, true]);
    storage.reject(new StorageUnavailableError('room storage', 'replaced'));
    await expect(confirmed).rejects.toThrow(StorageUnavailableError);
    expect([flushed, durability.flushedRev, durability.isDirty]).toEqual([[], STARTED_AT, true]);
    // All of it goes with the next commit.
    const { tail } = prepare('x3');
    expect(tail?.code).toMatchObject({ code: 'x3' });
    expect(idsOf(tail?.messages)).toEqual(['m1']);
  });

  it('a flush of what the buffer had besides doesn’t make its copy the newest', async () => {
    const { prepare, inBuffer, inPostgres, durability, recorded, flush } = setUp();
    await inBuffer(prepare('x1', 'm1'));
    await inPostgres(prepare('x2'));
    expect(flush({ lastCommit: rev(1) })).toBe('learned');
    await durability.recordClean();
    expect(durability.standing.kind).toBe('on_postgres');
    expect(recorded.at(-1)?.source).toBe('postgres');
  });

  it('a loss that is heard of afterwards is none: the room goes on asking whether the buffer is back', async () => {
    const { prepare, inBuffer, inPostgres, durability, asOf } = setUp();
    await inBuffer(prepare('x1'));
    const before = asOf();
    await inPostgres(prepare('x2'));
    expect(durability.learn({ flushedRev: 0, isDirty: false, lastCommit: 0 }, before, true)).toBe('learned');
    expect(durability.standing).toEqual({ kind: 'on_postgres', isStandIn: true });
  });
});

describe('a commit that no store confirms', () => {
  it('leaves it at what was found before', async () => {
    const { prepare, inPostgres, durability } = setUp();
    durability.failed(outage);
    durability.failed(new Error('anything'));
    expect(durability.standing).toEqual({ kind: 'unavailable', before: { kind: 'buffered' } });
    expect(durability.durable).toBe('buffer');
    await inPostgres(prepare('x1'));
    durability.failed(outage);
    expect(durability.durable).toBe('postgres');
    expect(durability.expectedLast).toBe(0);
  });

  it('because the buffer has lost some is found out by the next that is confirmed', async () => {
    const { prepare, inBuffer, durability } = setUp({ lastCommit: 9 });
    durability.failed(new CommitsLostError('s'));
    expect(durability.expectedLast).toBe(0);
    await inBuffer(prepare('x1'), { lastCommit: rev(5) });
    expect(durability.expectedLast).toBe(rev(5));
  });
});

describe('what the next instance is told', () => {
  it('is recorded once while it stays the same, before the commit is acknowledged', async () => {
    const { prepare, inBuffer, recorded, script } = setUp({ lastCommit: 4 });
    const storage = held<void>();
    script.record = () => storage.promise;
    let isAcknowledged = false;
    const confirmed = inBuffer(prepare('x1')).then(() => {
      isAcknowledged = true;
    });
    await settle();
    expect(isAcknowledged).toBe(false);
    storage.resolve();
    await confirmed;
    await inBuffer(prepare('x2'));
    expect(recorded).toEqual([{ source: 'buffer', lastCommit: rev(1) }]);
  });

  it('is recorded again after a failure to', async () => {
    const { prepare, inBuffer, recorded, script } = setUp();
    script.record = async () => {
      throw new StorageUnavailableError('room storage', 'down');
    };
    await expect(inBuffer(prepare('x1'))).rejects.toThrow(StorageUnavailableError);
    script.record = async () => {};
    await inBuffer(prepare('x1'));
    expect(recorded).toEqual([{ source: 'buffer', lastCommit: rev(2) }]);
  });

  it('is that all is flushed, once it is', async () => {
    const { prepare, inBuffer, durability, recorded, flush } = setUp();
    await inBuffer(prepare('x1'));
    flush();
    await durability.recordClean();
    await durability.recordClean();
    expect(recorded.map(({ source }) => source)).toEqual(['buffer', 'clean']);
    // A commit that changes nothing there.
    await inBuffer(prepare(null), { isDirty: false });
    expect(recorded).toHaveLength(2);
  });

  it('is the later of two, though the earlier is slow to be recorded', async () => {
    const { prepare, inBuffer, durability, recorded, script, flush } = setUp();
    await inBuffer(prepare('x1'));
    flush();
    const storage = held<void>();
    script.record = () => storage.promise;
    const both = [durability.recordClean(), inBuffer(prepare('x2'))];
    await settle();
    storage.resolve();
    await Promise.all(both);
    expect(recorded.map(({ source }) => source)).toEqual(['buffer', 'clean', 'buffer']);
  });
});

describe('what a flush says', () => {
  it('is that Postgres has all of it, if nothing was committed since', async () => {
    const { prepare, inBuffer, durability, flushed, flush, asOf } = setUp();
    await inBuffer(prepare('x1', 'm1'));
    const before = asOf();
    await inBuffer(prepare('x2', 'm2'));
    const state = { flushedRev: rev(1), isDirty: false, lastCommit: rev(2) };
    expect(durability.learn(state, before, true)).toBe('learned');
    expect(durability.isDirty).toBe(true);
    expect(idsOf(prepare(null).tail?.messages)).toEqual(['m1', 'm2']);
    flush();
    expect(durability.isDirty).toBe(false);
    expect(prepare(null).tail).toEqual({ code: null, messages: [] });
    expect(flushed).toEqual([rev(1), rev(2)]);
  });

  it('never makes less of what is flushed', async () => {
    const { prepare, inBuffer, durability, flushed, flush } = setUp();
    await inBuffer(prepare('x1'));
    flush();
    flush({ flushedRev: STARTED_AT });
    expect(durability.flushedRev).toBe(rev(1));
    expect(flushed).toEqual([rev(1)]);
  });

  it('is not believed of a buffer that has lost some', async () => {
    const { prepare, inBuffer, durability, flush, asOf } = setUp();
    await inBuffer(prepare('x1', 'm1'));
    const state = { flushedRev: 0, isDirty: false, lastCommit: rev(1) - 1 };
    expect(durability.learn(state, asOf(), true)).toBe('lost');
    expect(durability.standing).toEqual({ kind: 'lost' });
    expect(durability.isDirty).toBe(true);
    expect(durability.hasTail).toBe(true);
    // Nor what it says before it has been given all of it again.
    expect(flush()).toBe('lost');
    expect(durability.flushedRev).toBe(STARTED_AT);
    expect(idsOf(prepare(null).messages)).toEqual(['m1']);
  });

  it('leaves nothing dirty where a buffer has lost what Postgres has', async () => {
    const { prepare, inBuffer, durability, recorded, asOf } = setUp();
    const before = asOf();
    await inBuffer(prepare('x1'));
    // The flush has it, but may not have had all.
    durability.learn({ flushedRev: rev(1), isDirty: false, lastCommit: rev(1) }, before, true);
    expect(durability.isDirty).toBe(true);
    expect(durability.learn({ flushedRev: 0, isDirty: false, lastCommit: 0 }, asOf(), true)).toBe('lost');
    expect(durability.hasTail).toBe(false);
    expect(durability.isDirty).toBe(false);
    await durability.recordClean();
    expect(recorded.at(-1)?.source).toBe('postgres');
  });
});

describe('messages that wait for Postgres', () => {
  it('are so many at most', async () => {
    const ids = Array.from({ length: 999 }, (_, i) => `m${i}`);
    const { prepare, inBuffer, inPostgres, durability } = setUp();
    await inBuffer(prepare(null, ...ids));
    expect(durability.hasRoomFor([message('one')])).toBe(true);
    expect(durability.hasRoomFor([message('one'), message('two')])).toBe(false);
    await inPostgres(prepare('x1'));
    expect(durability.hasRoomFor([message('one'), message('two')])).toBe(true);
  });

  it('are so long at most', () => {
    const { durability } = setUp({ messages: [message('long', 'x'.repeat(1_999_999))], isDirty: true });
    expect(durability.hasRoomFor([message('m', 'x')])).toBe(true);
    expect(durability.hasRoomFor([message('m', 'xx')])).toBe(false);
  });
});
