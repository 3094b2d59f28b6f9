/**
 * Ends sessions in which nothing has happened for long: it flushes them, ends them in Postgres, and sends
 * their rooms the command. Repeating any of it is harmless. The next check does what fails, and what the turn
 * has no requests left for.
 */

import type { SessionDirectory } from '../domain/directory.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { PeopleRepository } from '../domain/people.ts';
import type { RequestBudget } from '../domain/request-budget.ts';
import type { SessionBuffer } from '../redis/session-buffer.ts';
import type { RoomCommand } from '../room/handlers/room-command.ts';
import type { Flusher } from '../write-behind/flusher.ts';
import { RoomRefusedError, RoomUnavailableError } from './room-client.ts';

/** What participants who are still connected are told. */
const ENDED_BY_INACTIVITY = 'nothing has happened in this session for a long time';
/** Requests to rooms at a time: a Worker may have six connections open. */
const ROOMS_AT_ONCE = 6;
/** Inactive sessions that the buffer doesn't know, tracked at each check. */
const MAX_TRACKED = 200;

/**
 * The requests that ending sessions costs, besides one for each: to read what is dirty of them, to end them
 * in Postgres, to untrack them in Redis. Half of them is reserve: Redis may not have a script yet, or a
 * connection may break.
 */
const ENDING_REQUESTS = 6;
/** To untrack in Redis the sessions that have ended. */
const UNTRACK_REQUESTS = 2;
/** To find sessions that the buffer doesn't know, to track them, to delete memberships that have expired. */
const UPKEEP_REQUESTS = 3;
/** The requests that a turn leaves for {@link endInactive}, besides one for each session. */
export const INACTIVE_REQUESTS = ENDING_REQUESTS + UPKEEP_REQUESTS;

export interface InactivePorts {
  flusher: Pick<Flusher, 'flushSessions'>;
  buffer: Pick<SessionBuffer, 'track' | 'untrack'>;
  directory: Pick<SessionDirectory, 'endInactive' | 'inactive'>;
  people: Pick<PeopleRepository, 'deleteExpired'>;
  /** Each command to a room is one request of the turn. */
  room: { sendCommand(sessionId: string, command: Extract<RoomCommand, { kind: 'ended' }>): Promise<number> };
  /** Of this turn. The clients of the stores count their requests in it. */
  budget: RequestBudget;
  /** Time without activity after which a session is inactive. */
  afterMs: number;
}

export interface InactiveRun {
  /** Sessions that have ended, now or before, and whose rooms know it. */
  ended: number;
  /** Rooms that didn't get the command. */
  untold: number;
  /** Sessions for which no requests were left. */
  left: number;
  /** Memberships of anonymous participants that had expired. */
  expired: number;
  /** The failure that ended the check early, or null. */
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
        // To flush some of them may have cost more requests than were planned.
        if (!budget.affords(1 + UNTRACK_REQUESTS)) {
          run.left += 1;
          return;
        }
        budget.spend();
        if (!(await sendEnded(room, sessionId))) {
          run.untold += 1;
          return;
        }
        run.ended += 1;
      }
      settled.push({ id: sessionId, lastActivityMs: status === 'active' ? lastActivityMs : null });
    });
    await buffer.untrack(settled, { afterMs });
    if (!budget.affords(UPKEEP_REQUESTS)) return run;
    // Sessions that no room ever opened, or that the buffer lost with everything else: the next check finds
    // them.
    await buffer.track(await directory.inactive(afterMs, MAX_TRACKED));
    run.expired = await people.deleteExpired();
  } catch (error) {
    if (!(error instanceof StorageUnavailableError)) throw error;
    run.failure = error.message;
  }
  return run;
}

async function sendEnded(room: InactivePorts['room'], sessionId: string): Promise<boolean> {
  try {
    await room.sendCommand(sessionId, { kind: 'ended', reason: ENDED_BY_INACTIVITY });
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
