import { describe, expect, it } from 'vitest';
import { committed, settle, setUp } from '../../../test/support/live-session.ts';
import { makeMessage } from '../../../test/support/messages.ts';
import { CommitsLostError, StorageUnavailableError, SupersededError } from '../../domain/errors.ts';
import type { CommitResult } from '../../domain/types.ts';

/** A promise held in the hand. */
function held<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

describe('group commit', () => {
  it('acknowledges only after the commit is confirmed', async () => {
    const { clock, script, edit, acks, commits } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    expect(edit('x', 'a', 'r1')).toEqual({ rev: 11 });
    await clock.advance(1_000);
    expect(commits).toHaveLength(1);
    expect(acks()).toEqual([]);
    answer.resolve(committed(commits[0]!));
    await settle();
    expect(acks()).toEqual([
      { to: 'a', type: 'ack', payload: { rev: 11, request_id: 'r1', durable: 'buffer' } },
    ]);
  });

  it('acknowledges only once it is noted where the session can be found after this instance', async () => {
    const { clock, script, edit, acks } = setUp();
    let noted = () => {};
    script.noteHome = () => new Promise((resolve) => (noted = resolve));
    edit('x', 'a', 'r1');
    await clock.advance(1_000);
    expect(acks()).toEqual([]);
    noted();
    await clock.advance(0);
    expect(acks()).toHaveLength(1);
  });

  it('has one commit in flight; what arrives meanwhile goes with the next one, with one ack a connection', async () => {
    const { clock, script, edit, say, acks, commits } = setUp();
    const answers = [held<CommitResult>(), held<CommitResult>()];
    script.commit = () => answers[commits.length - 1]!.promise;
    edit('x1', 'a', 'r1');
    await clock.advance(0);
    edit('x2', 'a', 'r2');
    edit('y3', 'b', 'q1');
    edit('x4', 'a', 'r3');
    say('m1', 'b');
    await clock.advance(5_000);
    expect(commits).toHaveLength(1);
    answers[0]!.resolve(committed(commits[0]!));
    await clock.advance(1_000);
    expect(commits).toHaveLength(2);
    expect(commits[1]!.code).toMatchObject({ code: 'x4', rev: 14, edits: 3 });
    expect(commits[1]!.messages.map((m) => m.id)).toEqual(['m1']);
    answers[1]!.resolve(committed(commits[1]!));
    await settle();
    expect(acks().map(({ to, payload }) => ({ to, ...payload }))).toEqual([
      { to: 'a', rev: 11, request_id: 'r1', durable: 'buffer' },
      { to: 'a', rev: 14, request_id: 'r3', durable: 'buffer' },
      { to: 'b', rev: 13, request_id: 'q1', durable: 'buffer' },
      { to: 'b', message_id: 'm1', durable: 'buffer' },
    ]);
  });

  it('paces itself by the number of dirty sessions, and waits for nobody longer than that allows', async () => {
    const { clock, script, edit, commits } = setUp();
    script.commit = async (commit) => committed(commit, { dirtySessions: 400 });
    edit('x1');
    await clock.advance(0);
    edit('x2');
    await clock.advance(439);
    expect(commits).toHaveLength(1);
    await clock.advance(1);
    expect(commits).toHaveLength(2);
  });

  it('commits together with the edit or message that finds a commit due', async () => {
    const { clock, script, edit, say, commits } = setUp();
    script.commit = async (commit) => committed(commit, { dirtySessions: 400 });
    edit('x1');
    await clock.advance(0);
    edit('x2');
    await clock.advance(359);
    edit('x3');
    await clock.advance(0);
    expect(commits).toHaveLength(1);
    await clock.advance(1);
    edit('x4');
    await clock.advance(0);
    expect(commits.map(({ code }) => code?.code)).toEqual(['x1', 'x4']);
    await clock.advance(360);
    say('m1', 'a');
    await clock.advance(0);
    expect(commits).toHaveLength(3);
    // The timers of what went earlier have been called off.
    await clock.advance(1_000);
    expect(commits).toHaveLength(3);
  });

  it('says what the buffer confirmed last, to be sent the change only', async () => {
    const { clock, script, edit, commits } = setUp();
    const bases = () => commits.map(({ code }) => code?.base);
    edit('x1');
    await clock.advance(100);
    script.commit = async (commit) => committed(commit, { durable: 'postgres' });
    edit('x2');
    await clock.advance(1_000);
    // Storage was ahead: this revision was not taken.
    script.commit = async (commit) => {
      script.commit = async (again) => committed(again);
      return committed(commit, { rev: commit.code!.rev + 5 });
    };
    edit('x3');
    await clock.advance(1_000);
    edit('x4');
    await clock.advance(1_000);
    const x1 = { rev: 11, code: 'x1' };
    expect(commits.map(({ code }) => code?.code)).toEqual(['x1', 'x2', 'x3', 'x3', 'x4']);
    expect(bases()).toEqual([null, x1, x1, x1, { rev: commits[3]!.code!.rev, code: 'x3' }]);
  });

  it('does not commit sooner because of edits while Postgres stands in for the buffer', async () => {
    const { clock, script, edit, commits } = setUp();
    script.commit = async (commit) => committed(commit, { durable: 'postgres', dirtySessions: 0 });
    edit('x1');
    await clock.advance(0);
    for (let i = 0; i < 4; i++) {
      edit(`y${i}`);
      await clock.advance(100);
    }
    expect(commits).toHaveLength(1);
    await clock.advance(100);
    expect(commits).toHaveLength(2);
  });

  it('keeps a failed batch, says so, and commits it with what came since', async () => {
    const { clock, script, edit, say, acks, commits, sent } = setUp();
    script.commit = async () => {
      throw new StorageUnavailableError('redis', 'down');
    };
    edit('x1', 'a', 'r1');
    say('m1', 'a');
    await clock.advance(10);
    expect(acks()).toEqual([]);
    expect(sent).toMatchObject([{ to: '*', type: 'degraded', payload: { reason: 'storage_unavailable' } }]);
    edit('x2', 'b', 'q1');
    script.commit = async (commit) => committed(commit);
    await clock.advance(5_000);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x2', rev: 12, edits: 2 });
    expect(commits.at(-1)!.messages.map((m) => m.id)).toEqual(['m1']);
    expect(acks()).toHaveLength(3);
    expect(sent.filter(({ type }) => type === 'degraded').at(-1)!.payload).toMatchObject({ recovered: true });
  });

  it('that fails puts nothing older over what came in meanwhile', async () => {
    const { clock, script, edit, commits } = setUp();
    let fail = () => {};
    script.commit = () =>
      new Promise((_, reject) => {
        fail = () => reject(new StorageUnavailableError('redis', 'down'));
      });
    edit('older', 'a', 'r1');
    await clock.advance(10);
    edit('newer', 'a', 'r2');
    fail();
    script.commit = async (commit) => committed(commit);
    await clock.advance(5_000);
    expect(commits.map(({ code }) => code?.code)).toEqual(['older', 'newer']);
  });

  it('stops when another room has taken over, and acknowledges nothing more', async () => {
    const { clock, script, edit, acks, commits, state } = setUp();
    script.commit = async () => {
      throw new SupersededError('s');
    };
    edit('x1', 'a', 'r1');
    await clock.advance(10);
    edit('x2', 'a', 'r2');
    await clock.advance(10_000);
    expect(state.superseded).toBe(1);
    expect(commits).toHaveLength(1);
    expect(acks()).toEqual([]);
  });

  it('goes on after a revision that storage has already passed, and acknowledges only then', async () => {
    const { clock, script, edit, acks, commits, session } = setUp();
    script.commit = async (commit) => committed(commit, { rev: Math.max(commit.code?.rev ?? 0, 20) });
    edit('x1', 'a', 'r1');
    await clock.advance(2_000);
    expect(commits.map((c) => c.code!.rev)).toEqual([11, 21]);
    expect(commits[1]!.code!.code).toBe('x1');
    expect(acks()).toHaveLength(1);
    expect(session.rev).toBe(21);
  });
});

