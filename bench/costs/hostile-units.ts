/** What one session, one entry and one commit cost, measured on the whole system: a few of each. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Storage } from '../../src/compose.ts';
import { numberIn } from '../../src/domain/revision.ts';
import { MAX_CODE_BYTES } from '../../src/protocol/limits.ts';
import type { Flusher } from '../../src/write-behind/flusher.ts';
import type { Stack } from '../../test/support/stack.ts';
import { readFronts } from '../measure/fronts.ts';
import { COUNTERS_LAG_MS, PostgresMeter } from '../measure/postgres.ts';
import { RedisMeter } from '../measure/redis.ts';

const SESSIONS = 20;
const ENTRIES = 20;
const COMMITS = 60;

export interface UnitCost {
  /** A script counts as one. */
  redisCommands: number;
  /** By all that scripts call; as above where that can't be counted. */
  redisCommandsInScripts: number;
  redisBytes: number;
  postgresTransactions: number;
  rowsWritten: number;
  walBytes: number;
}

export interface UnitCosts {
  session: UnitCost;
  entry: UnitCost;
  /** Of a whole new code of the greatest length, flushed by itself. */
  commit: UnitCost;
}

const createdSchema = z.object({ id: z.string(), token: z.string() });

export async function measureUnits(
  stack: Stack,
  { storage, flusher }: { storage: Pick<Storage, 'buffer'>; flusher: Pick<Flusher, 'flushSession'> },
): Promise<UnitCosts> {
  const redis = stack.redisUrl === null ? null : new RedisMeter(stack.redisUrl, stack.keyPrefix);
  const postgres = new PostgresMeter(stack.databaseUrl);
  const read = async () => {
    // Postgres' counters lag behind.
    await new Promise((resolve) => setTimeout(resolve, COUNTERS_LAG_MS));
    return {
      fronts: await readFronts(stack),
      inScripts: (await redis?.counters())?.commands ?? null,
      rows: await postgres.counters(),
    };
  };
  const costOf = async (times: number, task: () => Promise<void>): Promise<UnitCost> => {
    const before = await read();
    await task();
    const after = await read();
    const each = (total: number) => total / times;
    const redisCommands = each(after.fronts.redisCommands - before.fronts.redisCommands);
    return {
      redisCommands,
      redisCommandsInScripts:
        after.inScripts === null || before.inScripts === null
          ? redisCommands
          : each(after.inScripts - before.inScripts),
      redisBytes: each(after.fronts.redisBytes - before.fronts.redisBytes),
      postgresTransactions: each(after.fronts.neonTransactions - before.fronts.neonTransactions),
      rowsWritten: each(after.rows.rowsWritten - before.rows.rowsWritten),
      walBytes: each(after.rows.walBytes - before.rows.walBytes),
    };
  };
  const ask = async (path: string, body: object, token?: string): Promise<unknown> => {
    const response = await fetch(`${stack.url}/api/v1${path}`, {
      method: 'POST',
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };
  try {
    const made = createdSchema.parse(await ask('/sessions', { title: 'first' }));
    const invite = z
      .object({ token: z.string() })
      .parse(await ask(`/sessions/${made.id}/invite`, { role: 'co-author' }, made.token));
    const session = await costOf(SESSIONS, async () => {
      for (let i = 0; i < SESSIONS; i++) await ask('/sessions', { title: 'x', code: randomText() });
    });
    const entry = await costOf(ENTRIES, async () => {
      for (let i = 0; i < ENTRIES; i++) {
        await ask('/sessions/join', { invite_token: invite.token, display_name: `No ${i}` });
      }
    });
    const commit = await costOf(COMMITS, async () => {
      const { id } = made;
      // Of a term that no room will come to.
      const term = 1_000;
      await storage.buffer.open(id, term, 1_000_000);
      for (let count = 1; count <= COMMITS; count++) {
        const rev = numberIn(term, count);
        await storage.buffer.commit({
          sessionId: id,
          term,
          attempt: rev,
          expectedLast: 0,
          flushedRev: 0,
          wantsLoad: false,
          messages: [],
          tail: null,
          code: {
            code: randomText(),
            rev,
            editedAtMs: Date.now(),
            editorId: null,
            edits: 1,
            base: null,
            receipts: {},
            transport: null,
            replacesReceipts: false,
          },
        });
        await flusher.flushSession(id);
      }
    });
    return { session, entry, commit };
  } finally {
    redis?.close();
    await postgres.close();
  }
}

/** Of the greatest length, and nothing in it that compresses well. */
function randomText(): string {
  let text = '';
  while (text.length < MAX_CODE_BYTES) text += randomUUID();
  return text.slice(0, MAX_CODE_BYTES);
}
