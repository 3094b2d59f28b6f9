/**
 * How a room opens its session: in a term that is greater than any other's, from what was acknowledged last,
 * whichever store holds that.
 */
import { neonConfig } from '@neondatabase/serverless';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DamagedDataError, StorageUnavailableError, SupersededError } from '../../src/domain/errors.ts';
import { COUNTS_PER_TERM, MAX_TERM, numberIn } from '../../src/domain/revision.ts';
import type { OpenedSession, RecoveryRecord, SessionRepository } from '../../src/domain/types.ts';
import { HostedSession } from '../../src/room/document/hosted-session.ts';
import type { LiveSession, LiveSessionPorts } from '../../src/room/document/live-session.ts';
import { makeCommit, rev } from '../support/commits.ts';
import { makeMessage } from '../support/messages.ts';
import { goBackTo, takeSnapshot } from '../support/snapshot.ts';
import { type Stores, startStores } from '../support/stores.ts';
import { WAIT } from '../support/wait.ts';

/** More than any session here has. */
const ANY_BYTES = 1_000_000;
/** Messages of this length are more than a room may hold, so many as there are. */
const LARGE = { count: 45, chars: 100_000 };

let stores: Stores;

beforeAll(async () => {
  stores = await startStores();
});
afterAll(() => stores?.stop());
afterEach(() => {
  vi.restoreAllMocks();
  neonConfig.fetchFunction = undefined;
});

const newSession = async (code = '') =>
  (await stores.postgres.createSession({ title: '', code, hostUserId: null })).id;

const unavailable = (store: 'redis' | 'postgres') => new StorageUnavailableError(store, 'away');

/** Redis is out of reach until the test ends, or this is restored. */
const withoutRedis = () => {
  const { buffer } = stores;
  const spies = [
    vi.spyOn(buffer, 'open').mockRejectedValue(unavailable('redis')),
    vi.spyOn(buffer, 'commit').mockRejectedValue(unavailable('redis')),
  ];
  return {
    mockRestore: () => {
      for (const spy of spies) spy.mockRestore();
    },
  };
};

/** The durable storage of a session's rooms. */
class RoomStorage {
  record: RecoveryRecord | null;
  isFailing = false;
  constructor(record: RecoveryRecord | null = null) {
    this.record = record;
  }
  async get<T>(): Promise<T | undefined> {
    return (this.record ?? undefined) as T | undefined;
  }
  async put(_: unknown, value?: unknown): Promise<void> {
    if (this.isFailing) throw new Error('the storage fails');
    this.record = structuredClone(value) as RecoveryRecord;
  }
}

interface Room {
  hosted: HostedSession;
  /** Request ids of edits that were acknowledged. */
  acknowledged: string[];
  /** What became of the room. */
  events: string[];
}

/** An instance of a session's room over both stores. */
function roomOf(
  id: string,
  storage: RoomStorage,
  over: {
    repository?: SessionRepository;
    flush?: LiveSessionPorts['flush'];
    onOpened?: () => Promise<void>;
  } = {},
): Room {
  const { repository = stores.repository, flush, onOpened = async () => {} } = over;
  const acknowledged: string[] = [];
  const events: string[] = [];
  const hosted = new HostedSession({
    id,
    storage: storage as never,
    alarm: { wakeForSession: async () => {} },
    repository,
    session: {
      minMs: 1,
      maxMs: 10,
      targetPerS: 1_000,
      fallbackMs: 10,
      flushMs: 60_000,
      historySize: 50,
      versionIntervalMs: 60_000,
    },
    ports: {
      flush: flush ?? ((sessionId) => stores.flusher.flushSession(sessionId)),
      send: (_, type, payload) => {
        if (type === 'ack' && 'request_id' in payload) acknowledged.push(String(payload.request_id));
      },
      broadcast: (type) => void events.push(type),
      onHistory: () => {},
      onVersion: () => {},
      onSuperseded: () => void events.push('superseded'),
      onTermFull: () => {},
      log: () => {},
      clock: {
        now: Date.now,
        setTimeout: (task, delayMs) => {
          const timer = setTimeout(task, delayMs);
          return () => clearTimeout(timer);
        },
      },
    },
    onOpened,
  });
  return { hosted, acknowledged, events };
}