describe('a resend', () => {
  it('of a committed edit is acknowledged under its old revision and changes nothing', async () => {
    const { clock, edit, acks, session, commits } = setUp();
    edit('mine', 'a', 'r1');
    edit('theirs', 'b', 'q1');
    await clock.advance(1_000);
    const before = commits.length;
    expect(edit('mine', 'a', 'r1')).toBeNull();
    expect(session.code).toBe('theirs');
    expect(acks().at(-1)).toEqual({
      to: 'a',
      type: 'ack',
      payload: { rev: 11, request_id: 'r1', durable: 'buffer' },
    });
    await clock.advance(1_000);
    expect(commits).toHaveLength(before);
  });

  it('is known from the receipts of an earlier instance', () => {
    const { edit, acks, session } = setUp({ opened: { receipts: { a: [{ requestId: 'r9', rev: 9 }] } } });
    expect(edit('again', 'a', 'r9')).toBeNull();
    expect(session.code).toBe('start');
    expect(acks()).toMatchObject([{ payload: { rev: 9, request_id: 'r9' } }]);
  });

  it('of an edit whose commit is under way waits for it', async () => {
    const { clock, script, edit, acks, commits } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    edit('x', 'a', 'r1');
    await clock.advance(0);
    expect(edit('x', 'a', 'r1')).toBeNull();
    expect(acks()).toEqual([]);
    answer.resolve(committed(commits[0]!));
    await settle();
    expect(acks()).toHaveLength(1);
  });

  it('of a message is acknowledged and stored once', async () => {
    const { clock, say, acks, commits } = setUp();
    expect(say('m1')).toMatchObject({ id: 'm1' });
    await clock.advance(100);
    expect(say('m1')).toBe('duplicate');
    await clock.advance(1_000);
    expect(commits.flatMap((c) => c.messages)).toHaveLength(1);
    expect(acks().map(({ payload }) => payload.message_id)).toEqual(['m1', 'm1']);
  });
});

