/** Which store a session is opened from, where a commit goes, and what is read while a flush is at work. */
import { describe, expect, it } from 'vitest';
import { makeCommit } from '../../test/support/commits.ts';
import { makeOpened } from '../../test/support/live-session.ts';
import { makeMessage } from '../../test/support/messages.ts';
import {
  CommitsLostError,
  DamagedDataError,
  StorageUnavailableError,
  SupersededError,
} from '../domain/errors.ts';
import { numberIn } from '../domain/revision.ts';
import type { CodeWrite, MessagePage, RecoveryRecord, Session, TermTaken } from '../domain/types.ts';
import type { OpenedBuffer, SessionBuffer } from '../redis/session-buffer.ts';
import { BufferedSessionRepository } from './buffered-repository.ts';

type Postgres = ConstructorParameters<typeof BufferedSessionRepository>[0]['postgres'];

const TERM = 9;
const rev = (count: number) => numberIn(4, count);
const codeAt = (count: number): CodeWrite => ({
  code: `code ${count}`,
  rev: rev(count),
  editedAtMs: count,
  editorId: null,
  receipts: {},
  transport: null,
});
const storedAt = (count: number) => ({
  code: `stored ${count}`,
  rev: rev(count),
  receipts: {},
  transport: null,
});
const outage = async () => {
  throw new StorageUnavailableError('redis', 'down');
};

/** A repository that says which stores it asked. */
function repositoryOf(
  { buffer = {}, postgres = {} }: { buffer?: Partial<SessionBuffer>; postgres?: Partial<Postgres> },
  breaker = { failures: 1_000, retryMs: 1 },
) {
  const asked: string[] = [];
  const heard = <T extends object>(store: string, methods: T): T =>
    new Proxy(methods, {
      get: (target, name) => {
        asked.push(`${store}.${String(name)}`);
        return Reflect.get(target, name);
      },
    });
  const repository = new BufferedSessionRepository({
    buffer: heard('buffer', buffer) as SessionBuffer,
    postgres: heard('postgres', postgres) as Postgres,
    breaker,
  });
  return { repository, asked };
}

function openWith(
  found: {
    buffer?: Partial<OpenedBuffer> | TermTaken | Error;
    stored?: (ReturnType<typeof storedAt> & { newest?: number }) | null;
  },
  record: RecoveryRecord | null,
) {
  const { buffer = {}, stored = null } = found;
  const { repository, asked } = repositoryOf({
    buffer: {
      open: async () => {
        if (buffer instanceof Error) throw buffer;
        if (buffer.outcome === 'term_taken') return buffer;
        const nothing = { code: null, flushedRev: 0, isDirty: false, messages: [], lastCommit: 0 };
        return { ...nothing, isPartial: false, ...buffer, outcome: 'opened' };
      },
      redirty: async () => 1,
    },
    postgres: {
      open: async () => makeOpened({ source: 'postgres', isBufferBehind: true }),
      getStored: async () => stored && { newest: stored.rev, ...stored },
    },
  });
  return { opened: repository.open('s', TERM, record), asked };
}

const recordOf = (source: RecoveryRecord['source'], lastCommit = 0): RecoveryRecord => ({
  term: TERM - 1,
  source,
  lastCommit,
});

describe('opening without the buffer', () => {
  const buffer = new StorageUnavailableError('redis', 'down');

  it('starts from Postgres only what Postgres is known to hold', async () => {
    for (const source of ['postgres', 'clean'] as const) {
      const { opened, asked } = openWith({ buffer }, recordOf(source));
      expect(await opened).toMatchObject({
        source: 'postgres',
        isBufferBehind: true,
        bufferFailure: expect.stringContaining('down'),
      });
      expect(asked).toEqual(['buffer.open', 'postgres.open']);
    }
    // What the buffer may hold was acknowledged; going on without it would lose it.
    for (const record of [recordOf('buffer'), recordOf(null), null]) {
      const { opened, asked } = openWith({ buffer }, record);
      await expect(opened).rejects.toThrow(StorageUnavailableError);
      expect(asked).toEqual(['buffer.open']);
    }
  });

  it('is no answer to data that is damaged, which the next sweep looks at', async () => {
    const { opened, asked } = openWith({ buffer: new DamagedDataError('no number') }, recordOf('clean'));
    await expect(opened).rejects.toThrow(DamagedDataError);
    expect(asked).toEqual(['buffer.open', 'buffer.redirty']);
  });
});

