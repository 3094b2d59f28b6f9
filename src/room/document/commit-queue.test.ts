/** The group commit, in a whole session: what is committed when, and who is told. */
import { describe, expect, it } from 'vitest';
import { committed, held, rev, settle, setUp } from '../../../test/support/live-session.ts';
import { CommitsLostError, StorageUnavailableError, SupersededError } from '../../domain/errors.ts';
import { receiptKey } from '../../domain/receipts.ts';
import { numberIn } from '../../domain/revision.ts';
import type { CommitResult } from '../../domain/types.ts';
import type { Content } from './document.ts';

const outage = async () => {
  throw new StorageUnavailableError('redis', 'down');
};
const whole = (code: string): Content => ({ kind: 'whole', code });
const busy = { load: { sweeperLeaseMs: 0, dirtySessions: 400 } };

describe('group commit', () => {
  it('acknowledges only after the commit is confirmed', async () => {
    const { clock, script, edit, acks, commits } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    expect(edit('x', 'a', 'r1')).toMatchObject({ outcome: 'merged', rev: rev(1) });
    await clock.advance(1_000);
    expect(commits).toHaveLength(1);
    expect(acks()).toEqual([]);
    answer.resolve(committed(commits[0]!));
    await settle();
    expect(acks()).toEqual([
      { to: 'a', type: 'ack', payload: { rev: rev(1), request_id: 'r1', durable: 'buffer' } },
    ]);
  });

  it('is put off while a participant writes who has little left, and only then', async () => {
    const { clock, session, edit, commits } = setUp();
    edit('a', 'a', 'r1');
    await clock.advance(1_000);
    expect(commits).toHaveLength(1);
    session.slowDown(5_000);
    edit('b', 'a', 'r2');
    await clock.advance(3_900);
    expect(commits).toHaveLength(1);
    await clock.advance(200);
    expect(commits).toHaveLength(2);
    edit('c', 'a', 'r3');
    await clock.advance(1_000);
    expect(commits).toHaveLength(3);
  });

  it('acknowledges only once it is recorded where the next instance finds the session', async () => {
    const { clock, script, edit, acks } = setUp();
    const storage = held<void>();
    script.record = () => storage.promise;
    edit('x', 'a', 'r1');
    await clock.advance(1_000);
    expect(acks()).toEqual([]);
    storage.resolve();
    await clock.advance(0);
    expect(acks()).toHaveLength(1);
  });

  it('acknowledges only once an alarm flushes it, whatever becomes of this instance', async () => {
    const { clock, script, edit, acks, alarms, commits } = setUp();
    script.setAlarm = async () => {
      throw new Error('storage is down');
    };
    edit('x', 'a', 'r1');
    await clock.advance(100);
    expect(commits).toHaveLength(1);
    expect(acks()).toEqual([]);
    script.setAlarm = async () => {};
    await clock.advance(1_000);
    expect(alarms).toHaveLength(1);
    expect(acks()).toHaveLength(1);
  });

  it('commits nothing more before a slow record is through, though the alarm has failed already', async () => {
    const { clock, script, edit, say, commits } = setUp();
    const storage = held<void>();
    script.commit = async () => ({ durable: 'postgres' });
    script.record = () => storage.promise;
    script.setAlarm = async () => {
      throw new Error('storage is down');
    };
    edit('x');
    await clock.advance(5_000);
    expect(commits).toHaveLength(1);
    script.commit = async (commit) => committed(commit);
    script.record = async () => {};
    script.setAlarm = async () => {};
    say('m1');
    storage.resolve();
    await clock.advance(1_000);
    script.commit = async () => {
      throw new CommitsLostError('s');
    };
    say('m2');
    await clock.advance(1_000);
    // The record of the first commit hasn't made anything of the second one safe.
    expect(commits.at(-1)!.messages.map(({ id }) => id)).toEqual(['m1', 'm2']);
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
    expect(commits[1]!.code).toMatchObject({ code: 'x4', rev: rev(4), edits: 3 });
    expect(commits[1]!.messages.map((m) => m.id)).toEqual(['m1']);
    answers[1]!.resolve(committed(commits[1]!));
    await settle();
    expect(acks().map(({ to, payload }) => ({ to, ...payload }))).toEqual([
      { to: 'a', rev: rev(1), request_id: 'r1', durable: 'buffer' },
      { to: 'a', rev: rev(4), request_id: 'r3', durable: 'buffer' },
      { to: 'b', rev: rev(3), request_id: 'q1', durable: 'buffer' },
      { to: 'b', message_id: 'm1', durable: 'buffer' },
    ]);
  });

  it('names an edit to a client that counts its edits by their number', async () => {
    const { clock, session, acks } = setUp();
    const participant = { connectionId: 'a', participantId: 'p', editorId: null };
    session.edit({ ...participant, clientSeq: 1, content: whole('x1') });
    session.edit({ ...participant, clientSeq: 2, content: whole('x2') });
    await clock.advance(1_000);
    expect(acks().map(({ payload }) => payload)).toEqual([{ rev: rev(2), client_seq: 2, durable: 'buffer' }]);
  });

  it('covers a counted edit and a later one with a request id of the same connection at once', async () => {
    const { clock, script, session, acks } = setUp();
    const participant = { connectionId: 'a', participantId: 'p', editorId: null };
    session.edit({ ...participant, clientSeq: 1, content: whole('x1') });
    session.edit({ ...participant, requestId: 'r1', content: whole('x2') });
    await clock.advance(1_000);
    const both = { client_seq: 1, request_id: 'r1', durable: 'buffer' };
    expect(acks().map(({ payload }) => payload)).toEqual([{ ...both, rev: rev(2) }]);

    // Also where they were in two batches, of which the first was not confirmed.
    script.commit = outage;
    session.edit({ ...participant, requestId: 'r2', content: whole('x3') });
    await clock.advance(1_000);
    script.commit = async (commit) => committed(commit);
    session.edit({ ...participant, clientSeq: 2, content: whole('x4') });
    await clock.advance(1_000);
    expect(acks().at(-1)?.payload).toEqual({ ...both, client_seq: 2, request_id: 'r2', rev: rev(4) });
  });

  it('is said again to a client whose acknowledgement was lost, once its edits are committed', async () => {
    const { clock, session, acks } = setUp();
    session.acknowledgeAgain('p', 'a');
    session.edit({
      connectionId: 'a',
      participantId: 'p',
      editorId: null,
      clientSeq: 1,
      content: whole('x1'),
    });
    session.acknowledgeAgain('p', 'a');
    expect(acks()).toEqual([]);
    await clock.advance(1_000);
    session.acknowledgeAgain('p', 'a');
    session.acknowledgeAgain('q', 'a');
    const ack = { to: 'a', type: 'ack', payload: { rev: rev(1), client_seq: 1, durable: 'buffer' } };
    expect(acks()).toEqual([ack, ack]);
  });

  it('paces itself by the number of dirty sessions, and waits for nobody longer than that allows', async () => {
    const { clock, script, edit, commits } = setUp();
    script.commit = async (commit) => committed(commit, busy);
    edit('x1');
    await clock.advance(0);
    edit('x2');
    await clock.advance(439);
    expect(commits).toHaveLength(1);
    await clock.advance(1);
    expect(commits).toHaveLength(2);
  });

  it('asks for the load again only when what it knows is two seconds old', async () => {
    const { clock, edit, commits } = setUp();
    for (let i = 0; i < 5; i++) {
      edit(`x${i}`);
      await clock.advance(600);
    }
    expect(commits.map(({ wantsLoad }) => wantsLoad)).toEqual([true, false, false, false, true]);
  });

  it('commits together with the edit or message that finds a commit due', async () => {
    const { clock, script, edit, say, commits } = setUp();
    script.commit = async (commit) => committed(commit, busy);
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
    edit('x1');
    await clock.advance(100);
    edit('x2');
    await clock.advance(1_000);
    script.commit = async () => ({ durable: 'postgres' });
    edit('x3');
    await clock.advance(1_000);
    script.commit = async (commit) => committed(commit);
    edit('x4');
    await clock.advance(1_000);
    edit('x5');
    await clock.advance(1_000);
    expect(commits.map(({ code }) => code?.code)).toEqual(['x1', 'x2', 'x3', 'x4', 'x5']);
    expect(commits.map(({ code }) => code?.base)).toEqual([
      null,
      { rev: rev(1), code: 'x1', transport: null },
      { rev: rev(2), code: 'x2', transport: null },
      // Postgres stood in: the buffer is given the whole.
      null,
      { rev: rev(4), code: 'x4', transport: null },
    ]);
  });

  it('does not commit sooner because of edits while Postgres stands in for the buffer', async () => {
    const { clock, script, edit, commits } = setUp();
    script.commit = async () => ({ durable: 'postgres' });
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
    script.commit = outage;
    edit('x1', 'a', 'r1');
    say('m1', 'a');
    await clock.advance(10);
    expect(acks()).toEqual([]);
    expect(sent).toMatchObject([{ to: '*', type: 'degraded', payload: { reason: 'storage_unavailable' } }]);
    edit('x2', 'b', 'q1');
    script.commit = async (commit) => committed(commit);
    await clock.advance(5_000);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x2', rev: rev(2), edits: 2 });
    expect(commits.at(-1)!.messages.map((m) => m.id)).toEqual(['m1']);
    expect(acks()).toHaveLength(3);
    expect(sent.filter(({ type }) => type === 'degraded').at(-1)!.payload).toMatchObject({ recovered: true });
  });

  it('tries a failed batch again after a pause, as often as it takes', async () => {
    const { clock, script, edit, commits } = setUp();
    script.commit = outage;
    edit('x1');
    await clock.advance(499);
    expect(commits).toHaveLength(1);
    await clock.advance(1_001);
    expect(commits).toHaveLength(4);
  });

  it('that fails puts nothing older over what came in meanwhile', async () => {
    const { clock, script, edit, commits } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    edit('older', 'a', 'r1');
    await clock.advance(10);
    edit('newer', 'a', 'r2');
    answer.reject(new StorageUnavailableError('redis', 'down'));
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

  it('that is refused after the session was closed is no word on the one that was opened since', async () => {
    const { clock, script, edit, commits, sent, session, state } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    edit('x1');
    await clock.advance(10);
    session.close();
    answer.reject(new SupersededError('s'));
    await clock.advance(5_000);
    expect(state.superseded).toBe(0);
    expect(commits).toHaveLength(1);
    expect(sent).toEqual([]);
  });
});

describe('a resend', () => {
  it('of a committed edit is acknowledged under its old revision and changes nothing', async () => {
    const { clock, edit, acks, session, commits } = setUp();
    edit('mine', 'a', 'r1');
    edit('theirs', 'b', 'q1');
    await clock.advance(1_000);
    const before = commits.length;
    expect(edit('mine', 'a', 'r1')).toEqual({ outcome: 'duplicate' });
    expect(session.code).toBe('theirs');
    expect(acks().at(-1)).toEqual({
      to: 'a',
      type: 'ack',
      payload: { rev: rev(1), request_id: 'r1', durable: 'buffer' },
    });
    await clock.advance(1_000);
    expect(commits).toHaveLength(before);
  });

  it('is acknowledged by the client’s newest edit, which covers it', async () => {
    const { clock, session, acks } = setUp();
    const send = (clientSeq: number) =>
      session.edit({
        connectionId: 'a',
        participantId: 'p',
        clientSeq,
        content: whole(`x${clientSeq}`),
        editorId: null,
      });
    send(1);
    send(2);
    await clock.advance(1_000);
    expect(send(1)).toEqual({ outcome: 'duplicate' });
    expect(acks().at(-1)!.payload).toEqual({ rev: rev(2), client_seq: 2, durable: 'buffer' });
    expect(session.clientSeq('p', 'a')).toBe(2);
  });

  it('is known from the receipts of an earlier instance', () => {
    const atMs = setUp().clock.nowMs;
    const receipt = { clientSeq: 0, requestIds: ['r9'], rev: numberIn(1, 9), atMs };
    const code = {
      code: 'start',
      rev: numberIn(1, 10),
      receipts: { [receiptKey("a's", 'a')]: receipt },
      transport: null,
    };
    const { edit, acks, session } = setUp({ opened: { code } });
    expect(edit('again', 'a', 'r9')).toEqual({ outcome: 'duplicate' });
    expect(session.code).toBe('start');
    expect(acks()).toMatchObject([{ payload: { rev: numberIn(1, 9), request_id: 'r9' } }]);
  });

  it('by another participant under the same client id is an edit of their own', async () => {
    const { clock, session, acks } = setUp();
    const base = { connectionId: 'a', clientSeq: 1, editorId: null };
    session.edit({ ...base, participantId: 'p', content: whole('first') });
    await clock.advance(1_000);
    expect(session.edit({ ...base, participantId: 'q', content: whole('second') })).toMatchObject({
      outcome: 'merged',
      rev: rev(2),
    });
    expect(session.code).toBe('second');
    expect(acks()).toHaveLength(1);
  });

  it('of an edit whose commit is under way waits for it', async () => {
    const { clock, script, edit, acks, commits } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    edit('x', 'a', 'r1');
    await clock.advance(0);
    expect(edit('x', 'a', 'r1')).toEqual({ outcome: 'duplicate' });
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

  it('of a message from another connection is acknowledged there', async () => {
    const { clock, script, say, acks, commits } = setUp();
    const answer = held<CommitResult>();
    script.commit = () => answer.promise;
    say('m1', 'before');
    await clock.advance(0);
    expect(say('m1', 'after')).toBe('duplicate');
    answer.resolve(committed(commits[0]!));
    await settle();
    expect(acks().map(({ to }) => to)).toEqual(['after']);
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
    expect(commits[1]).toMatchObject({
      code: null,
      messages: [{ id: 'm2' }],
      expectedLast: commits[0]!.attempt,
    });
    script.commit = async (commit) => committed(commit);
    await clock.advance(5_000);
    expect(commits).toHaveLength(3);
    expect(commits[2]!.code).toMatchObject({ code: 'x1', rev: rev(1) });
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
      return outage();
    };
    edit('x2');
    await clock.advance(10_000);
    expect(commits.length).toBeGreaterThan(3);
    for (const commit of commits.slice(2)) {
      expect(commit).toMatchObject({ code: { code: 'x2' }, messages: [{ id: 'm1' }], expectedLast: 0 });
    }
    const lastCommit = rev(8_000);
    script.commit = async (commit) => committed(commit, { lastCommit });
    await clock.advance(10_000);
    edit('x3');
    await clock.advance(1_000);
    expect(commits.at(-1)).toMatchObject({ code: { code: 'x3' }, messages: [], expectedLast: lastCommit });
  });

  it('does so at once: it isn’t that nothing answers', async () => {
    const { clock, script, edit, commits } = setUp();
    script.commit = async (commit) => {
      script.commit = async (again) => committed(again);
      throw new CommitsLostError(commit.sessionId);
    };
    edit('x1');
    await clock.advance(30);
    expect(commits).toHaveLength(2);
  });

  it('commits the code along, where the buffer holds older one', async () => {
    const { clock, say, commits } = setUp({ opened: { isBufferBehind: true, source: 'postgres' } });
    say('m1');
    await clock.advance(100);
    say('m2');
    await clock.advance(1_000);
    expect(commits.map(({ code }) => code?.code)).toEqual(['start', undefined]);
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

  it('outlasts failures, be it that nothing answers or that the buffer has lost some', async () => {
    const { clock, script, edit, commits, session } = setUp();
    script.commit = async (commit) => {
      if (commits.length === 1) return outage();
      if (commits.length === 2) throw new CommitsLostError('s');
      return committed(commit);
    };
    edit('x1');
    const waiting = session.committed();
    await clock.advance(5_000);
    await waiting;
    expect(commits.map((c) => c.code!.rev)).toEqual([rev(1), rev(1), rev(1)]);
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