describe('messages', () => {
  it('get strictly growing times, also after a history from a faster clock', async () => {
    const { clock, say, script, session } = setUp();
    const first = say('m1');
    const second = say('m2');
    if (typeof first === 'string' || typeof second === 'string') throw new Error('not accepted');
    expect(second.createdAtMs).toBeGreaterThan(first.createdAtMs);
    script.getMessages = async () => [{ ...first, id: 'old', createdAtMs: clock.nowMs + 600_000 }];
    await session.history();
    const third = say('m3');
    expect(third).toMatchObject({ createdAtMs: clock.nowMs + 600_001 });
    expect((await session.history()).messages.map((m) => m.id)).toEqual(['m1', 'm2', 'old', 'm3']);
  });

  it('get later times than those of the room before, though its history can’t be read and its clock was ahead', async () => {
    const lastMessageMs = Date.now() + 600_000;
    const { clock, commits, say } = setUp({ opened: { lastMessageMs } });
    expect(clock.nowMs).toBeLessThan(lastMessageMs);
    expect(say('m1')).toMatchObject({ createdAtMs: lastMessageMs + 1 });
    await clock.advance(100);
    // And so will the next room's be.
    expect(commits.at(-1)).toMatchObject({ lastMessageMs: lastMessageMs + 1 });
  });

  it('that can’t be read are asked for again until they can, and then it is said', async () => {
    const { clock, script, session, state } = setUp();
    let asked = 0;
    script.getMessages = async () => {
      asked += 1;
      throw new StorageUnavailableError('redis', 'down');
    };
    expect(await session.history()).toEqual({ messages: [], isWhole: false });
    await session.history();
    await clock.advance(1_100);
    expect(asked).toBe(4);
    expect(state.histories).toBe(0);
    const old = makeMessage({ id: 'old' });
    script.getMessages = async () => [old];
    await clock.advance(500);
    expect(state.histories).toBe(1);
    expect(await session.history()).toEqual({ messages: [old], isWhole: true });
    await clock.advance(10_000);
    expect(state.histories).toBe(1);
  });

  it('that can’t be read are no longer asked for once another room has taken over', async () => {
    const { clock, script, session } = setUp();
    const answer = held<never>();
    let asked = 0;
    script.getMessages = () => {
      asked += 1;
      return answer.promise;
    };
    const history = session.history();
    session.close();
    answer.reject(new StorageUnavailableError('redis', 'down'));
    expect(await history).toMatchObject({ isWhole: false });
    await clock.advance(10_000);
    expect(asked).toBe(1);
  });

  it('are refused once too many wait for storage', async () => {
    const { clock, script, say } = setUp();
    script.commit = async () => {
      throw new StorageUnavailableError('redis', 'down');
    };
    for (let i = 0; i < 1_000; i++) expect(say(`m${i}`)).not.toBe('full');
    expect(say('one too many')).toBe('full');
    await clock.advance(10_000);
    expect(say('still')).toBe('full');
  });
});