/** An edit by a client that goes by this id; its text is its request id. */
function edit(live: LiveSession, text: string, connectionId = 'c') {
  return live.edit({
    connectionId,
    participantId: 'p',
    requestId: text,
    content: { kind: 'whole', code: text },
    editorId: null,
  });
}

async function opened(id: string, term: number, record: RecoveryRecord | null): Promise<OpenedSession> {
  const result = await stores.repository.open(id, term, record);
  if (result?.outcome !== 'opened') throw new Error(`not opened: ${result?.outcome}`);
  return result;
}

describe('the term', () => {
  it('is in the room’s storage before a store is asked to register it', async () => {
    const id = await newSession();
    const storage = new RoomStorage({ term: 4, source: 'clean', lastCommit: 7 });
    const asked: [term: number, recorded: number | undefined, record: RecoveryRecord | null][] = [];
    const repository = Object.create(stores.repository) as SessionRepository;
    repository.open = async (sessionId, term, record) => {
      asked.push([term, storage.record?.term, record]);
      // Its answer is lost.
      await stores.repository.open(sessionId, term, record);
      throw unavailable('redis');
    };
    const room = roomOf(id, storage, { repository });
    await expect(room.hosted.open()).rejects.toThrow(StorageUnavailableError);
    // What is known of the stores stays as it was.
    expect(storage.record).toEqual({ term: 5, source: 'clean', lastCommit: 7 });
    await expect(room.hosted.open()).rejects.toThrow(StorageUnavailableError);
    expect(asked).toEqual([
      [5, 5, { term: 4, source: 'clean', lastCommit: 7 }],
      [6, 6, { term: 5, source: 'clean', lastCommit: 7 }],
    ]);
    await roomOf(id, storage).hosted.open();
    expect(storage.record?.term).toBe(7);
  });

  it('is asked of no store when the room’s storage fails', async () => {
    const id = await newSession();
    const storage = new RoomStorage();
    storage.isFailing = true;
    const ask = vi.spyOn(stores.repository, 'open');
    await expect(roomOf(id, storage).hosted.open()).rejects.toThrow(StorageUnavailableError);
    expect(ask).not.toHaveBeenCalled();
  });

  it.each([
    ['small', 5],
    ['near 2³⁰', 2 ** 30],
  ])('is greater than the one that Redis knows: %s', async (_, known) => {
    const id = await newSession();
    await stores.buffer.open(id, known, ANY_BYTES);
    const storage = new RoomStorage({ term: 2, source: null, lastCommit: 0 });
    const live = await roomOf(id, storage).hosted.open();
    expect(storage.record?.term).toBe(known + 1);
    edit(live, 'one');
    await live.committed();
    expect(live.rev).toBe(numberIn(known + 1, 1));
    expect(await stores.buffer.read(id)).toMatchObject({ code: { rev: numberIn(known + 1, 1) } });
    await live.flush();
    expect(await stores.postgres.getSession(id)).toMatchObject({ code: 'one', rev: numberIn(known + 1, 1) });
    await expect(stores.buffer.commit(makeCommit({ sessionId: id, term: known }))).rejects.toThrow(
      SupersededError,
    );
  });

  it.each([
    ['small', 8],
    ['near 2³⁰', 2 ** 30],
  ])('is greater than the one that Postgres knows, with Redis and without: %s', async (_, known) => {
    for (const isRedisAway of [false, true]) {
      const id = await newSession();
      await stores.postgres.commit(makeCommit({ sessionId: id, term: known, text: 'known', count: 3 }));
      const storage = new RoomStorage({ term: 2, source: 'postgres', lastCommit: 0 });
      const away = isRedisAway ? withoutRedis() : null;
      const live = await roomOf(id, storage).hosted.open();
      away?.mockRestore();
      expect(live).toMatchObject({ code: 'known', rev: numberIn(known, 3) });
      expect(storage.record?.term).toBe(known + 1);
    }
  });

  it.each(['garbage', String(MAX_TERM + 1), String(MAX_TERM)])(
    'is damaged when it is no number, or so great that no room can have taken it, and nothing of it changes',
    async (damaged) => {
      const { buffer, command } = stores;
      const id = await newSession();
      await buffer.open(id, 1, ANY_BYTES);
      const [key = ''] = (await command('KEYS', `*${id}`)) as string[];
      await command('HSET', key, 'term', damaged);
      const storage = new RoomStorage({ term: 2, source: 'clean', lastCommit: 0 });
      await expect(roomOf(id, storage).hosted.open()).rejects.toThrow(DamagedDataError);
      expect(await command('HGET', key, 'term')).toBe(damaged);
    },
  );

  it.each([
    ['rev', 900],
    ['flushed', 900],
    ['put_aside', 900],
    ['rev', 4],
  ])(
    'goes on when %s in Redis is %i and none was given so great: no edit is skipped',
    async (field, count) => {
      const { command, postgres, flusher } = stores;
      const id = await newSession();
      const storage = new RoomStorage();
      const live = await roomOf(id, storage).hosted.open();
      edit(live, 'one');
      await live.committed();
      await live.flush();
      edit(live, 'two');
      await live.committed();
      const [key = ''] = (await command('KEYS', `*${id}`)) as string[];
      await command('HSET', key, field, String(numberIn(1, count)));
      // Somebody flushes it before the room hears of it.
      await flusher.flushSession(id);
      edit(live, 'three');
      await live.committed();
      await live.flush();
      // It hears there that its numbers were overtaken, and goes over them.
      await live.committed();
      await live.flush();
      expect(await postgres.getSession(id)).toMatchObject({ code: 'three', rev: live.rev });
      expect(live.flushedRev).toBe(live.rev);
      expect(await roomOf(id, storage).hosted.open()).toMatchObject({ code: 'three', rev: live.rev });
    },
  );

  it('of code that Redis calls clean and Postgres lacks is flushed by the room that finds it', async () => {
    const { command, postgres } = stores;
    const id = await newSession();
    const live = await roomOf(id, new RoomStorage()).hosted.open();
    edit(live, 'kept');
    await live.committed();
    const [key = ''] = (await command('KEYS', `*${id}`)) as string[];
    const [dirtyKey = ''] = (await command('KEYS', '*dirty')) as string[];
    await command('HDEL', key, 'dirty');
    await command('ZREM', dirtyKey, id);
    const next = await roomOf(id, new RoomStorage()).hosted.open();
    expect(next.code).toBe('kept');
    await next.flush();
    expect(await postgres.getSession(id)).toMatchObject({ code: 'kept' });
  });

  it('that Postgres knows is damaged when no room can have a greater one', async () => {
    const id = await newSession();
    const last = { term: MAX_TERM, text: 'x', count: COUNTS_PER_TERM - 1 };
    await stores.postgres.commit(makeCommit({ sessionId: id, ...last }));
    await expect(roomOf(id, new RoomStorage()).hosted.open()).rejects.toThrow(DamagedDataError);
  });

  it('of an older instance is refused in Redis, and its code not taken in Postgres', async () => {
    const { buffer, postgres, repository, flusher } = stores;
    const id = await newSession();
    const storage = new RoomStorage();
    const older = roomOf(id, storage);
    const live = await older.hosted.open();
    edit(live, 'older');
    await live.committed();
    const newer = await roomOf(id, storage).hosted.open();
    // Before the newer one has edited, too.
    edit(live, 'late');
    await vi.waitUntil(() => older.events.includes('superseded'), WAIT);
    expect(older.acknowledged).toEqual(['older']);
    edit(newer, 'newer');
    await newer.committed();
    await newer.flush();
    const late = makeCommit({ sessionId: id, text: 'late', count: 99, messages: [makeMessage()] });
    await expect(repository.commit(late)).rejects.toThrow(SupersededError);
    // Were Redis away, Postgres would not take it either.
    withoutRedis();
    await expect(repository.commit(late)).rejects.toThrow(SupersededError);
    vi.restoreAllMocks();
    await flusher.flushSession(id);
    expect(await postgres.getSession(id)).toMatchObject({ code: 'newer', rev: numberIn(2, 1) });
    expect(await buffer.read(id)).toMatchObject({ code: { code: 'newer' } });
  });

  it('goes on from the room’s storage after Redis has lost everything', async () => {
    const { command, flusher } = stores;
    const id = await newSession();
    const storage = new RoomStorage();
    const first = await roomOf(id, storage).hosted.open();
    edit(first, 'one');
    await first.committed();
    await flusher.flushSession(id);
    await command('FLUSHALL');
    const second = await roomOf(id, storage).hosted.open();
    expect(storage.record?.term).toBe(2);
    edit(second, 'two');
    await second.committed();
    expect(second.rev).toBe(numberIn(2, 1));
  });
});

