/** When a session is flushed, and by whom; what a flush finds out; in a whole session. */
import { describe, expect, it } from 'vitest';
import { committed, held, rev, STARTED_AT, settle, setUp } from '../../../test/support/live-session.ts';
import { StorageUnavailableError, SupersededError } from '../../domain/errors.ts';
import type { FlushOutcome } from './flush-control.ts';

const flushed = (over: Partial<FlushOutcome> = {}): FlushOutcome => ({
  flushedRev: rev(1),
  isDirty: false,
  lastCommit: rev(1),
  isComplete: true,
  ...over,
});

describe('a flush', () => {
  it('says whether it worked', async () => {
    const { clock, script, edit, session, state } = setUp();
    expect(await session.flush()).toBe(true);
    expect(state.flushes).toBe(0);
    edit('x1');
    await clock.advance(100);
    const { flush } = script;
    script.flush = async () => {
      throw new Error('503');
    };
    expect(await session.flush()).toBe(false);
    script.flush = flush;
    expect(await session.flush()).toBe(true);
    expect(await session.flush()).toBe(true);
    expect(state.flushes).toBe(2);
  });

  it('waits for what was accepted before it', async () => {
    const { clock, script, edit, commits, session, state } = setUp();
    script.commit = async () => {
      throw new StorageUnavailableError('redis', 'down');
    };
    edit('x1');
    const flushing = session.flush();
    await clock.advance(1_000);
    expect(state.flushes).toBe(0);
    script.commit = async (commit) => committed(commit);
    await clock.advance(1_000);
    expect(await flushing).toBe(true);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x1' });
    expect(state.flushes).toBe(1);
  });

  it('that is under way does not count for what is accepted later; all who come meanwhile share the next', async () => {
    const { clock, script, edit, commits, session, state } = setUp();
    const answer = held<FlushOutcome>();
    const { flush } = script;
    script.flush = () => answer.promise;
    edit('x1');
    await clock.advance(100);
    const first = session.flush();
    await settle();
    edit('x2');
    const later = [session.flush(), session.flush()];
    script.flush = flush;
    answer.resolve(flushed());
    await clock.advance(1_000);
    expect(await Promise.all([first, ...later])).toEqual([true, true, true]);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x2' });
    expect(state.flushes).toBe(2);
    expect(session.flushedRev).toBe(rev(2));
  });

  it('that finds all flushed records so, and a commit after it is recorded after it', async () => {
    const { clock, script, edit, acks, records, session } = setUp();
    edit('x1');
    await clock.advance(100);
    expect(records).toEqual(['buffer']);
    const storage = held<void>();
    script.record = () => storage.promise;
    const flushing = session.flush();
    await settle();
    edit('x2', 'a', 'r2');
    await clock.advance(1_000);
    expect(acks()).toHaveLength(1);
    storage.resolve();
    await flushing;
    await settle();
    expect(acks().at(-1)).toMatchObject({ payload: { request_id: 'r2' } });
    expect(records).toEqual(['buffer', 'clean', 'buffer']);
  });

  it('of what the buffer had besides doesn’t make its copy the newest', async () => {
    const { clock, script, edit, say, records, session } = setUp();
    edit('x1');
    say('m1');
    await clock.advance(100);
    script.commit = async () => ({ durable: 'postgres' });
    edit('x2');
    await clock.advance(1_000);
    script.commit = async () => {
      throw new StorageUnavailableError('redis', 'down');
    };
    say('m2');
    await clock.advance(100);
    // The buffer is back, and its flush is all that happens.
    script.flushState = async () => ({ ...flushed(), sweeperLeaseMs: 0 });
    expect(session.degraded).toMatchObject({ reason: 'storage_unavailable' });
    script.commit = async () => ({ durable: 'postgres' });
    await clock.advance(1_000);
    await session.flush();
    expect(records.slice(1)).toEqual(['postgres', 'postgres']);
  });

  it('that fails for a room that was replaced says nothing of it', async () => {
    const { clock, script, edit, session } = setUp();
    edit('x1');
    await clock.advance(100);
    script.flush = async () => {
      throw new SupersededError('s');
    };
    expect(await session.flush()).toBe(false);
  });
});