describe('falling back', () => {
  it('with messages alone says that the code is in the buffer still, until Postgres has that, too', async () => {
    const { clock, script, edit, say, homes, session } = setUp();
    edit('x1');
    await clock.advance(100);
    script.commit = async (commit) =>
      committed(commit, {
        durable: 'postgres',
        isDirty: false,
        flushedRev: commit.code?.rev ?? commit.flushedRev,
      });
    say('m1');
    await clock.advance(1_000);
    // A room that starts without the buffer now would start without the edit.
    expect(homes).toEqual(['buffer', 'both']);
    say('m2');
    await clock.advance(1_000);
    expect(homes.at(-1)).toBe('postgres');
    expect(session.flushedRev).toBe(session.rev);
  });

  it('and flushing what the buffer had besides doesn’t make the buffer’s copy the newest', async () => {
    const { clock, script, edit, say, homes, session } = setUp();
    edit('x1');
    say('m1');
    await clock.advance(100);
    script.commit = async (commit) =>
      committed(commit, { durable: 'postgres', isDirty: false, flushedRev: commit.code!.rev });
    edit('x2');
    await clock.advance(1_000);
    expect(homes.at(-1)).toBe('both');
    // The buffer is back, and somebody leaves before anything else is committed.
    expect(await session.flush()).toBe(true);
    expect(homes.at(-1)).toBe('postgres');
  });

  it('notes a commit after a note that all is flushed, however long that takes', async () => {
    const { clock, script, edit, acks, homes, session } = setUp();
    edit('x1');
    await clock.advance(100);
    expect(homes).toEqual(['buffer']);
    const storage = held<void>();
    script.noteHome = () => storage.promise;
    const flushed = session.flush();
    await settle();
    edit('x2', 'a', 'r2');
    await clock.advance(1_000);
    storage.resolve();
    await flushed;
    await settle();
    expect(acks().at(-1)).toMatchObject({ payload: { request_id: 'r2' } });
    expect(homes).toEqual(['buffer', 'clean', 'buffer']);
  });

  it('acknowledges from Postgres, notes where the session is, and carries the code back into the buffer', async () => {
    const { clock, script, edit, say, acks, homes, commits, sent } = setUp();
    script.commit = async (commit) =>
      committed(commit, { durable: 'postgres', isDirty: false, flushedRev: commit.code!.rev });
    edit('x1', 'a', 'r1');
    await clock.advance(100);
    expect(acks()).toMatchObject([{ payload: { rev: 11, durable: 'postgres' } }]);
    expect(homes).toEqual(['postgres']);
    expect(sent.find(({ type }) => type === 'degraded')!.payload.reason).toBe('buffer_unavailable');
    script.commit = async (commit) => committed(commit);
    say('m1');
    await clock.advance(5_000);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x1', rev: 11 });
    expect(homes).toEqual(['postgres', 'buffer']);
    expect(sent.filter(({ type }) => type === 'degraded').at(-1)!.payload).toMatchObject({ recovered: true });
  });

  it('acknowledges nothing once another instance has its storage, though Postgres took the commit', async () => {
    const { clock, script, edit, acks } = setUp();
    script.commit = async (commit) => committed(commit, { durable: 'postgres' });
    edit('x1', 'a', 'r1');
    await clock.advance(1_000);
    expect(acks()).toHaveLength(1);
    script.noteHome = async () => {
      throw new Error('replaced');
    };
    edit('x2', 'a', 'r2');
    await clock.advance(5_000);
    expect(acks()).toHaveLength(1);
  });

  it('notes both stores while the buffer still holds messages that Postgres lacks', async () => {
    const { clock, script, edit, say, homes } = setUp();
    say('m1');
    await clock.advance(100);
    script.commit = async (commit) =>
      committed(commit, { durable: 'postgres', isDirty: false, flushedRev: commit.code!.rev });
    edit('x1');
    await clock.advance(2_000);
    expect(homes).toEqual(['buffer', 'both']);
  });

  it('looks by itself whether the buffer is back', async () => {
    const { clock, script, edit, session, homes } = setUp();
    script.commit = async (commit) =>
      committed(commit, { durable: 'postgres', isDirty: false, flushedRev: commit.code!.rev });
    edit('x1');
    await clock.advance(2_000);
    script.commit = async (commit) => committed(commit);
    await session.onAlarm();
    await clock.advance(2_000);
    expect(session.degraded).toBeNull();
    expect(homes.at(-1)).toBe('buffer');
  });
});