describe('a room without a record in its storage', () => {
  it('opens when both stores answer, in a term that is greater than either knows', async () => {
    const { buffer, postgres } = stores;
    const id = await newSession();
    await postgres.commit(makeCommit({ sessionId: id, term: 4, text: 'stored' }));
    await buffer.open(id, 3, ANY_BYTES);
    await buffer.commit(makeCommit({ sessionId: id, term: 3, text: 'buffered', count: 9 }));
    const storage = new RoomStorage();
    const live = await roomOf(id, storage).hosted.open();
    expect([live.code, storage.record?.term]).toEqual(['stored', 5]);
  });

  it('opens with neither store missing, whatever that one would have said', async () => {
    const { postgres, buffer } = stores;
    const id = await newSession('start');
    await buffer.commit(makeCommit({ sessionId: id, text: 'buffered' }));
    const storage = new RoomStorage();
    const away = withoutRedis();
    await expect(roomOf(id, storage).hosted.open()).rejects.toThrow(StorageUnavailableError);
    away.mockRestore();
    const stored = vi.spyOn(postgres, 'getStored').mockRejectedValue(unavailable('postgres'));
    await expect(roomOf(id, storage).hosted.open()).rejects.toThrow(StorageUnavailableError);
    stored.mockRestore();
    const live = await roomOf(id, storage).hosted.open();
    expect(live.code).toBe('buffered');
  });

  it('is one of a session that was made elsewhere; where it was made, Postgres is known to hold all', async () => {
    const id = await newSession('start');
    const storage = new RoomStorage();
    withoutRedis();
    await expect(roomOf(id, storage).hosted.open()).rejects.toThrow(StorageUnavailableError);
    const created = new RoomStorage();
    const room = roomOf(id, created);
    await room.hosted.recordCreated();
    expect(created.record).toEqual({ term: 0, source: 'postgres', lastCommit: 0 });
    expect((await room.hosted.open()).code).toBe('start');
    // Made twice, it is the same session.
    await room.hosted.recordCreated();
    expect(created.record).toMatchObject({ term: 1 });
  });
});

