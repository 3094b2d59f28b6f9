/** A live session as a whole: what its clients are told, and how its parts work together. */
import { describe, expect, it } from 'vitest';
import {
  changeTo,
  committed,
  held,
  rev,
  STARTED_AT,
  settle,
  setUp,
} from '../../../test/support/live-session.ts';
import { makeMessage } from '../../../test/support/messages.ts';
import { StorageUnavailableError, SupersededError } from '../../domain/errors.ts';
import { COUNTS_PER_TERM, numberIn } from '../../domain/revision.ts';
import type { Commit, CommitResult } from '../../domain/types.ts';
import { versionOf } from '../../domain/versions.ts';
import type { FlushOutcome } from './flush-control.ts';
import type { LiveSession } from './live-session.ts';

const outage = async () => {
  throw new StorageUnavailableError('redis', 'down');
};
const inPostgres = async (): Promise<CommitResult> => ({ durable: 'postgres' });

describe('falling back', () => {
  it('acknowledges from Postgres, records where the session is, and carries the code back into the buffer', async () => {
    const { clock, script, edit, say, acks, records, commits, sent } = setUp();
    script.commit = inPostgres;
    edit('x1', 'a', 'r1');
    await clock.advance(100);
    expect(acks()).toMatchObject([{ payload: { rev: rev(1), durable: 'postgres' } }]);
    expect(records).toEqual(['postgres']);
    expect(sent.find(({ type }) => type === 'degraded')!.payload.reason).toBe('buffer_unavailable');
    script.commit = async (commit) => committed(commit);
    say('m1');
    await clock.advance(5_000);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x1', rev: rev(1), base: null });
    expect(records).toEqual(['postgres', 'buffer']);
    expect(sent.filter(({ type }) => type === 'degraded').at(-1)!.payload).toMatchObject({ recovered: true });
  });

  it('brings Postgres all that the buffer has alone, and tells clients that it is safe there', async () => {
    const { clock, script, edit, say, commits, sent, session } = setUp();
    edit('x1');
    say('m1');
    await clock.advance(100);
    script.commit = inPostgres;
    say('m2');
    await clock.advance(1_000);
    expect(commits.at(-1)!.tail).toMatchObject({
      code: { code: 'x1', rev: rev(1) },
      messages: [{ id: 'm1' }, { id: 'm2' }],
    });
    expect(session.flushedRev).toBe(rev(1));
    expect(sent).toContainEqual({ to: '*', type: 'flushed', payload: { rev: rev(1) } });
    expect(session.durable).toBe('postgres');
  });

  it('acknowledges nothing once another instance has its storage, though Postgres took the commit', async () => {
    const { clock, script, edit, acks, sent } = setUp();
    script.commit = inPostgres;
    edit('x1', 'a', 'r1');
    await clock.advance(1_000);
    expect(acks()).toHaveLength(1);
    script.record = async () => {
      throw new Error('replaced');
    };
    edit('x2', 'a', 'r2');
    await clock.advance(5_000);
    expect(acks()).toHaveLength(1);
    // Nor does it call anything safe.
    expect(sent.filter(({ type }) => type === 'flushed')).toHaveLength(1);
  });
});