describe('when the buffer has lost something', () => {
  it('commits again what may not be in Postgres', async () => {
    const { clock, script, edit, say, commits, acks } = setUp();
    edit('x1');
    say('m1');
    await clock.advance(1_000);
    script.commit = async () => {
      throw new CommitsLostError('s');
    };
    say('m2');
    await clock.advance(10);
    expect(commits[1]).toMatchObject({ code: null, messages: [{ id: 'm2' }], after: commits[0]!.number });
    script.commit = async (commit) => committed(commit);
    await clock.advance(5_000);
    expect(commits).toHaveLength(3);
    expect(commits[2]!.code).toMatchObject({ code: 'x1', rev: 11 });
    expect(commits[2]!.messages.map((m) => m.id)).toEqual(['m1', 'm2']);
    expect(acks().map(({ payload }) => payload.message_id)).toEqual([undefined, 'm1', 'm2']);
  });

  it('commits all of it again until that is confirmed: an answer may be lost too', async () => {
    const { clock, script, edit, say, commits } = setUp();
    edit('x1');
    say('m1');
    await clock.advance(1_000);
    script.commit = async () => {
      if (commits.length === 2) throw new CommitsLostError('s');
      throw new StorageUnavailableError('redis', 'timed out');
    };
    edit('x2');
    await clock.advance(10_000);
    expect(commits.length).toBeGreaterThan(3);
    for (const commit of commits.slice(2)) {
      expect(commit).toMatchObject({ code: { code: 'x2' }, messages: [{ id: 'm1' }], after: 0 });
    }
    script.commit = async (commit) => committed(commit, { lastCommit: 8_000 });
    await clock.advance(10_000);
    edit('x3');
    await clock.advance(1_000);
    expect(commits.at(-1)).toMatchObject({ code: { code: 'x3' }, messages: [], after: 8_000, number: 8_001 });
  });

  it('commits the code along, where the buffer holds older one', async () => {
    const { clock, say, commits } = setUp({ home: 'postgres' });
    say('m1');
    await clock.advance(100);
    say('m2');
    await clock.advance(1_000);
    expect(commits.map(({ code }) => code?.code)).toEqual(['start', undefined]);
  });

  it('needs nothing of it once everything is in Postgres', async () => {
    const { clock, edit, session, commits } = setUp();
    edit('x1');
    await clock.advance(1_000);
    await session.flush();
    edit('x2');
    await clock.advance(1_000);
    edit('x3');
    await clock.advance(1_000);
    expect(commits.map(({ after }) => after)).toEqual([0, 0, commits[1]!.number]);
  });

  it('is found out by a room in which nobody types, too', async () => {
    const { clock, script, edit, session, commits } = setUp();
    edit('x1');
    await clock.advance(1_000);
    script.flushState = async () => ({
      rev: 0,
      flushedRev: 0,
      isDirty: false,
      lastCommit: 0,
      sweeperLeaseMs: 0,
    });
    await session.onAlarm();
    await clock.advance(1_000);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x1', rev: 11 });
    expect(commits).toHaveLength(2);
  });
});

