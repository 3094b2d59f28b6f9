/** Makes dead letters of what can't be written. */
import type { SessionWrite } from '../domain/types.ts';
import type { DeadLetter, DeadReason } from '../redis/dead-letter.ts';

/**
 * The letters of one write that can't be done: one for its code, one for each message. The same write gives
 * the same ids.
 */
export function deadLettersFor(write: SessionWrite, reason: DeadReason, nowMs: number): DeadLetter[] {
  const base = { session_id: write.sessionId, reason, at: new Date(nowMs).toISOString() };
  const letters: DeadLetter[] = write.messages.map((message) => ({
    ...base,
    id: `${write.sessionId}:m:${message.id}`,
    kind: 'message',
    data: JSON.stringify(message),
  }));
  if (write.code) {
    letters.push({
      ...base,
      id: `${write.sessionId}:c:${write.code.rev}`,
      kind: 'code',
      data: JSON.stringify(write.code),
    });
  }
  return letters;
}

/**
 * The letter of buffered data that can't even be read: its text, as it was. @param what its id in the buffer,
 * or its revision. @param message what is wrong with it.
 */
export function malformedDeadLetter(
  sessionId: string,
  what: { kind: DeadLetter['kind']; id: string },
  text: string,
  message: string,
  nowMs: number,
): DeadLetter {
  return {
    id: `${sessionId}:${what.kind === 'code' ? 'c' : 'm'}:${what.id}`,
    session_id: sessionId,
    kind: what.kind,
    reason: { code: 'malformed', message },
    at: new Date(nowMs).toISOString(),
    data: text,
  };
}