describe('clients are told', () => {
  it('once that storage is in trouble, and once that it is over', async () => {
    const { clock, script, edit, sent, session } = setUp();
    script.commit = outage;
    edit('x1');
    await clock.advance(2_000);
    const since = new Date(clock.nowMs - 2_000).toISOString();
    expect(session.degraded).toEqual({ reason: 'storage_unavailable', since });
    script.commit = async (commit) => committed(commit);
    await clock.advance(1_000);
    expect(session.degraded).toBeNull();
    expect(sent.filter(({ type }) => type === 'degraded').map(({ to, payload }) => [to, payload])).toEqual([
      ['*', { reason: 'storage_unavailable', since }],
      ['*', { reason: 'storage_unavailable', since, recovered: true }],
    ]);
  });

  it('when the trouble becomes another, which began when the first did', async () => {
    const { clock, script, edit, sent, session } = setUp();
    script.commit = outage;
    edit('x1');
    await clock.advance(100);
    script.commit = inPostgres;
    await clock.advance(1_000);
    const [first, second] = sent.filter(({ type }) => type === 'degraded');
    expect(second!.payload).toEqual({ reason: 'buffer_unavailable', since: first!.payload.since });
    expect(session.degraded).toEqual(second!.payload);
  });

  it('nothing of a buffer that is merely behind', async () => {
    const { session, sent } = setUp({ opened: { isBufferBehind: true, source: 'postgres' } });
    await session.onAlarm();
    expect(session.degraded).toBeNull();
    expect(session.durable).toBe('postgres');
    expect(sent).toEqual([]);
  });

  it('that another room has taken over, once', async () => {
    const { clock, script, edit, state, session } = setUp();
    script.commit = async () => {
      throw new SupersededError('s');
    };
    edit('x1');
    await clock.advance(5_000);
    await session.onAlarm();
    expect(state.superseded).toBe(1);
  });
});

describe('a session that Postgres is ahead of', () => {
  // A room that was replaced wrote this late, when Postgres stood in.
  const LATE = numberIn(1, 4_000);

  it('goes on after what Postgres has, with its own code', async () => {
    const { clock, script, say, session, commits } = setUp();
    script.commit = async (commit) => committed(commit, { flushedRev: LATE });
    say('m1');
    await clock.advance(100);
    expect(session.rev).toBe(rev(1));
    await clock.advance(1_000);
    expect(commits.map(({ code }) => code && [code.code, code.rev])).toEqual([null, ['start', rev(1)]]);
    // What Postgres has is not this code, so it is no word on whether that is safe.
    expect(session.flushedRev).toBe(LATE);
    expect(commits.at(-1)!.tail?.code).toMatchObject({ code: 'start', rev: rev(1) });
  });

  it('commits the code under its new revision, though it was to be committed already under the old one', async () => {
    const { clock, script, say, session, commits } = setUp();
    say('m1');
    await clock.advance(100);
    const answer = held<FlushOutcome>();
    script.flush = () => answer.promise;
    const flushing = session.flush();
    await settle();
    script.commit = outage;
    say('m2');
    await clock.advance(100);
    // To find out whether the buffer is back, with the code as it is.
    await session.onAlarm();
    script.commit = async (commit) => committed(commit, { flushedRev: LATE });
    answer.resolve({ flushedRev: LATE, isDirty: false, lastCommit: rev(1), isComplete: true });
    await flushing;
    await clock.advance(10_000);
    expect(session.rev).toBe(rev(1));
    expect(commits.at(-1)!.code).toMatchObject({ code: 'start', rev: rev(1) });
  });

  it('doesn’t give its code another number where that is greater anyway', async () => {
    const { clock, script, edit, session, commits } = setUp();
    script.commit = async (commit) => committed(commit, { flushedRev: LATE });
    edit('x1');
    await clock.advance(2_000);
    expect(session.rev).toBe(rev(1));
    expect(commits).toHaveLength(1);
  });
});

describe('a term that is nearly used up', () => {
  const termIsFullAt = 3 / COUNTS_PER_TERM;

  it('by edits is reported once', async () => {
    const { clock, edit, state } = setUp({ options: { termIsFullAt } });
    edit('x1');
    edit('x2');
    expect(state.termsFull).toBe(0);
    edit('x3');
    edit('x4');
    await clock.advance(1_000);
    expect(state.termsFull).toBe(1);
  });

  it('by messages is reported', () => {
    const { say, state } = setUp({ options: { termIsFullAt } });
    for (const id of ['m1', 'm2']) say(id);
    expect(state.termsFull).toBe(0);
    say('m3');
    expect(state.termsFull).toBe(1);
  });

  it('by attempts to commit is reported with the next thing that is accepted', async () => {
    const { clock, script, edit, state } = setUp({ options: { termIsFullAt } });
    script.commit = outage;
    edit('x1');
    await clock.advance(3_000);
    expect(state.termsFull).toBe(0);
    edit('x2');
    expect(state.termsFull).toBe(1);
  });

  it('lets what was accepted be committed still', async () => {
    const { clock, edit, session, acks } = setUp({ options: { termIsFullAt } });
    for (let i = 1; i <= 4; i++) edit(`x${i}`, 'a', `r${i}`);
    const waiting = session.committed();
    await clock.advance(1_000);
    await waiting;
    expect(acks().at(-1)).toMatchObject({ payload: { rev: rev(4), request_id: 'r4' } });
  });

  it('isn’t, after a few edits', () => {
    const { edit, state } = setUp();
    for (let i = 0; i < 100; i++) edit(`x${i}`);
    expect(state.termsFull).toBe(0);
  });
});