describe('waiting for commits', () => {
  it('ends when what was accepted up to then is committed, though others go on editing', async () => {
    const { clock, script, edit, commits, session } = setUp();
    const answers = [held<CommitResult>(), held<CommitResult>()];
    script.commit = () => answers[commits.length - 1]!.promise;
    await session.committed();
    edit('x1');
    await clock.advance(10);
    edit('x2');
    let isCommitted = false;
    const waiting = session.committed().then(() => {
      isCommitted = true;
    });
    answers[0]!.resolve(committed(commits[0]!));
    await clock.advance(500);
    expect(isCommitted).toBe(false);
    edit('x3');
    answers[1]!.resolve(committed(commits[1]!));
    await waiting;
    expect(commits[1]!.code).toMatchObject({ code: 'x2' });
  });

  it('outlasts a failure, and the loss of a revision to storage that was ahead', async () => {
    const { clock, script, edit, commits, session } = setUp();
    script.commit = async (commit) => {
      if (commits.length === 1) throw new StorageUnavailableError('redis', 'down');
      return committed(commit, { rev: Math.max(commit.code?.rev ?? 0, 20) });
    };
    edit('x1');
    const waiting = session.committed();
    await clock.advance(5_000);
    await waiting;
    expect(commits.map((c) => c.code!.rev)).toEqual([11, 11, 21]);
  });

  it('fails when another room has taken over', async () => {
    const { clock, script, edit, session } = setUp();
    script.commit = async () => {
      throw new SupersededError('s');
    };
    edit('x1');
    const waiting = expect(session.committed()).rejects.toThrow(SupersededError);
    await clock.advance(10);
    await waiting;
    await expect(session.committed()).rejects.toThrow(SupersededError);
    expect(await session.flush()).toBe(false);
  });
});

describe('a flush', () => {
  it('says whether it worked', async () => {
    const { clock, script, edit, session, state } = setUp();
    expect(await session.flush()).toBe(true);
    expect(state.flushes).toBe(0);
    edit('x1');
    await clock.advance(100);
    const flush = script.flush;
    script.flush = async () => {
      throw new Error('503');
    };
    expect(await session.flush()).toBe(false);
    script.flush = flush;
    expect(await session.flush()).toBe(true);
  });

  it('that is under way does not count for what is accepted later; all who come meanwhile share the next', async () => {
    const { clock, script, edit, commits, session, state } = setUp();
    const answer = held<{ flushedRev: number; isDirty: boolean; lastCommit: number }>();
    const flush = script.flush;
    script.flush = () => answer.promise;
    edit('x1');
    await clock.advance(100);
    const first = session.flush();
    await settle();
    edit('x2');
    const later = [session.flush(), session.flush()];
    script.flush = flush;
    answer.resolve({ flushedRev: 11, isDirty: false, lastCommit: 3 });
    await clock.advance(1_000);
    expect(await Promise.all([first, ...later])).toEqual([true, true, true]);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x2' });
    expect(state.flushes).toBe(2);
    expect(session.flushedRev).toBe(12);
  });
});

describe('how late a room may be', () => {
  it('is how long its commits take, also while one is under way', async () => {
    const { clock, commits, script, edit, session } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    expect(session.latencyMs).toBe(0);
    edit('x1');
    await clock.advance(3_000);
    const { latencyMs } = session;
    expect(latencyMs).toBeGreaterThan(2_000);
    answer.resolve(committed(commits[0]!));
    await settle();
    expect(session.latencyMs).toBe(latencyMs);
  });
});