describe('without Redis', () => {
  it.each(['answered', 'answer lost', 'late'])(
    'an edit reaches Postgres, and a later room’s goes over it: %s',
    async (fate) => {
      const { postgres, flusher } = stores;
      const id = await newSession();
      const storage = new RoomStorage();
      const first = await roomOf(id, storage).hosted.open();
      edit(first, 'first');
      await first.committed();
      await first.flush();
      expect(storage.record?.source).toBe('clean');

      const away = withoutRedis();
      const second = await roomOf(id, storage).hosted.open();
      expect(second.code).toBe('first');
      let arrive: () => Promise<unknown> = async () => {};
      const commit = makeCommit({ sessionId: id, term: 2, text: 'second', count: 7 });
      neonConfig.fetchFunction = async (...request: Parameters<typeof fetch>) => {
        if (fate === 'answered') return fetch(...request);
        arrive = () => fetch(...request);
        if (fate === 'answer lost') await arrive();
        throw new TypeError('fetch failed');
      };
      const sent = postgres.commit(commit);
      if (fate === 'answered') expect(await sent).toEqual({ durable: 'postgres' });
      else await expect(sent).rejects.toThrow(StorageUnavailableError);
      neonConfig.fetchFunction = undefined;
      away.mockRestore();

      // Nothing was acknowledged unless it was answered; then the record says so.
      if (fate === 'answered') await storage.put('', { term: 2, source: 'postgres', lastCommit: 0 });
      const third = await roomOf(id, storage).hosted.open();
      if (fate === 'answered') expect(third.code).toBe('second');
      edit(third, 'third');
      await third.committed();
      await flusher.flushSession(id);
      if (fate === 'late') await arrive();
      expect(await postgres.getSession(id)).toMatchObject({ code: 'third', rev: numberIn(3, 1) });
      edit(third, 'fourth');
      await third.committed();
      await flusher.flushSession(id);
      expect(await postgres.getSession(id)).toMatchObject({ code: 'fourth', rev: numberIn(3, 2) });
    },
  );
});