describe('messages', () => {
  it('that an earlier room left in the buffer are known, and shown', async () => {
    const old = makeMessage({ id: 'old', position: numberIn(1, 1) });
    const { say, session } = setUp({ opened: { messages: [old], isDirty: true, source: 'buffer' } });
    expect(session.knows('old')).toBe(true);
    expect(say('old')).toBe('duplicate');
    expect(await session.history()).toEqual({ messages: [old], isWhole: true });
  });

  it('are in the order of their places, whatever the rooms’ clocks said', async () => {
    const { clock, say, script, session } = setUp();
    say('m1');
    script.getMessages = async () => [
      makeMessage({ id: 'old', createdAtMs: clock.nowMs + 600_000, position: numberIn(1, 9) }),
    ];
    await session.history();
    say('m2');
    expect((await session.history()).messages.map(({ id }) => id)).toEqual(['old', 'm1', 'm2']);
  });

  it('are refused once too many wait for storage', async () => {
    const { clock, script, say } = setUp();
    script.commit = outage;
    for (let i = 0; i < 1_000; i++) expect(say(`m${i}`)).not.toBe('full');
    expect(say('one too many')).toBe('full');
    await clock.advance(10_000);
    expect(say('still')).toBe('full');
  });

  it('are taken again once those are flushed', async () => {
    const { clock, say, session, commits } = setUp();
    for (let i = 0; i < 1_000; i++) say(`m${i}`);
    await clock.advance(1_000);
    expect(say('full')).toBe('full');
    expect(session.knows('full')).toBe(false);
    await session.flush();
    expect(say('full')).toMatchObject({ id: 'full' });
    await clock.advance(1_000);
    expect(commits.at(-1)!.messages.map(({ id }) => id)).toEqual(['full']);
  });
});

describe('a clean session', () => {
  it('needs nothing of the buffer: it may have forgotten it', async () => {
    const { clock, edit, session, commits } = setUp();
    edit('x1');
    await clock.advance(1_000);
    await session.flush();
    expect(session.flushedRev).toBe(rev(1));
    edit('x2');
    await clock.advance(1_000);
    expect(commits.at(-1)).toMatchObject({ tail: { code: { code: 'x2' }, messages: [] } });
  });

  it('starts where it was left', () => {
    const { session } = setUp();
    expect([session.code, session.rev, session.flushedRev]).toEqual(['start', STARTED_AT, STARTED_AT]);
    expect(session.clientSeq('p', 'a')).toBe(0);
  });
});