describe('opening from the buffer alone', () => {
  it('asks Postgres for nothing when the buffer has the newest', async () => {
    for (const source of ['buffer', 'clean'] as const) {
      const buffer = { code: codeAt(3), flushedRev: rev(3), lastCommit: 7 };
      const { opened, asked } = openWith({ buffer }, recordOf(source, 7));
      expect(await opened).toEqual({
        outcome: 'opened',
        ...buffer,
        isDirty: false,
        messages: [],
        isPartial: false,
        isBufferBehind: false,
        source,
      });
      expect(asked).toEqual(['buffer.open']);
    }
  });

  it('says that the buffer has what Postgres lacks, though the record said that all was flushed', async () => {
    const buffer = { code: codeAt(3), flushedRev: rev(2), isDirty: true };
    const { opened } = openWith({ buffer }, recordOf('clean'));
    expect(await opened).toMatchObject({ source: 'buffer', isDirty: true });
  });

  it('says that not all messages are known', async () => {
    const buffer = { code: codeAt(3), isDirty: true, isPartial: true };
    const { opened } = openWith({ buffer }, recordOf('buffer'));
    expect(await opened).toMatchObject({ isPartial: true, isBufferBehind: false, source: 'buffer' });
  });
});

describe('opening from both stores', () => {
  const current = { code: codeAt(3), flushedRev: rev(3), lastCommit: 7 };

  it.each<[string, Partial<OpenedBuffer>, RecoveryRecord | null]>([
    ['takes the newer code where there is no record', current, null],
    ['takes the newer code where the record doesn’t say where the session is', current, recordOf(null)],
    ['takes the newer code where Postgres stood in last', current, recordOf('postgres')],
    ['takes the newer code where the buffer has no code', { lastCommit: 7 }, recordOf('buffer')],
    [
      'takes the newer code where the buffer knows that Postgres has newer code',
      { ...current, flushedRev: rev(4) },
      recordOf('clean'),
    ],
    [
      'takes the newer code where the buffer has gone back to something older',
      { ...current, lastCommit: 6 },
      recordOf('buffer', 7),
    ],
  ])('%s', async (_, buffer, record) => {
    const newer = openWith({ buffer, stored: storedAt(8) }, record);
    expect(await newer.opened).toMatchObject({
      code: storedAt(8),
      flushedRev: rev(8),
      isBufferBehind: true,
      source: 'postgres',
    });
    expect(newer.asked).toEqual(['buffer.open', 'postgres.getStored']);
    const older = await openWith({ buffer, stored: storedAt(1) }, record).opened;
    if (buffer.code) {
      expect(older).toMatchObject({ code: buffer.code, flushedRev: rev(1), isBufferBehind: false });
    } else {
      expect(older).toMatchObject({ code: storedAt(1), isBufferBehind: true });
    }
  });

  it.each<[isBehind: boolean, isDirty: boolean, source: RecoveryRecord['source']]>([
    [false, false, 'clean'],
    [false, true, 'buffer'],
    [true, false, 'postgres'],
    // With messages in the buffer and newer code in Postgres both have to be asked again.
    [true, true, null],
  ])('behind: %s, dirty: %s: the next room looks in %s', async (isBehind, isDirty, source) => {
    const stored = storedAt(isBehind ? 8 : 3);
    const { opened } = openWith({ buffer: { ...current, isDirty }, stored }, null);
    expect(await opened).toMatchObject({ isBufferBehind: isBehind, isDirty, source });
  });

  it('fails when Postgres can’t be asked', async () => {
    const { repository } = repositoryOf({
      buffer: { open: async () => ({ outcome: 'term_taken', term: 1 }) },
      postgres: { getStored: outage },
    });
    expect(await repository.open('s', TERM, null)).toEqual({ outcome: 'term_taken', term: 1 });
    const { repository: other } = repositoryOf({
      buffer: {
        open: async () => ({
          outcome: 'opened',
          isPartial: false,
          code: codeAt(3),
          flushedRev: rev(3),
          isDirty: false,
          messages: [],
          lastCommit: 0,
        }),
      },
      postgres: { getStored: outage },
    });
    await expect(other.open('s', TERM, null)).rejects.toThrow(StorageUnavailableError);
  });

  it('finds no session where Postgres has none', async () => {
    expect(await openWith({ stored: null }, null).opened).toBeNull();
  });
});

