/**
 * Ending sessions in which nothing has happened for long: flushed first, ended in Postgres, then their rooms
 * are told. Repeating any of it is harmless. What fails, and what the turn has no requests left for, is done
 * at the next look.
 */

import type { SessionDirectory } from '../domain/directory.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { PeopleRepository } from '../domain/people.ts';
import type { RequestBudget } from '../domain/request-budget.ts';
import type { SessionBuffer } from '../redis/session-buffer.ts';
import type { RoomCommand } from '../room/handlers/room-command.ts';
import type { Flusher } from '../write-behind/flusher.ts';
import { RoomRefusedError, RoomUnavailableError } from './room-client.ts';

/** What people who are still connected are told. */
const ENDED_BY_SILENCE = 'nothing has happened in this session for a long time';
/** Requests to rooms at a time: what a Worker may have open. */
const ROOMS_AT_ONCE = 6;
/** Sessions that Postgres knows to be inactive and the buffer hasn't heard of, taken in at each look. */
const MAX_ADOPTED = 200;

/**
 * What ending sessions costs in requests, besides one a session: read what is dirty of them, end them in
 * Postgres, note it in Redis. Half of it is for what happens now and then: that Redis doesn't have a script
 * yet, or that a connection broke.
 */
const ENDING_REQUESTS = 6;
/** Note in Redis what has been ended. */
const RETIRE_REQUESTS = 2;
/** Find what the buffer hasn't heard of, take it in, delete places that have expired. */
const UPKEEP_REQUESTS = 3;
/** What a turn leaves over for {@link endInactive}, besides one request a session. */
export const INACTIVE_REQUESTS = ENDING_REQUESTS + UPKEEP_REQUESTS;

export interface InactivePorts {
  flusher: Pick<Flusher, 'flushSessions'>;
  buffer: Pick<SessionBuffer, 'adopt' | 'retire'>;
  directory: Pick<SessionDirectory, 'endInactive' | 'inactive'>;
  people: Pick<PeopleRepository, 'deleteExpired'>;
  /** Each room that is told is a request of the turn's. */
  room: { tell(sessionId: string, news: Extract<RoomCommand, { kind: 'ended' }>): Promise<number> };
  /** Of this turn; the stores' requests are counted in it by their clients. */
  budget: RequestBudget;
  /** Time without activity after which a session is inactive. */
  afterMs: number;
}

export interface InactiveRun {
  /** Sessions that have ended, now or before, and whose rooms have been told. */
  ended: number;
  /** Rooms that could not be told. */
  untold: number;
  /** Sessions for which no requests were left. */
  left: number;
  /** Places of anonymous people that had expired. */
  expired: number;
  /** What cut it short, or null. */
  failure: string | null;
}

/** @param sessionIds sessions in which nothing has happened, as far as the buffer knows. */
export async function endInactive(sessionIds: readonly string[], ports: InactivePorts): Promise<InactiveRun> {
  const run: InactiveRun = { ended: 0, untold: 0, left: 0, expired: 0, failure: null };
  const { flusher, buffer, directory, people, room, budget, afterMs } = ports;
  const chosen = sessionIds.slice(0, Math.max(0, budget.left - ENDING_REQUESTS));
  run.left = sessionIds.length - chosen.length;
  if (chosen.length === 0) return run;
  try {
    const clean = await flusher.flushSessions(chosen, budget);
    const outcomes = await directory.endInactive(clean, afterMs);
    const settled: { id: string; lastActivityMs: number | null }[] = [];
    await eachOf(outcomes, ROOMS_AT_ONCE, async ({ sessionId, status, lastActivityMs }) => {
      if (status === 'ended') {
        // Flushing some of them may have cost more than they were counted for.
        if (!budget.affords(1 + RETIRE_REQUESTS)) {
          run.left += 1;
          return;
        }
        budget.spend();
        if (!(await isTold(room, sessionId))) {
          run.untold += 1;
          return;
        }
        run.ended += 1;
      }
      settled.push({ id: sessionId, lastActivityMs: status === 'active' ? lastActivityMs : null });
    });
    await buffer.retire(settled, { afterMs });
    if (!budget.affords(UPKEEP_REQUESTS)) return run;
    // Those that no room ever opened, or that were forgotten with everything else in the buffer: the next
    // look finds them.
    await buffer.adopt(await directory.inactive(afterMs, MAX_ADOPTED));
    run.expired = await people.deleteExpired();
  } catch (error) {
    if (!(error instanceof StorageUnavailableError)) throw error;
    run.failure = error.message;
  }
  return run;
}

async function isTold(room: InactivePorts['room'], sessionId: string): Promise<boolean> {
  try {
    await room.tell(sessionId, { kind: 'ended', reason: ENDED_BY_SILENCE });
    return true;
  } catch (error) {
    if (error instanceof RoomUnavailableError || error instanceof RoomRefusedError) return false;
    throw error;
  }
}

/** Runs `act` on each entry, at most `atOnce` of them at a time. */
async function eachOf<T>(
  entries: readonly T[],
  atOnce: number,
  act: (entry: T) => Promise<void>,
): Promise<void> {
  const rest = entries.values();
  const work = async () => {
    for (const entry of rest) await act(entry);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
