/** Whether storage holds what was acknowledged. Pure. */
import type { RoomOutcome } from '../load/plan.ts';
import type { StoredMessage, StoredSession } from '../measure/postgres.ts';

export interface Check {
  sessions: number;
  /** Sessions of which storage lacks the last acknowledged state. */
  sessionsLost: number;
  /** People whose own text isn't what was typed. */
  diverged: number;
  messages: number;
  messagesLost: number;
  /** Messages that storage holds more than once. */
  messagesDoubled: number;
}

/**
 * Compares what people were told with what is stored. Storage may be ahead of the last acknowledgement only
 * where edits were sent after it.
 */
export function check(
  rooms: readonly RoomOutcome[],
  stored: ReadonlyMap<string, StoredSession>,
  messages: ReadonlyMap<string, StoredMessage>,
): Check {
  const result: Check = {
    sessions: rooms.length,
    sessionsLost: 0,
    diverged: 0,
    messages: 0,
    messagesLost: 0,
    messagesDoubled: 0,
  };
  for (const room of rooms) {
    if (room.newest && !holds(room, room.newest, stored.get(room.id))) result.sessionsLost += 1;
    result.diverged += room.diverged;
    for (const id of room.messages) {
      result.messages += 1;
      const message = messages.get(id);
      if (!message) result.messagesLost += 1;
      else if (message.copies > 1) result.messagesDoubled += 1;
    }
  }
  return result;
}

function holds(
  { isFinal }: RoomOutcome,
  newest: NonNullable<RoomOutcome['newest']>,
  stored: StoredSession | undefined,
): boolean {
  if (!stored) return false;
  if (stored.digest === newest.digest) return true;
  return !isFinal && stored.rev > newest.rev;
}