describe('where a room starts from', () => {
  it('is the newer of what both stores hold, when it has no record', async () => {
    const { postgres, repository } = stores;
    const id = await newSession();
    const receipts = (clientSeq: number) => ({
      'p/c': { clientSeq, requestIds: [], rev: rev(clientSeq), atMs: 1 },
    });
    await repository.commit(makeCommit({ sessionId: id, text: 'buffered', code: { receipts: receipts(1) } }));
    expect(await opened(id, 2, null)).toMatchObject({
      code: { code: 'buffered', rev: rev(1), receipts: receipts(1) },
      source: 'buffer',
      isBufferBehind: false,
    });
    // Postgres stood in for a moment.
    await postgres.commit(
      makeCommit({ sessionId: id, term: 2, text: 'stored', code: { receipts: receipts(2) } }),
    );
    expect(await opened(id, 3, null)).toMatchObject({
      code: { code: 'stored', rev: numberIn(2, 1), receipts: receipts(2) },
      flushedRev: numberIn(2, 1),
      isBufferBehind: true,
      source: null,
    });
  });

  it('is what is flushed, where the buffer has gone back to something older', async () => {
    const { postgres, repository, flusher, command } = stores;
    const id = await newSession();
    await opened(id, 1, null);
    const commit = (text: string, count: number) =>
      repository.commit(makeCommit({ sessionId: id, text, count }));
    await commit('older', 1);
    const earlier = await takeSnapshot(command);
    await commit('newer', 2);
    await flusher.flushSession(id);
    await goBackTo(earlier, command);
    // Twice: the first answer may be lost.
    for (const term of [2, 3]) {
      const record = { term: term - 1, source: 'clean', lastCommit: rev(2) } as const;
      expect(await opened(id, term, record)).toMatchObject({
        code: { code: 'newer', rev: rev(2) },
        flushedRev: rev(2),
        isBufferBehind: true,
      });
    }
    await flusher.flushSession(id);
    expect(await postgres.getSession(id)).toMatchObject({ code: 'newer', rev: rev(2) });
  });

  it('is recorded before anything is acknowledged, also where the last room did not live to record it', async () => {
    const { postgres, repository, flusher } = stores;
    const id = await newSession();
    let term = 1;
    const open = (source: RecoveryRecord['source'], lastCommit = 0) => {
      term += 1;
      return opened(id, term, { term: term - 1, source, lastCommit });
    };
    expect(await opened(id, 1, null)).toMatchObject({ source: 'postgres', isBufferBehind: true });
    await repository.commit(makeCommit({ sessionId: id, text: 'one' }));
    for (const source of ['clean', 'postgres', 'buffer', null] as const) {
      expect(await open(source)).toMatchObject({ code: { code: 'one' }, source: 'buffer' });
    }
    await flusher.flushSession(id);
    for (const source of ['clean', 'postgres', null] as const) {
      expect(await open(source)).toMatchObject({ code: { code: 'one' }, source: 'clean' });
    }
    await postgres.commit(makeCommit({ sessionId: id, term, text: 'two' }));
    expect(await open('postgres')).toMatchObject({ code: { code: 'two' }, source: 'postgres' });
  });

  it('is Postgres where that is ahead of the buffer, for readers too', async () => {
    const { buffer, postgres, repository, flusher } = stores;
    const id = await newSession();
    const [early, late] = [makeMessage({ position: 1 }), makeMessage({ position: 2 })];
    await repository.commit(makeCommit({ sessionId: id, text: 'fifty', count: 50, messages: [early] }));
    // The room's later commits went to Postgres.
    await postgres.commit(makeCommit({ sessionId: id, text: 'sixty', count: 60, messages: [early, late] }));
    const look = async () => {
      expect(await repository.getSession(id)).toMatchObject({ code: 'sixty', rev: rev(60) });
      expect(await repository.getMessages(id, { limit: 9 })).toEqual([early, late]);
    };
    await look();
    expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, flushedRev: rev(60) });
    expect(await postgres.getSession(id)).toMatchObject({ code: 'sixty', rev: rev(60) });
    await look();
    expect(await buffer.read(id)).toMatchObject({ code: { rev: rev(50) }, flushedRev: rev(60) });
    // The buffer knows now that its copy is older, whatever the room's record says.
    for (const [i, source] of (['buffer', 'clean', 'postgres', null] as const).entries()) {
      expect(await opened(id, 2 + i, { term: 1 + i, source, lastCommit: 0 })).toMatchObject({
        code: { code: 'sixty', rev: rev(60) },
        isBufferBehind: true,
      });
    }
  });

  it('is the newest edit, though a Worker died between writing the one before and settling it', async () => {
    const { buffer, postgres, repository, flusher } = stores;
    const id = await newSession();
    await postgres.commit(makeCommit({ sessionId: id, text: 'an earlier room’s', count: 9 }));
    await buffer.open(id, 2, ANY_BYTES);
    await buffer.commit(makeCommit({ sessionId: id, term: 2, text: 'fifth', count: 5 }));
    const code = (await buffer.read(id)).code;
    const [outcome] = await postgres.writeSessions([{ sessionId: id, code, messages: [] }]);
    expect(outcome).toMatchObject({ rev: numberIn(2, 5) });
    // Killed here.
    await buffer.commit(makeCommit({ sessionId: id, term: 2, text: 'sixth', count: 6 }));
    expect(await repository.getSession(id)).toMatchObject({ code: 'sixth', rev: numberIn(2, 6) });
    expect(await flusher.flushSession(id)).toMatchObject({ isDirty: false, flushedRev: numberIn(2, 6) });
    expect(await postgres.getSession(id)).toMatchObject({ code: 'sixth', rev: numberIn(2, 6) });
    const record = { term: 2, source: 'clean', lastCommit: numberIn(2, 6) } as const;
    expect(await opened(id, 3, record)).toMatchObject({ code: { code: 'sixth', rev: numberIn(2, 6) } });
  });
});