describe('a flush of a buffer that has lost something', () => {
  it.each([
    [
      'a flush that finds the buffer empty makes the room commit again what Postgres may lack',
      flushed({ flushedRev: 0, lastCommit: 0 }),
    ],
    [
      'a flush that finds the buffer as it was before the last commit makes the room commit again what Postgres may lack',
      flushed({ flushedRev: STARTED_AT, lastCommit: rev(6) }),
    ],
  ])('%s', async (_, found) => {
    const { clock, commits, edit, say, script, session, records } = setUp();
    script.commit = async (commit) => committed(commit, { lastCommit: rev(7) });
    edit('mine', 'a', 'r1');
    say('m1');
    await clock.advance(100);
    expect(commits).toHaveLength(1);
    script.flush = async () => found;
    expect(await session.flush()).toBe(false);
    await clock.advance(1_000);
    expect(commits).toHaveLength(2);
    expect(commits[1]).toMatchObject({
      code: { code: 'mine', rev: rev(1) },
      messages: [{ id: 'm1' }],
      expectedLast: 0,
    });
    expect(records).not.toContain('clean');
  });

  it('leaves it at that when Postgres has everything', async () => {
    const { clock, commits, edit, script, session } = setUp();
    edit('mine', 'a', 'r1');
    await clock.advance(100);
    await session.flush();
    expect(session.flushedRev).toBe(rev(1));
    edit('again', 'a', 'r2');
    await clock.advance(100);
    script.flush = async () => flushed({ flushedRev: rev(2), isDirty: true, lastCommit: rev(2) });
    await session.flush();
    script.flush = async () => flushed({ flushedRev: 0, lastCommit: 0 });
    expect(await session.flush()).toBe(true);
    await clock.advance(1_000);
    expect(commits).toHaveLength(2);
  });

  it('has the room ask no more once Postgres has everything', async () => {
    const { clock, edit, script, session, state, alarms, records } = setUp();
    edit('x1');
    await clock.advance(100);
    script.flush = async () => flushed({ isDirty: true });
    await session.flush();
    script.flush = async () => flushed({ flushedRev: 0, lastCommit: 0 });
    await session.flush();
    // The one for the next version is for no flush.
    const flushAlarms = () => alarms.filter((delayMs) => delayMs === 5_000).length;
    const before = [state.flushes, flushAlarms()];
    await session.onAlarm();
    await session.onAlarm();
    expect([state.flushes, flushAlarms()]).toEqual(before);
    expect(records.at(-1)).toBe('postgres');
  });

  it('is found out by a room in which nobody types, too', async () => {
    const { clock, script, edit, session, commits } = setUp();
    edit('x1');
    await clock.advance(1_000);
    script.flushState = async () => ({ flushedRev: 0, isDirty: false, lastCommit: 0, sweeperLeaseMs: 0 });
    await session.onAlarm();
    await clock.advance(1_000);
    expect(commits.at(-1)!.code).toMatchObject({ code: 'x1', rev: rev(1) });
    expect(commits).toHaveLength(2);
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

  it('flushes, tells the clients, and records that the session is clean', async () => {
    const { clock, edit, session, state, sent, records, alarms } = setUp();
    edit('x1');
    await clock.advance(100);
    await session.onAlarm();
    expect(state.flushes).toBe(1);
    expect(sent.at(-1)).toEqual({ to: '*', type: 'flushed', payload: { rev: rev(1) } });
    expect(records).toEqual(['buffer', 'clean']);
    // The second is for the text to become a version.
    expect(alarms).toEqual([5_000, 59_900]);
    await session.onAlarm();
    expect(state.flushes).toBe(1);
  });

  it('is put off while a sweeper is at work, without a flush of its own', async () => {
    const { clock, script, edit, session, state, alarms } = setUp();
    script.commit = async (commit) =>
      committed(commit, { load: { sweeperLeaseMs: 8_000, dirtySessions: 1 } });
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

  it('is put off while the buffer says that a sweeper is at work', async () => {
    const { clock, script, edit, session, state, alarms } = setUp();
    edit('x1');
    await clock.advance(100);
    script.flushState = async () => ({ ...flushed({ flushedRev: 0, isDirty: true }), sweeperLeaseMs: 3_000 });
    await session.onAlarm();
    expect(state.flushes).toBe(0);
    expect(alarms).toHaveLength(2);
  });

  it('learns from the buffer that a sweeper has flushed it', async () => {
    const { clock, script, edit, session, state, sent, records } = setUp();
    edit('x1');
    await clock.advance(100);
    script.flushState = async () => ({ ...flushed(), sweeperLeaseMs: 0 });
    await session.onAlarm();
    expect(state.flushes).toBe(0);
    expect(sent.at(-1)).toMatchObject({ type: 'flushed', payload: { rev: rev(1) } });
    expect(records).toEqual(['buffer', 'clean']);
  });

  it('flushes though the buffer can’t be asked for a sweeper', async () => {
    const { clock, script, edit, session, state } = setUp();
    edit('x1');
    await clock.advance(100);
    script.flushState = async () => {
      throw new StorageUnavailableError('redis', 'timed out');
    };
    await session.onAlarm();
    expect(state.flushes).toBe(1);
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
    const { clock, script, edit, session, records, alarms } = setUp();
    edit('x1');
    await clock.advance(100);
    const answer = held<FlushOutcome>();
    script.flush = () => answer.promise;
    const alarm = session.onAlarm();
    await settle();
    edit('x2');
    await clock.advance(1_000);
    answer.resolve(flushed());
    await alarm;
    expect(records).toEqual(['buffer']);
    expect(alarms.length).toBeGreaterThan(1);
  });

  it.each(['postgres', 'nothing'])(
    'finds out by itself that the buffer is back while %s answers in its stead',
    async (answers) => {
      const { clock, script, edit, session, commits, records, state } = setUp();
      script.commit = async () => {
        if (answers === 'postgres') return { durable: 'postgres' };
        throw new StorageUnavailableError('redis', 'down');
      };
      edit('x1');
      await clock.advance(2_000);
      script.commit = async (commit) => committed(commit);
      await session.onAlarm();
      await clock.advance(2_000);
      expect(state.flushes).toBe(0);
      expect(session.degraded).toBeNull();
      expect(commits.at(-1)!.code).toMatchObject({ code: 'x1' });
      expect(records.at(-1)).toBe('buffer');
    },
  );
});
