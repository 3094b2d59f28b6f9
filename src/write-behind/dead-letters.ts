/** Makes dead letters of what can't be written. */
import type { SessionWrite } from '../domain/types.ts';
import type { DeadLetter, DeadReason, Deliverable } from '../redis/dead-letter.ts';
import type { SessionPart } from '../redis/keys.ts';

/**
 * The letters of one write that can't be done: one for its code, one for each message. The same write gives
 * the same ids.
 */
export function deadLettersFor(write: SessionWrite, reason: DeadReason, nowMs: number): Deliverable[] {
  const base = { session_id: write.sessionId, reason, at: new Date(nowMs).toISOString() };
  const letters: Deliverable[] = write.messages.map((message) => ({
    letter: {
      ...base,
      id: `${write.sessionId}:m:${message.id}`,
      kind: 'message',
      data: JSON.stringify(message),
    },
    source: { kind: 'message', id: message.id },
  }));
  if (write.code) {
    const { rev } = write.code;
    letters.push({
      letter: {
        ...base,
        id: `${write.sessionId}:c:${rev}`,
        kind: 'code',
        data: JSON.stringify({ ...write.code, transport: undefined }),
      },
      source: { kind: 'code', rev },
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

/**
 * The letter of a session's key that can't be read: where it is now.
 * @param problem its type, or that it is too large.
 */
export function unreadableDeadLetter(
  sessionId: string,
  part: SessionPart,
  problem: string,
  key: string,
  nowMs: number,
): DeadLetter {
  return malformedDeadLetter(
    sessionId,
    { kind: part === 'session' ? 'code' : 'message', id: key },
    JSON.stringify({ key }),
    `the session's ${part === 'session' ? 'fields' : 'messages'} can't be read (${problem}); the key is kept`,
    nowMs,
  );
}