describe('an edit that its room did not live to hear of', () => {
  /** The buffer takes an edit whose answer is lost; the next room starts from Postgres without it. */
  async function unheard(id: string, storage: RoomStorage): Promise<void> {
    const first = await roomOf(id, storage).hosted.open();
    edit(first, 'heard');
    await first.committed();
    await first.flush();
    expect(storage.record?.source).toBe('clean');
    const receipt = { clientSeq: 0, requestIds: ['unheard'], rev: rev(2), atMs: Date.now() };
    const code = { receipts: { 'p/lost': receipt } };
    await stores.buffer.commit(makeCommit({ sessionId: id, text: 'unheard', count: 2, code }));
  }

  it('is taken when it is sent again to a later room, though the buffer has a receipt for it', async () => {
    const id = await newSession();
    const storage = new RoomStorage();
    await unheard(id, storage);
    const away = withoutRedis();
    const second = await roomOf(id, storage).hosted.open();
    expect(second.code).toBe('heard');
    edit(second, 'in Postgres');
    await second.committed();
    away.mockRestore();
    edit(second, 'in the buffer');
    await second.committed();
    expect(storage.record?.source).toBe('buffer');

    const third = await roomOf(id, storage).hosted.open();
    expect(third.code).toBe('in the buffer');
    expect(edit(third, 'unheard', 'lost')).not.toBeNull();
    expect(third.code).toBe('unheard');
  });

  it('that is flushed under a room which lacks it is gone over, and its receipt with it', async () => {
    const { flusher, postgres, buffer } = stores;
    const id = await newSession();
    const storage = new RoomStorage();
    await unheard(id, storage);
    const away = withoutRedis();
    const second = await roomOf(id, storage).hosted.open();
    away.mockRestore();
    // The buffer keeps the greater revision, so it doesn't take the older code that comes with this message.
    second.addMessage('c', { ...makeMessage(), content: 'hello' });
    await second.committed();
    await flusher.flushSession(id);
    await second.flush();
    await second.committed();
    await second.flush();
    expect(second.code).toBe('heard');
    expect(await postgres.getSession(id)).toMatchObject({ code: 'heard', rev: numberIn(2, 1) });
    for (const held of [(await buffer.read(id)).code, await postgres.getStored(id)]) {
      expect([held?.code, Object.keys(held?.receipts ?? {})]).toEqual(['heard', ['p/c']]);
    }
    const third = await roomOf(id, storage).hosted.open();
    expect(edit(third, 'unheard', 'lost')).not.toBeNull();
  });
});

