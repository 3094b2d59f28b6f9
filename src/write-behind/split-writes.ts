import type { SessionWrite } from '../domain/types.ts';

type Parts = [SessionWrite[], SessionWrite[]];

/**
 * Cuts a refused batch in two, so that repeating it narrows down to what Postgres refuses: first between
 * sessions, then between a session's code and its messages, then between messages. Null when nothing is left
 * to cut: that's the culprit.
 *
 * @param maxTries how many more writes can be tried. The first part is a half, or so much less that these
 * suffice to narrow it down: otherwise a large batch would be halved again each turn, and none of it would
 * ever be dealt with.
 */
export function splitWrites(
  writes: readonly SessionWrite[],
  maxTries: number = Number.POSITIVE_INFINITY,
): Parts | null {
  const halves = halve(writes);
  if (!halves) return null;
  let [first, rest] = halves;
  for (let smaller = halve(first); smaller && triesToNarrowDown(first) > maxTries; smaller = halve(first)) {
    [first, rest] = [smaller[0], join(smaller[1], rest)];
  }
  return [first, rest];
}

/** Writes that it takes until the first piece of a batch stands alone, if all before it are refused. */
function triesToNarrowDown(writes: readonly SessionWrite[]): number {
  const halves = halve(writes);
  return halves ? 1 + triesToNarrowDown(halves[0]) : 1;
}

function halve(writes: readonly SessionWrite[]): Parts | null {
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

/** Puts parts together that follow each other: a batch has one write a session. */
function join(earlier: readonly SessionWrite[], later: readonly SessionWrite[]): SessionWrite[] {
  const [last, next] = [earlier.at(-1), later[0]];
  if (!last || !next || last.sessionId !== next.sessionId) return [...earlier, ...later];
  const joined = { ...next, messages: [...last.messages, ...next.messages] };
  return [...earlier.slice(0, -1), joined, ...later.slice(1)];
}
