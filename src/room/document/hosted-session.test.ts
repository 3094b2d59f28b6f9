/** How a room opens its session: what it records before, which term it takes, and what it does first. */
import { describe, expect, it } from 'vitest';
import {
  committed,
  FakeClock,
  held,
  makeOpened,
  packAtOnce,
  rev,
  STARTED_AT,
  settle,
} from '../../../test/support/live-session.ts';
import { FakeStorage } from '../../../test/support/room.ts';
import { DamagedDataError, SessionNotFoundError, StorageUnavailableError } from '../../domain/errors.ts';
import { MAX_TERM } from '../../domain/revision.ts';
import type {
  Commit,
  CommitResult,
  OpenedSession,
  RecoveryRecord,
  SessionRepository,
  TermTaken,
} from '../../domain/types.ts';
import { RoomAlarm } from '../room-alarm.ts';
import type { Edit } from './document.ts';
import type { FlushOutcome } from './flush-control.ts';
import { HostedSession } from './hosted-session.ts';

/** Storage that says what is recorded, and fails when the test wants it to. */
class Storage extends FakeStorage {
  readonly #events: string[];
  isFailing = false;

  constructor(events: string[], record: unknown) {
    super();
    this.#events = events;
    if (record !== undefined) this.values.set('recovery', record);
  }

  get record(): RecoveryRecord | undefined {
    return this.values.get('recovery') as RecoveryRecord | undefined;
  }

  override async put(key: string | Record<string, unknown>, value?: unknown): Promise<void> {
    if (this.isFailing) throw new Error('another instance is at work');
    await super.put(key, value);
    const { term, source, lastCommit } = this.record as RecoveryRecord;
    this.#events.push(`record ${term} ${source} ${lastCommit}`);
  }
}

function setUp(record?: unknown) {
  const events: string[] = [];
  const storage = new Storage(events, record);
  const clock = new FakeClock();
  const state = { superseded: 0 };
  const script = {
    open: async (_term: number): Promise<OpenedSession | TermTaken | null> => makeOpened(),
    commit: async (commit: Commit): Promise<CommitResult> => committed(commit),
    flush: async (): Promise<FlushOutcome> => ({
      flushedRev: STARTED_AT,
      isDirty: false,
      lastCommit: 0,
      isComplete: true,
    }),
    onOpened: async () => {},
  };
  const known: (RecoveryRecord | null)[] = [];
  const hosted = new HostedSession({
    id: 's',
    storage,
    alarm: new RoomAlarm(storage),
    repository: {
      open: (_id: string, term: number, before: RecoveryRecord | null) => {
        events.push(`open ${term}`);
        known.push(before);
        return script.open(term);
      },
      commit: (commit: Commit) => script.commit(commit),
      getMessages: async () => [],
    } as Partial<SessionRepository> as SessionRepository,
    session: {
      minMs: 0,
      maxMs: 1_000,
      targetPerS: 1_000,
      fallbackMs: 500,
      flushMs: 5_000,
      historySize: 50,
      versionIntervalMs: 60_000,
      pack: packAtOnce,
    },
    ports: {
      flush: () => {
        events.push('flush');
        return script.flush();
      },
      send: () => {},
      broadcast: () => {},
      onSuperseded: () => {
        state.superseded += 1;
      },
      onTermFull: () => {},
      onHistory: () => {},
      onVersion: () => {},
      log: (event, detail) => events.push(`log ${event}: ${detail}`),
      clock,
    },
    onOpened: () => {
      events.push('opened');
      return script.onOpened();
    },
  });
  return { hosted, storage, events, script, known, clock, state };
}

const edit = (code: string): Edit => ({
  connectionId: 'a',
  participantId: 'p',
  requestId: code,
  content: { kind: 'whole', code },
  editorId: null,
});