describe('a room that finds more messages than it may hold', () => {
  const many = async (id: string) => {
    const messages = Array.from({ length: LARGE.count }, (_, i) =>
      makeMessage({ content: 'm'.repeat(LARGE.chars), position: i + 1 }),
    );
    for (let at = 0; at < messages.length; at += 15) {
      const batch = messages.slice(at, at + 15);
      await stores.buffer.commit(
        makeCommit({ sessionId: id, text: 'with them', attempt: at + 1, messages: batch }),
      );
    }
    return messages.map((message) => message.id);
  };

  it('flushes them before anybody is let in, and then holds the whole tail', async () => {
    const { postgres } = stores;
    const id = await newSession();
    const ids = await many(id);
    const storage = new RoomStorage();
    const stored: string[][] = [];
    const room = roomOf(id, storage, {
      onOpened: async () => {
        // A page has no more than an answer of Postgres' may have.
        const found: string[] = [];
        for (let afterPosition = 0, hasMore = true; hasMore; ) {
          const page = await postgres.getMessagesPage(id, { limit: 100, afterPosition });
          found.push(...page.messages.map((message) => message.id));
          afterPosition = page.messages.at(-1)?.position ?? afterPosition;
          ({ hasMore } = page);
        }
        stored.push(found);
      },
    });
    const live = await room.hosted.open();
    expect(stored).toEqual([ids]);
    expect(live.code).toBe('with them');
    withoutRedis();
    edit(live, 'one');
    await live.committed();
    expect(room.acknowledged).toEqual(['one']);
    expect(await postgres.getSession(id)).toMatchObject({ code: 'one', rev: numberIn(2, 1) });
  });

  it('acknowledges nothing without Redis while they can’t be flushed', async () => {
    const { postgres } = stores;
    const id = await newSession();
    await many(id);
    const room = roomOf(id, new RoomStorage(), {
      flush: async () => {
        throw unavailable('postgres');
      },
    });
    const live = await room.hosted.open();
    const away = withoutRedis();
    edit(live, 'one');
    await vi.waitUntil(() => room.events.includes('degraded'), WAIT);
    expect(live.degraded).toMatchObject({ reason: 'storage_unavailable' });
    expect(room.acknowledged).toEqual([]);
    expect((await postgres.getSession(id))?.rev).toBe(0);
    away.mockRestore();
    await live.committed();
    expect(room.acknowledged).toEqual(['one']);
    live.close();
  });
});