describe('a term that is taken', () => {
  it('is reported by the buffer, and nothing else is asked', async () => {
    const taken: TermTaken = { outcome: 'term_taken', term: 12 };
    const { opened, asked } = openWith({ buffer: taken }, recordOf('clean'));
    expect(await opened).toEqual(taken);
    expect(asked).toEqual(['buffer.open']);
  });

  it('is known from Postgres’ code, where the buffer has forgotten it', async () => {
    const stored = { code: 'x', rev: numberIn(TERM, 1), receipts: {}, transport: null };
    const { opened } = openWith({ stored }, null);
    expect(await opened).toEqual({ outcome: 'term_taken', term: TERM });
    const before = { ...stored, rev: numberIn(TERM - 1, 4_000_000) };
    expect(await openWith({ stored: before }, null).opened).toMatchObject({ outcome: 'opened' });
    // Or from messages that came without code.
    const said = { ...before, newest: numberIn(TERM + 2, 1) };
    expect(await openWith({ stored: said }, null).opened).toEqual({ outcome: 'term_taken', term: TERM + 2 });
  });
});

describe('a commit', () => {
  const load = { sweeperLeaseMs: 0, dirtySessions: 4 };
  const confirmed = { flushedRev: 0, isDirty: true, lastCommit: 1, load };
  const commit = makeCommit({ sessionId: 's', text: 'x' });
  const inPostgres = { commit: async () => ({ durable: 'postgres' }) as const };

  it('goes to the buffer alone', async () => {
    const { repository, asked } = repositoryOf({ buffer: { commit: async () => confirmed } });
    expect(await repository.commit(commit)).toEqual({ durable: 'buffer', ...confirmed });
    expect(asked).toEqual(['buffer.commit']);
  });

  it('goes to Postgres whole when the buffer fails', async () => {
    const given: unknown[] = [];
    const { repository } = repositoryOf({
      buffer: { commit: outage },
      postgres: {
        commit: async (whole) => {
          given.push(whole);
          return { durable: 'postgres' };
        },
      },
    });
    expect(await repository.commit(commit)).toEqual({ durable: 'postgres' });
    expect(given).toEqual([commit]);
  });

  it('never goes to Postgres without its whole tail', async () => {
    const { repository, asked } = repositoryOf({ buffer: { commit: outage }, postgres: inPostgres });
    await expect(repository.commit({ ...commit, tail: null })).rejects.toThrow(StorageUnavailableError);
    expect(asked).toEqual(['buffer.commit']);
  });

  it.each([new SupersededError('s'), new CommitsLostError('s'), new DamagedDataError('no number')])(
    'that the buffer refuses goes nowhere else: %s',
    async (refusal) => {
      const refuse = async () => {
        throw refusal;
      };
      const { repository, asked } = repositoryOf({ buffer: { commit: refuse }, postgres: inPostgres });
      await expect(repository.commit(commit)).rejects.toThrow(refusal);
      expect(asked).toEqual(['buffer.commit']);
    },
  );

  it('leaves a buffer alone that failed several times, unless that would be no ack', async () => {
    const { repository, asked } = repositoryOf(
      { buffer: { commit: outage }, postgres: inPostgres },
      { failures: 2, retryMs: 60_000 },
    );
    for (let i = 0; i < 3; i++) await repository.commit(commit);
    expect(asked.filter((what) => what === 'buffer.commit')).toHaveLength(2);
    await expect(repository.commit({ ...commit, tail: null })).rejects.toThrow(StorageUnavailableError);
  });
});