describe('a room whose code only Postgres has', () => {
  it('notes that still, where the buffer has other code under the same revision and takes none', async () => {
    const { clock, script, edit, commits, homes } = setUp({ home: 'postgres' });
    script.commit = async (commit) => committed(commit, commits.length === 1 ? { rev: 12 } : {});
    edit('x1');
    await clock.advance(10);
    expect(commits).toHaveLength(1);
    expect(homes).toEqual(['both']);
    await clock.advance(1_000);
    expect(commits[1]!.code).toMatchObject({ code: 'x1', rev: 13 });
    expect(homes).toEqual(['both', 'buffer']);
  });
});

describe('a room that Postgres is ahead of', () => {
  it('goes on after what Postgres shows, and doesn’t take its own code for that', async () => {
    const { clock, script, edit, say, session, commits } = setUp();
    script.commit = async (commit) => committed(commit, { flushedRev: 20 });
    edit('x1');
    await clock.advance(100);
    expect(session.rev).toBeGreaterThan(20);
    // So that it counts as not flushed when the buffer loses everything.
    script.commit = async (commit) => {
      if (commits.length === 2) throw new CommitsLostError('s');
      return committed(commit, { flushedRev: 20 });
    };
    say('m1');
    await clock.advance(3_000);
    expect(commits.at(-1)?.code).toMatchObject({ code: 'x1', rev: session.rev });
  });
});

describe('the alarm', () => {
  it('is armed once on becoming dirty', async () => {
    const { clock, edit, alarms } = setUp();
    edit('x1');
    await clock.advance(100);
    edit('x2');
    await clock.advance(100);
    expect(alarms).toEqual([5_000]);
  });

  it('flushes, tells the clients, and notes that the session is clean', async () => {
    const { clock, edit, session, state, sent, homes, alarms } = setUp();
    edit('x1');
    await clock.advance(100);
    await session.onAlarm();
    expect(state.flushes).toBe(1);
    expect(sent.at(-1)).toEqual({ to: '*', type: 'flushed', payload: { rev: 11 } });
    expect(homes).toEqual(['buffer', 'clean']);
    expect(alarms).toHaveLength(1);
    await session.onAlarm();
    expect(state.flushes).toBe(1);
  });

  it('is put off while a sweeper is at work, without a flush of its own', async () => {
    const { clock, script, edit, session, state, alarms } = setUp();
    script.commit = async (commit) => committed(commit, { sweeperLeaseMs: 8_000 });
    edit('x1');
    await clock.advance(100);
    await session.onAlarm();
    expect(state.flushes).toBe(0);
    expect(alarms).toEqual([5_000, 5_000]);
    // The sweeper is gone and has left the session dirty.
    await clock.advance(9_000);
    await session.onAlarm();
    expect(state.flushes).toBe(1);
  });

  it('learns from the buffer that a sweeper has flushed it', async () => {
    const { clock, script, edit, session, state, sent } = setUp();
    edit('x1');
    await clock.advance(100);
    script.flushState = async () => ({
      rev: 11,
      flushedRev: 11,
      isDirty: false,
      lastCommit: 3,
      sweeperLeaseMs: 0,
    });
    await session.onAlarm();
    expect(state.flushes).toBe(0);
    expect(sent.at(-1)).toMatchObject({ type: 'flushed', payload: { rev: 11 } });
  });

  it('stays armed when the flush fails', async () => {
    const { clock, script, edit, session, alarms } = setUp();
    edit('x1');
    await clock.advance(100);
    script.flush = async () => {
      throw new Error('503');
    };
    await session.onAlarm();
    expect(alarms).toHaveLength(2);
  });

  it('does not take a session for clean that was committed to during the flush', async () => {
    const { clock, script, edit, session, homes, alarms } = setUp();
    edit('x1');
    await clock.advance(100);
    const answer = held<{ flushedRev: number; isDirty: boolean; lastCommit: number }>();
    script.flush = () => answer.promise;
    const alarm = session.onAlarm();
    await settle();
    edit('x2');
    await clock.advance(1_000);
    answer.resolve({ flushedRev: 11, isDirty: false, lastCommit: 3 });
    await alarm;
    expect(homes).toEqual(['buffer']);
    expect(alarms.length).toBeGreaterThan(1);
  });
});