describe('opening', () => {
  it('records the term before it opens the session in it, and what it found before anything happens with it', async () => {
    const { hosted, events, script, known } = setUp({ term: 6, source: 'clean', lastCommit: 3 });
    script.open = async () => makeOpened({ source: 'buffer', lastCommit: 9 });
    await hosted.open();
    expect(events).toEqual(['record 7 clean 3', 'open 7', 'record 7 buffer 9', 'opened']);
    expect(known).toEqual([{ term: 6, source: 'clean', lastCommit: 3 }]);
  });

  it('says so in the log when the buffer couldn’t be asked', async () => {
    const { hosted, events, script } = setUp({ term: 1, source: 'clean', lastCommit: 3 });
    script.open = async () => makeOpened({ source: 'postgres', bufferFailure: 'no answer in time' });
    await hosted.open();
    expect(events).toContain('log opened_without_buffer: no answer in time');
  });

  it('gives the session’s edits revisions of its term', async () => {
    const { hosted } = setUp({ term: 1, source: 'clean', lastCommit: 0 });
    const live = await hosted.open();
    expect(live.rev).toBe(STARTED_AT);
    expect(live.edit(edit('x'))).toMatchObject({ outcome: 'merged', rev: rev(1) });
  });

  it('is done once, for all who ask', async () => {
    const { hosted, events } = setUp();
    expect(hosted.live).toBeNull();
    const [one, other] = await Promise.all([hosted.open(), hosted.open()]);
    expect(one).toBe(other);
    expect(await hosted.open()).toBe(one);
    expect(hosted.live).toBe(one);
    expect(events.filter((event) => event.startsWith('open '))).toHaveLength(1);
  });

  it('is refused when the term can’t be recorded, and asks no store', async () => {
    const { hosted, storage, events } = setUp();
    storage.isFailing = true;
    await expect(hosted.open()).rejects.toThrow(StorageUnavailableError);
    expect(events).toEqual([]);
    expect(hosted.live).toBeNull();
    storage.isFailing = false;
    await hosted.open();
    expect(events).toContain('open 1');
  });

  it('is refused when what it found can’t be recorded', async () => {
    const { hosted, storage, events, script } = setUp();
    script.open = async () => {
      storage.isFailing = true;
      return makeOpened();
    };
    await expect(hosted.open()).rejects.toThrow(StorageUnavailableError);
    expect(events).not.toContain('opened');
    expect(hosted.live).toBeNull();
  });

  it('takes a greater term each time it is tried: the one before may be registered late', async () => {
    const { hosted, events, script } = setUp({ term: 6, source: 'postgres', lastCommit: 3 });
    script.open = async () => {
      throw new StorageUnavailableError('redis', 'timed out');
    };
    await expect(hosted.open()).rejects.toThrow(StorageUnavailableError);
    script.open = async () => makeOpened();
    await hosted.open();
    expect(events).toEqual([
      'record 7 postgres 3',
      'open 7',
      'record 8 postgres 3',
      'open 8',
      'record 8 clean 0',
      'opened',
    ]);
  });

  it('takes a term that no store knows, and records each before it is tried', async () => {
    const { hosted, events, script } = setUp({ term: 6, source: 'buffer', lastCommit: 3 });
    const taken = [20, 2 ** 30];
    script.open = async () => {
      const term = taken.shift();
      return term === undefined ? makeOpened({ source: 'buffer' }) : { outcome: 'term_taken', term };
    };
    await hosted.open();
    const next = 2 ** 30 + 1;
    expect(events).toEqual([
      'record 7 buffer 3',
      'open 7',
      'record 21 buffer 3',
      'open 21',
      `record ${next} buffer 3`,
      `open ${next}`,
      `record ${next} buffer 0`,
      'opened',
    ]);
  });

  it('gives up when other rooms open the session again and again', async () => {
    const { hosted, events, script } = setUp();
    script.open = async (term) => ({ outcome: 'term_taken', term });
    await expect(hosted.open()).rejects.toThrow(StorageUnavailableError);
    expect(events.filter((event) => event.startsWith('open '))).toHaveLength(5);
  });

  it('fails when a store knows a term that no room can have taken', async () => {
    const { hosted, events, script } = setUp();
    script.open = async () => ({ outcome: 'term_taken', term: MAX_TERM });
    await expect(hosted.open()).rejects.toThrow(DamagedDataError);
    expect(events).toEqual(['record 1 null 0', 'open 1']);
  });

  it('fails when there is no such session', async () => {
    const { hosted, script } = setUp();
    script.open = async () => null;
    await expect(hosted.open()).rejects.toThrow(SessionNotFoundError);
    expect(hosted.live).toBeNull();
  });

  it.each([
    ['nothing', undefined],
    ['something else', 'garbage'],
    ['a record of another form', { term: 1, source: 'both', lastCommit: 0 }],
    ['a record without a number', { term: -1, source: 'clean', lastCommit: 0 }],
  ])('knows of no record where storage holds %s: both stores have to answer', async (_, stored) => {
    const { hosted, storage, known, script } = setUp(stored);
    script.open = async () => {
      // Not known yet where the session is.
      expect(storage.record).toEqual({ term: 1, source: null, lastCommit: 0 });
      return makeOpened({ source: 'postgres' });
    };
    await hosted.open();
    expect(known).toEqual([null]);
    expect(storage.record).toEqual({ term: 1, source: 'postgres', lastCommit: 0 });
  });
});

