/**
 * A flush of what is damaged in the buffer, and what a flush of one session says: the buffer is the test's.
 */
import { describe, expect, it } from 'vitest';
import { FakeWriter } from '../../test/support/fake-writer.ts';
import { makeMessage } from '../../test/support/messages.ts';
import { numberIn } from '../domain/revision.ts';
import type { DeadLetter } from '../redis/dead-letter.ts';
import type { PeekedSession, SessionBuffer, Settlement } from '../redis/session-buffer.ts';
import { encodeMessage } from '../redis/stored.ts';
import { Flusher } from './flusher.ts';

const TERM = 2 ** 30;
const REV = numberIn(TERM, 3);
const OTHER_ID = '6f1de2c0-7a4c-4d5e-9d1c-000000000000';

function peeked(sessionId: string, over: Partial<PeekedSession> & { hash?: Record<string, string> } = {}) {
  const { hash = {}, ...rest } = over;
  const fields = new Map(
    Object.entries({ code: 'x', rev: String(REV), term: String(TERM), edited_at: '5', editor: '', ...hash }),
  );
  const session: PeekedSession = {
    sessionId,
    dirtySinceMs: 1,
    fields,
    messages: [],
    isPartial: false,
    unreadable: [],
    ...rest,
  };
  return session;
}

/** @param peeks what is read, one after the other; then there is nothing more. */
function setUp(...peeks: PeekedSession[][]) {
  const writer = new FakeWriter();
  const settlements: Settlement[] = [];
  const letters: DeadLetter[] = [];
  const left = new Map<string, boolean>();
  const peek = async () => ({
    nowMs: 100,
    lease: 'none' as const,
    sessions: peeks.shift() ?? [],
    isCut: peeks.length > 0,
  });
  const buffer: Partial<SessionBuffer> = {
    peekDirty: peek,
    peekSessions: peek,
    settle: async (given) => {
      settlements.push(...given);
      letters.push(...given.flatMap((one) => one.letters.map(({ letter }) => letter)));
      return given.map(({ sessionId, storedRev }) => ({
        sessionId,
        isDirty: left.get(sessionId) ?? false,
        flushedRev: storedRev ?? 0,
        lastCommit: 7,
        undelivered: 0,
      }));
    },
    flushState: async () => ({ flushedRev: REV, isDirty: false, lastCommit: 7, sweeperLeaseMs: 0 }),
  };
  const flusher = new Flusher({
    buffer: buffer as SessionBuffer,
    writer,
    bounds: { maxSessions: 10, maxBytes: 1_000_000 },
    sweepAbove: 1,
    staleAfterMs: 1,
    intervalMs: 1,
    leaseMs: 1,
    inactivity: { afterMs: 1, everyMs: 1 },
    now: () => 1_000,
  });
  return { flusher, writer, settlements, letters, left };
}

describe('a session whose buffered code is damaged', () => {
  it.each<[string, Record<string, string>]>([
    ['becomes a dead letter, and the others are flushed: it has no time', { edited_at: 'yesterday' }],
    [
      'becomes a dead letter, and the others are flushed: it has a time before all times',
      { edited_at: '-1' },
    ],
    [
      'becomes a dead letter, and the others are flushed: it has a revision that is no integer',
      { rev: '3.5' },
    ],
    ['becomes a dead letter, and the others are flushed: its term is no number', { term: 'garbage' }],
  ])('%s', async (_, hash) => {
    const message = makeMessage();
    const bad = peeked('bad', { hash, messages: [[message.id, encodeMessage(message)]] });
    const { flusher, writer, settlements, letters } = setUp([peeked('first'), bad, peeked('last')]);
    expect(await flusher.sweep()).toMatchObject({
      sessions: 3,
      messages: 1,
      deadLetters: 1,
      transactions: 1,
    });

    expect(letters).toEqual([
      {
        id: `bad:c:${bad.fields.get('rev')}`,
        session_id: 'bad',
        kind: 'code',
        reason: {
          code: 'malformed',
          message: `the buffer holds no number in the field ${Object.keys(hash)[0]} of a session`,
        },
        at: '1970-01-01T00:00:01.000Z',
        // Whole, so that it can be mended by hand.
        data: JSON.stringify(Object.fromEntries(bad.fields)),
      },
    ]);
    for (const id of ['first', 'last']) expect(writer.row(id)).toMatchObject({ code: 'x', rev: REV });
    // Its messages are sound.
    expect(writer.row('bad')).toMatchObject({ code: '', rev: 0 });
    expect([...writer.row('bad').messages.keys()]).toEqual([message.id]);
    // So that it isn't read again each time.
    expect(settlements.find(({ sessionId }) => sessionId === 'bad')).toMatchObject({
      letters: [{ source: { kind: 'session', lastCommit: '' } }],
      writtenMessages: [{ id: message.id, position: message.position }],
    });
  });

  it('by a revision of a later term than any that was registered isn’t written: no room could follow it', async () => {
    const bad = peeked('bad', { hash: { rev: String(2 ** 53 - 3) } });
    const { flusher, writer, letters } = setUp([bad, peeked('fine')]);
    expect(await flusher.sweep()).toMatchObject({ sessions: 1, deadLetters: 1 });
    expect(writer.row('bad')).toMatchObject({ code: '', rev: 0 });
    expect(letters).toMatchObject([{ reason: { code: 'malformed' } }]);
  });

  it('and has nothing else is settled without a write', async () => {
    const bad = peeked('bad', { hash: { edited_at: 'x' } });
    const { flusher, writer, settlements, letters } = setUp([bad]);
    await flusher.sweep();
    expect(writer.calls).toEqual([]);
    expect(letters).toHaveLength(1);
    const source = { kind: 'session', lastCommit: '' };
    expect(settlements).toMatchObject([{ sessionId: 'bad', storedRev: null, letters: [{ source }] }]);
  });

  it('can’t be replayed as it is', async () => {
    const bad = peeked('bad', { hash: { edited_at: 'yesterday' } });
    const { flusher, letters } = setUp([bad]);
    await flusher.sweep();
    const [letter] = letters;
    const replaying = new Flusher({
      ...{
        bounds: { maxSessions: 1, maxBytes: 1 },
        sweepAbove: 1,
        staleAfterMs: 1,
        intervalMs: 1,
        leaseMs: 1,
      },
      inactivity: { afterMs: 1, everyMs: 1 },
      writer: new FakeWriter(),
      buffer: { getDead: async () => letter } as Partial<SessionBuffer> as SessionBuffer,
    });
    expect(await replaying.replayDead('any')).toEqual({
      refused: 'malformed: the letter holds no code and no message',
    });
  });
});

