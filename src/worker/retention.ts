/**
 * Deletes sessions that ended long ago, with their messages, participants and invites; those that were
 * abandoned have ended by then (`inactive-sessions.ts`). What is kept of browsers whose sign-in has expired
 * goes, too. It looks once a day, as each look is a query that wakes Postgres up, and goes on every quarter
 * of an hour while there are more than one turn deletes.
 */
import type { AccountRepository } from '../domain/accounts.ts';
import type { SessionDirectory } from '../domain/directory.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { RequestBudget } from '../domain/request-budget.ts';
import type { RedisScripts } from '../redis/client.ts';
import type { RoomCommand } from '../room/handlers/room-command.ts';
import { RoomRefusedError, RoomUnavailableError } from './room-client.ts';

/** Deleted in one turn at most: each costs a request to its room. */
const MAX_DELETED = 25;
/**
 * To ask whether it is due, to delete, to say that there are more or to delete browsers; and reserve for a
 * script or a connection.
 */
const OWN_REQUESTS = 5;
const MINUTE_MS = 60_000;
/** Turns in which it is asked whether it is due, of those that come each minute. */
const EVERY_MINUTES = 15;
const DAY_MS = 24 * 3_600_000;
/** A little less than a day, so that it doesn't move by a quarter of an hour each day. */
const PAUSE_MS = DAY_MS - EVERY_MINUTES * MINUTE_MS;

/** Whether it is time again, known to all instances. */
export interface RetentionMark {
  /** True once in each {@link PAUSE_MS}. @throws {StorageUnavailableError} */
  take(): Promise<boolean>;
  /** It is time again at once. @throws {StorageUnavailableError} */
  reset(): Promise<void>;
}

export function retentionMark(redis: RedisScripts, keyPrefix: string): RetentionMark {
  const key = `${keyPrefix}retention`;
  return {
    take: async () =>
      (await redis.call('retention', (client) => client.set(key, '1', { nx: true, px: PAUSE_MS }))) !== null,
    reset: async () => {
      await redis.call('retention', (client) => client.del(key));
    },
  };
}

export interface RetentionPorts {
  mark: RetentionMark;
  directory: Pick<SessionDirectory, 'deleteEnded'>;
  accounts: Pick<AccountRepository, 'deleteExpiredBrowsers'>;
  /** Each command to a room is one request of the turn. */
  room: {
    sendCommand(sessionId: string, command: Extract<RoomCommand, { kind: 'deleted' }>): Promise<number>;
  };
  budget: RequestBudget;
  /** After how many days a session is deleted that has ended: with nobody's account in it, and any other. */
  days: { anonymous: number; others: number };
}

export interface RetentionRun {
  deleted: number;
  /** Rooms that keep a few bytes of their own, as they couldn't be told. */
  untold: number;
  failure: string | null;
}

/**
 * @param scheduledMs when the turn was due, in milliseconds since the epoch.
 * @returns null when it isn't time.
 */
export async function deleteEnded(ports: RetentionPorts, scheduledMs: number): Promise<RetentionRun | null> {
  const { mark, directory, accounts, room, budget, days } = ports;
  if (Math.floor(scheduledMs / MINUTE_MS) % EVERY_MINUTES !== 0) return null;
  const max = Math.min(MAX_DELETED, budget.left - OWN_REQUESTS);
  if (max < 1) return null;
  const run: RetentionRun = { deleted: 0, untold: 0, failure: null };
  try {
    if (!(await mark.take())) return null;
    const deleted = await directory.deleteEnded(days, max);
    run.deleted = deleted.length;
    // With more sessions to come browsers wait for the last turn.
    if (deleted.length === max) await mark.reset();
    else await accounts.deleteExpiredBrowsers(scheduledMs);
    for (const id of deleted) {
      if (!budget.affords(1)) {
        run.untold += 1;
        continue;
      }
      budget.spend();
      await room.sendCommand(id, { kind: 'deleted' }).catch((error: unknown) => {
        if (!(error instanceof RoomUnavailableError || error instanceof RoomRefusedError)) throw error;
        run.untold += 1;
      });
    }
  } catch (error) {
    if (!(error instanceof StorageUnavailableError)) throw error;
    run.failure = error.message;
  }
  return run;
}