it('misses nothing that a flush takes from one store to the other between reading both', async () => {
  const message = makeMessage();
  const code: CodeWrite = {
    code: 'newest',
    rev: 2,
    editedAtMs: 5,
    editorId: null,
    receipts: {},
    transport: null,
  };
  const older = { id: 's', code: 'older', rev: 1, lastActivityMs: 1 } as Session;
  let isFlushed = false;
  // By the time that either has answered, the flush is through.
  const through = <T>(answer: T) => {
    isFlushed = true;
    return Promise.resolve(answer);
  };
  const nothing = { code: null, flushedRev: 0, isDirty: false, lastCommit: 0 };
  const buffered = { ...nothing, code, isDirty: true };
  const make = () => {
    isFlushed = false;
    return repositoryOf({
      buffer: {
        read: () => through(isFlushed ? nothing : buffered),
        readMessages: () => through({ messages: isFlushed ? [] : [message], isCut: false }),
      },
      postgres: {
        getSession: () => through(isFlushed ? { ...older, ...code } : older),
        readMessages: () => through({ messages: isFlushed ? [message] : [], isCut: false }),
      },
    }).repository;
  };
  expect(await make().getMessages('s', { limit: 10 })).toEqual([message]);
  expect(await make().getSession('s')).toMatchObject({ code: 'newest', rev: 2 });
});

it('shows no message behind a gap: where some of the buffer’s were too large, only those after them', async () => {
  const [one, two, three] = [1, 2, 3].map((position) => makeMessage({ position }));
  const page = (isCut: boolean) =>
    repositoryOf({
      buffer: { readMessages: async () => ({ messages: [three!], isCut }) },
      postgres: { readMessages: async () => ({ messages: [one!, two!], isCut: false }) },
    }).repository.getMessages('s', { limit: 10 });
  expect(await page(false)).toEqual([one, two, three]);
  expect(await page(true)).toEqual([three]);
});

it('says that there is more where a page is short for the size of its messages, in both directions', async () => {
  const [one, two, three] = [1, 2, 3].map((position) => makeMessage({ position }));
  const page = (isCut: boolean, over: Partial<MessagePage>) => {
    const isOnwards = over.afterPosition !== undefined;
    return repositoryOf({
      buffer: { readMessages: async () => ({ messages: [isOnwards ? one! : three!], isCut }) },
      postgres: {
        readMessages: async () => ({ messages: isOnwards ? [two!, three!] : [one!, two!], isCut: false }),
      },
    }).repository.getMessagesPage('s', { limit: 10, ...over });
  };
  expect(await page(true, {})).toEqual({ messages: [three], hasMore: true });
  expect(await page(true, { afterPosition: 0 })).toEqual({ messages: [one], hasMore: true });
  expect(await page(false, { limit: 3 })).toEqual({ messages: [one, two, three], hasMore: false });
  expect(await page(false, { limit: 2 })).toEqual({ messages: [two, three], hasMore: true });
  expect(await page(false, { limit: 2, afterPosition: 0 })).toEqual({ messages: [one, two], hasMore: true });
});

it('shows what is buffered over what Postgres has, unless that is newer', async () => {
  const read = (buffered: CodeWrite) =>
    repositoryOf({
      buffer: {
        read: async () => ({ code: buffered, flushedRev: 0, isDirty: true, lastCommit: 0 }),
      },
      postgres: {
        getSession: async () => ({ id: 's', code: 'stored', rev: rev(5), lastActivityMs: 3 }) as Session,
      },
    }).repository.getSession('s');
  expect(await read(codeAt(6))).toEqual({ id: 's', code: 'code 6', rev: rev(6), lastActivityMs: 6 });
  expect(await read(codeAt(5))).toMatchObject({ code: 'stored', rev: rev(5), lastActivityMs: 3 });
});