describe('a damaged message', () => {
  it.each([
    ['is no JSON', (id: string) => `{"id":"${id}"`],
    ['lacks something', (id: string) => JSON.stringify({ id })],
    ['is another one', () => encodeMessage(makeMessage({ createdAtMs: 1, id: OTHER_ID }))],
  ])('becomes a dead letter, and the rest of its session is flushed: it %s', async (_, textOf) => {
    const good = makeMessage();
    const { id } = makeMessage();
    const { flusher, writer, settlements, letters } = setUp([
      peeked('s', {
        messages: [
          [id, textOf(id)],
          [good.id, encodeMessage(good)],
        ],
      }),
    ]);
    await flusher.sweep();
    expect(letters).toMatchObject([{ id: `s:m:${id}`, kind: 'message', data: textOf(id) }]);
    expect(writer.row('s')).toMatchObject({ code: 'x', rev: REV });
    expect([...writer.row('s').messages.keys()]).toEqual([good.id]);
    const letterOfIt = { source: { kind: 'message', id } };
    expect(settlements).toMatchObject([
      { storedRev: REV, writtenMessages: [{ id: good.id, position: good.position }], letters: [letterOfIt] },
    ]);
  });
});

describe('receipts', () => {
  it('are written with the code, but for damaged ones', async () => {
    const { flusher, writer } = setUp([
      peeked('s', { hash: { 'receipt:p/a': `[4,${REV},5,"r1"]`, 'receipt:p/b': 'garbage' } }),
    ]);
    await flusher.sweep();
    expect(writer.calls[0]?.[0]?.code?.receipts).toEqual({
      'p/a': { clientSeq: 4, requestIds: ['r1'], rev: REV, atMs: 5 },
    });
  });
});

describe('a flush of one session', () => {
  it('is complete once it was over everything, though something came meanwhile', async () => {
    const { flusher, left } = setUp([peeked('s')]);
    left.set('s', true);
    expect(await flusher.flushSession('s')).toMatchObject({
      flushedRev: REV,
      isDirty: true,
      lastCommit: 7,
      isComplete: true,
    });
  });

  it('goes on while messages were left out, and is complete then', async () => {
    const { flusher, writer, left } = setUp([peeked('s', { isPartial: true })], [peeked('s')]);
    left.set('s', true);
    expect(await flusher.flushSession('s')).toMatchObject({ isComplete: true });
    expect(writer.calls).toHaveLength(2);
  });

  it('isn’t complete when another transaction holds the row', async () => {
    for (const isPartial of [false, true]) {
      const { flusher, writer, left } = setUp([peeked('s', { isPartial })], [peeked('s')]);
      left.set('s', true);
      writer.busy.add('s');
      expect(await flusher.flushSession('s')).toMatchObject({ isDirty: true, isComplete: false });
      expect(writer.calls).toHaveLength(1);
    }
  });

  it('with nothing dirty says how far it is flushed', async () => {
    const { flusher } = setUp();
    expect(await flusher.flushSession('s')).toMatchObject({
      flushedRev: REV,
      isDirty: false,
      lastCommit: 7,
      isComplete: true,
    });
  });
});
