import type { SessionWrite } from '../sessions/types.ts';

/**
 * Cuts a refused batch in two, so that repeating it narrows down to what Postgres refuses: first between sessions, then
 * between a session's code and its messages, then between messages. Null when nothing is left to cut: that's the culprit.
 */
export function splitWrites(writes: readonly SessionWrite[]): [SessionWrite[], SessionWrite[]] | null {
  if (writes.length > 1) {
    const middle = Math.ceil(writes.length / 2);
    return [writes.slice(0, middle), writes.slice(middle)];
  }
  const write = writes[0];
  if (!write) return null;
  const { code, messages } = write;
  if (code && messages.length > 0) return [[{ ...write, messages: [] }], [{ ...write, code: null }]];
  if (messages.length > 1) {
    const middle = Math.ceil(messages.length / 2);
    return [
      [{ ...write, messages: messages.slice(0, middle) }],
      [{ ...write, messages: messages.slice(middle) }],
    ];
  }
  return null;
}
