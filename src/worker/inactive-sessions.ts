/**
 * Ending sessions in which nothing has happened for long: flushed first, ended in Postgres, then their rooms are told. Repeating
 * any of it is harmless, and what fails is done at the next look.
 */
import type { Flusher } from '../buffer/flusher.ts';
import type { SessionBuffer } from '../buffer/session-buffer.ts';
import type { SessionDirectory } from '../sessions/directory.ts';
import { StorageUnavailableError } from '../sessions/errors.ts';
import type { PeopleRepository } from '../sessions/people.ts';
import { type RoomClient, RoomRefusedError, RoomUnavailableError } from './room-client.ts';

/** What people who are still connected are told. */
const ENDED_BY_SILENCE = 'nothing has happened in this session for a long time';
/** Requests to rooms at a time: what a Worker may have open. */
const ROOMS_AT_ONCE = 6;
/** Sessions that Postgres knows to be inactive and the buffer hasn't heard of, taken in at each look. */
const MAX_ADOPTED = 200;

export interface InactivePorts {
  flusher: Pick<Flusher, 'flushSessions'>;
  buffer: Pick<SessionBuffer, 'adopt' | 'retire'>;
  directory: Pick<SessionDirectory, 'endInactive' | 'inactive'>;
  people: Pick<PeopleRepository, 'deleteExpired'>;
  room: Pick<RoomClient, 'tell'>;
  /** Time without activity after which a session is inactive. */
  afterMs: number;
}

export interface InactiveRun {
  /** Sessions that have ended, now or before, and whose rooms have been told. */
  ended: number;
  /** Rooms that could not be told. */
  untold: number;
  /** Places of anonymous people that had expired. */
  expired: number;
  /** What cut it short, or null. */
  failure: string | null;
}

/** @param sessionIds sessions in which nothing has happened, as far as the buffer knows. */
export async function endInactive(sessionIds: readonly string[], ports: InactivePorts): Promise<InactiveRun> {
  const run: InactiveRun = { ended: 0, untold: 0, expired: 0, failure: null };
  const { flusher, buffer, directory, people, room, afterMs } = ports;
  try {
    const clean = await flusher.flushSessions(sessionIds);
    const outcomes = await directory.endInactive(clean, afterMs);
    const settled: { id: string; lastActivityMs: number | null }[] = [];
    await eachOf(outcomes, ROOMS_AT_ONCE, async ({ sessionId, status, lastActivityMs }) => {
      if (status === 'ended') {
        if (!(await isTold(room, sessionId))) {
          run.untold += 1;
          return;
        }
        run.ended += 1;
      }
      settled.push({ id: sessionId, lastActivityMs: status === 'active' ? lastActivityMs : null });
    });
    await buffer.retire(settled, { afterMs });
    // Those that no room ever opened, or that were forgotten with everything else in the buffer: the next look finds them.
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
