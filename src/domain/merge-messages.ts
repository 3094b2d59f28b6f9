/** Puts two views of a session's messages together. Pure. */
import type { MessagePage, SessionMessage } from './types.ts';

/**
 * Two histories as one: each message once, by id, in the order of their positions, the newest `page.limit`
 * that fit the page. Where both have a message, the greater position counts, as it does in Postgres.
 */
export function mergeMessages(
  stored: readonly SessionMessage[],
  buffered: readonly SessionMessage[],
  page: MessagePage,
): SessionMessage[] {
  const byId = new Map<string, SessionMessage>();
  for (const message of [...stored, ...buffered]) {
    const other = byId.get(message.id);
    if (!other || other.position < message.position) byId.set(message.id, message);
  }
  const { types, beforePosition, limit } = page;
  return [...byId.values()]
    .filter(({ type }) => types === undefined || types.includes(type))
    .filter(({ position }) => beforePosition === undefined || position < beforePosition)
    .sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1))
    .slice(-limit);
}
