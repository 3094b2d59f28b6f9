/** Both stores and what is wired over them, on the embedded engines, in this process. */

import { connectNeon } from '../../src/postgres/client.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import type { SessionBuffer } from '../../src/redis/session-buffer.ts';
import { BufferedSessionRepository } from '../../src/write-behind/buffered-repository.ts';
import { Flusher } from '../../src/write-behind/flusher.ts';
import { type BufferFixture, startBuffer } from './buffer.ts';
import { startPostgresFront } from './postgres.ts';

const AN_HOUR_MS = 3_600_000;

export interface Stores {
  buffer: SessionBuffer;
  postgres: PostgresSessionRepository;
  /** Asks the buffer each time, however often it failed before. */
  repository: BufferedSessionRepository;
  flusher: Flusher;
  /** Sends one command to the buffer's Redis. */
  command: BufferFixture['command'];
  stop(): Promise<void>;
}

export async function startStores(): Promise<Stores> {
  const redis = await startBuffer('embedded');
  const front = await startPostgresFront('any');
  const { buffer, command } = redis;
  const postgres = new PostgresSessionRepository(connectNeon({ ...front, timeoutMs: 20_000 }));
  return {
    buffer,
    command,
    postgres,
    repository: new BufferedSessionRepository({
      buffer,
      postgres,
      breaker: { failures: 100, retryMs: 0 },
    }),
    flusher: new Flusher({
      buffer,
      writer: postgres,
      bounds: { maxSessions: 10, maxBytes: 100_000 },
      sweepAbove: 1,
      staleAfterMs: 10_000,
      intervalMs: 1,
      leaseMs: 1_000,
      inactivity: { afterMs: AN_HOUR_MS, everyMs: AN_HOUR_MS },
    }),
    stop: async () => {
      await front.stop();
      await redis.stop();
    },
  };
}