describe('versions', () => {
  const packed = (text: string) => ({ pack: async () => btoa(text) });
  const of = (commits: Commit[]) =>
    commits.flatMap(({ messages }) => messages.flatMap((message) => versionOf(message) ?? []));
  const play = (session: LiveSession, code: string) => session.play({ code, by: 'Ada', cps: 1 }, null);

  it('are committed like messages, told once that has happened, and noted for the next instance', async () => {
    const { clock, script, session, commits, versions, notes, edit, acks } = setUp({ options: packed('x1') });
    const answer = held<CommitResult>();
    edit('x1');
    await clock.advance(100);
    script.commit = () => answer.promise;
    play(session, 'x1');
    await clock.advance(1_000);
    expect(of(commits)).toMatchObject([
      { cause: 'played', displayName: 'Ada', rev: rev(2), packed: btoa('x1') },
    ]);
    expect([versions, notes]).toEqual([[], []]);
    answer.resolve(committed(commits.at(-1)!));
    await clock.advance(1_000);
    expect(versions).toMatchObject([{ number: numberIn(2, 1), cause: 'played', createdAtMs: 1_000_100 }]);
    expect(notes).toMatchObject([{ newest: { cause: 'played' }, change: null }]);
    expect(acks().filter(({ to }) => to === 'a')).toHaveLength(1);
  });

  it('keep the order in which they were made, however long their code takes to compress', async () => {
    const slow = held<string>();
    const answers = [slow.promise, Promise.resolve('BBBB')];
    const { clock, session, commits, say } = setUp({ options: { pack: () => answers.shift()! } });
    play(session, 'first');
    play(session, 'second');
    say('m1');
    await clock.advance(1_000);
    expect(of(commits)).toEqual([]);
    slow.resolve('AAAA');
    await clock.advance(1_000);
    expect(of(commits).map(({ packed: code, number }) => [code, number])).toEqual([
      ['AAAA', numberIn(2, 1)],
      ['BBBB', numberIn(2, 2)],
    ]);
  });

  it('are waited for by a flush and by what waits for a commit', async () => {
    const slow = held<string>();
    const { clock, session, commits, state } = setUp({ options: { pack: () => slow.promise } });
    play(session, 'x');
    await clock.advance(1_000);
    const done: string[] = [];
    void session.flush().then(() => done.push('flushed'));
    void session.committed().then(() => done.push('committed'));
    await clock.advance(1_000);
    expect([state.flushes, done]).toEqual([0, []]);
    slow.resolve('AAAA');
    await clock.advance(1_000);
    expect(of(commits)).toHaveLength(1);
    expect(done.sort()).toEqual(['committed', 'flushed']);
  });

  it('that fail to be compressed stop no other', async () => {
    const answers = [Promise.reject(new Error('no memory')), Promise.resolve('BBBB')];
    const { clock, session, commits } = setUp({ options: { pack: () => answers.shift()! } });
    play(session, 'first');
    play(session, 'second');
    await clock.advance(1_000);
    expect(of(commits)).toMatchObject([{ packed: 'BBBB' }]);
    expect(await session.flush()).toBe(true);
  });

  it('are made by the alarm of what is left, with who typed it', async () => {
    const { clock, session, commits, alarms, notes } = setUp({ options: packed('x1') });
    const content = changeTo(session.text, 'x1');
    const author = { displayName: 'Ben', userId: null };
    session.edit(
      { connectionId: 'b', participantId: 'b', requestId: undefined, editorId: null, content },
      { author, cause: 'typed' },
    );
    await clock.advance(5_000);
    await session.onAlarm();
    expect(alarms).toEqual([5_000, 55_000]);
    expect(notes).toMatchObject([{ change: { author, atMs: 1_000_000 } }]);
    expect(of(commits)).toEqual([]);
    await clock.advance(55_000);
    await session.onAlarm();
    expect(of(commits)).toMatchObject([{ cause: 'typed', displayName: 'Ben', createdAtMs: 1_000_000 }]);
    await session.onAlarm();
    expect(alarms).toHaveLength(3);
  });

  it('leave half of what may wait for Postgres to messages', async () => {
    const large = 'A'.repeat(130_000);
    const { clock, session, say, commits } = setUp({ options: { pack: async () => large } });
    for (let i = 0; i < 20; i++) {
      play(session, `code ${i}`);
      await clock.advance(1_000);
    }
    expect(of(commits).length).toBeLessThan(10);
    expect(say('m1')).toMatchObject({ id: 'm1' });
  });

  it('are in no history of messages, also when the buffer has them', async () => {
    const message = { ...makeMessage({ id: 'said' }) };
    const messages = [message, { ...message, id: 'version', type: 'version' as const }];
    const { session } = setUp({ opened: { messages, isDirty: true } });
    expect((await session.history()).messages.map(({ id }) => id)).toEqual(['said']);
  });
});