describe('a session that is dirty', () => {
  const dirty = () => makeOpened({ isDirty: true, source: 'buffer' });

  it('has an alarm set, as the one of an earlier instance may be lost with it', async () => {
    const { hosted, storage, script } = setUp();
    script.open = async () => dirty();
    await hosted.open();
    expect(storage.alarmMs).not.toBeNull();
  });

  it('has none set when an alarm opens it, and a clean one neither', async () => {
    const byAlarm = setUp();
    byAlarm.script.open = async () => dirty();
    await byAlarm.hosted.open({ byAlarm: true });
    expect(byAlarm.storage.alarmMs).toBeNull();
    const clean = setUp();
    await clean.hosted.open();
    expect(clean.storage.alarmMs).toBeNull();
  });

  it('beyond what a room may hold is flushed before it accepts anything', async () => {
    const { hosted, script, events } = setUp();
    script.open = async () => makeOpened({ isDirty: true, isPartial: true, source: 'buffer' });
    const answer = held<FlushOutcome>();
    script.flush = () => answer.promise;
    let isOpen = false;
    const opening = hosted.open().then((live) => {
      isOpen = true;
      return live;
    });
    await settle();
    expect(isOpen).toBe(false);
    expect(events.slice(-2)).toEqual(['record 1 buffer 0', 'flush']);
    answer.resolve({ flushedRev: STARTED_AT, isDirty: false, lastCommit: 0, isComplete: true });
    await opening;
    expect(events.slice(-2)).toEqual(['record 1 clean 0', 'opened']);
  });

  it('opens all the same when that flush fails, and then nothing is acknowledged without the buffer', async () => {
    const { hosted, script, clock } = setUp();
    script.open = async () => makeOpened({ isDirty: true, isPartial: true, source: 'buffer' });
    script.flush = async () => {
      throw new Error('503');
    };
    const live = await hosted.open();
    const tails: Commit['tail'][] = [];
    script.commit = async (commit) => {
      tails.push(commit.tail);
      return committed(commit);
    };
    live.edit(edit('x'));
    await clock.advance(1_000);
    // The edit, and what was there before it as a version.
    expect(tails).toEqual([null, null]);
  });
});

describe('what the next instance is told', () => {
  it('is recorded with the term', async () => {
    const { hosted, storage, clock } = setUp({ term: 1, source: 'clean', lastCommit: 0 });
    const live = await hosted.open();
    live.edit(edit('x'));
    await clock.advance(1_000);
    expect(storage.record).toEqual({ term: 2, source: 'buffer', lastCommit: rev(1) });
  });

  it('is that Postgres has all there is of a session that has just been made', async () => {
    const { hosted, storage } = setUp();
    await hosted.recordCreated();
    expect(storage.record).toEqual({ term: 0, source: 'postgres', lastCommit: 0 });
    await hosted.open();
    expect(storage.record?.term).toBe(1);
  });

  it('is not forgotten because the session is said to have been made', async () => {
    const record = { term: 4, source: 'buffer', lastCommit: 9 };
    const { hosted, storage, events } = setUp(record);
    await hosted.recordCreated();
    expect(storage.record).toEqual(record);
    expect(events).toEqual([]);
  });

  it('says without opening the session whether anything of it may be dirty', async () => {
    const isDirtyAfter = (record?: unknown) => setUp(record).hosted.mayBeDirty();
    expect(await isDirtyAfter({ term: 1, source: 'clean', lastCommit: 0 })).toBe(false);
    expect(await isDirtyAfter({ term: 1, source: 'postgres', lastCommit: 0 })).toBe(true);
    expect(await isDirtyAfter({ term: 1, source: 'buffer', lastCommit: 0 })).toBe(true);
    expect(await isDirtyAfter()).toBe(true);
    const { hosted } = setUp({ term: 1, source: 'clean', lastCommit: 0 });
    await hosted.open();
    expect(await hosted.mayBeDirty()).toBe(true);
  });
});

describe('a session that is given up', () => {
  it('commits nothing more, and is opened anew in a greater term', async () => {
    const { hosted, clock, script, events } = setUp();
    const commits: Commit[] = [];
    script.commit = async (commit) => {
      commits.push(commit);
      return committed(commit);
    };
    const live = await hosted.open();
    live.edit(edit('x'));
    hosted.giveUp();
    await clock.advance(1_000);
    expect(commits).toEqual([]);
    expect(hosted.live).toBeNull();
    const next = await hosted.open();
    expect(next).not.toBe(live);
    expect(events).toContain('open 2');
  });

  it('records nothing over the record of the one that was opened since', async () => {
    const { hosted, storage, clock, script } = setUp();
    const live = await hosted.open();
    const answer = held<CommitResult>();
    let late: Commit | null = null;
    script.commit = (commit) => {
      late = commit;
      return answer.promise;
    };
    live.edit(edit('x'));
    await clock.advance(100);
    hosted.giveUp();
    await hosted.open();
    const { record } = storage;
    expect(record).toMatchObject({ term: 2 });
    answer.resolve(committed(late as unknown as Commit));
    await settle();
    expect(storage.record).toEqual(record);
  });
});
