/** Where a room starts from when the buffer is out of reach, and what is read while a flush is at work. */
import { expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { Home, OpenedSession, Session, SessionRepository } from '../domain/types.ts';
import type { SessionBuffer } from '../redis/session-buffer.ts';
import { BufferedSessionRepository } from './buffered-repository.ts';

const inPostgres: OpenedSession = {
  session: { id: 's', code: 'in Postgres', rev: 3, epoch: 1 },
  epoch: 2,
  flushedRev: 3,
  isDirty: false,
  lastMessageMs: 0,
  lastCommit: 0,
  home: 'postgres',
  receipts: {},
  messages: [],
};

function repositoryOf(buffer: Partial<SessionBuffer>, postgres: Partial<SessionRepository>) {
  return new BufferedSessionRepository({
    buffer: buffer as SessionBuffer,
    postgres: postgres as SessionRepository,
    breaker: { failures: 1, retryMs: 1 },
  });
}

function repositoryWithoutRedis(): BufferedSessionRepository {
  return repositoryOf(
    {
      open: async () => {
        throw new StorageUnavailableError('redis', 'down');
      },
    },
    {
      open: async (_id, _home, known, noteStandIn) => {
        await noteStandIn?.(known?.epoch ?? 0);
        return inPostgres;
      },
    },
  );
}

it('starts from Postgres only what Postgres is known to hold', async () => {
  const noted: number[] = [];
  const open = (home: Home | null) =>
    repositoryWithoutRedis().open(
      's',
      home,
      { epoch: 7, lastCommit: 0 },
      async (epoch) => void noted.push(epoch),
    );
  for (const home of ['postgres', 'clean'] as const) {
    expect(await open(home)).toEqual(inPostgres);
  }
  expect(noted).toEqual([7, 7]);
  // What the buffer may hold was acknowledged; going on without it would lose it.
  for (const home of ['buffer', 'both', null] as const) {
    await expect(open(home)).rejects.toThrow(StorageUnavailableError);
  }
  expect(noted).toHaveLength(2);
});

it('misses nothing that a flush takes from one store to the other between reading both', async () => {
  const message = makeMessage();
  const code = { code: 'newest', rev: 2, epoch: 1, editedAtMs: 1, editorId: null };
  const older = { id: 's', code: 'older', rev: 1, lift: 0, epoch: 1, lastActivityMs: 1 } as Session;
  let isFlushed = false;
  // By the time that either has answered, the flush is through.
  const through = <T>(answer: T) => {
    isFlushed = true;
    return Promise.resolve(answer);
  };
  const nothing = {
    code: null,
    isCodeUnflushed: false,
    flushedRev: 0,
    messages: [],
    receipts: {},
    codeEpoch: 1,
    lastMessageMs: 0,
    lastCommit: 0,
  };
  const held = { ...nothing, code, isCodeUnflushed: true, messages: [message] };
  const make = () => {
    isFlushed = false;
    return repositoryOf(
      { read: () => through(isFlushed ? nothing : held) },
      {
        getSession: () => through(isFlushed ? { ...older, ...code } : older),
        getMessages: () => through(isFlushed ? [message] : []),
      },
    );
  };
  expect(await make().getMessages('s', { limit: 10 })).toEqual([message]);
  expect(await make().getSession('s')).toMatchObject({ code: 'newest', rev: 2 });
});
