/** Where a room starts from when the buffer is out of reach. */
import { expect, it } from 'vitest';
import { BufferedSessionRepository } from '../../src/buffer/buffered-repository.ts';
import type { SessionBuffer } from '../../src/buffer/session-buffer.ts';
import { StorageUnavailableError } from '../../src/sessions/errors.ts';
import type { Home, OpenedSession, SessionRepository } from '../../src/sessions/types.ts';

const inPostgres: OpenedSession = {
  session: { id: 's', code: 'in Postgres', rev: 3, epoch: 1 },
  epoch: 2,
  flushedRev: 3,
  isDirty: false,
  lastMessageMs: 0,
  receipts: {},
  messages: [],
};

function repositoryWithoutRedis(): BufferedSessionRepository {
  const buffer = {
    open: async () => {
      throw new StorageUnavailableError('redis', 'down');
    },
  } as unknown as SessionBuffer;
  const postgres = {
    open: async (...[, , leastEpoch, noteStandIn]: Parameters<SessionRepository['open']>) => {
      await noteStandIn?.(leastEpoch ?? 0);
      return inPostgres;
    },
  } as unknown as SessionRepository;
  return new BufferedSessionRepository({ buffer, postgres, breaker: { failures: 1, retryMs: 1 } });
}

it('starts from Postgres only what Postgres is known to hold', async () => {
  const noted: number[] = [];
  const open = (home: Home | null) =>
    repositoryWithoutRedis().open('s', home, 7, async (epoch) => void noted.push(epoch));
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
