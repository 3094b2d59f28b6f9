/** Puts two views of a session's messages together. Pure. */
import type { MessagePage, MessagesPage, SaidMessage } from './types.ts';

/**
 * Two histories as one: each message once, by id, in the order of their positions, the newest `page.limit`
 * that fit the page, or the first after a position. Where both have a message, the greater position counts,
 * as it does in Postgres.
 */
export function mergeMessages(
  stored: readonly SaidMessage[],
  buffered: readonly SaidMessage[],
  page: MessagePage,
): SaidMessage[] {
  const byId = new Map<string, SaidMessage>();
  for (const message of [...stored, ...buffered]) {
    const other = byId.get(message.id);
    if (!other || other.position < message.position) byId.set(message.id, message);
  }
  const { types, beforePosition, afterPosition, limit } = page;
  const fitting = [...byId.values()]
    .filter(({ type }) => types === undefined || types.includes(type))
    .filter(({ position }) => beforePosition === undefined || position < beforePosition)
    .filter(({ position }) => afterPosition === undefined || position > afterPosition)
    .sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1));
  return afterPosition === undefined ? fitting.slice(-limit) : fitting.slice(0, limit);
}

/** A page of messages of which one more was read than it has: so it is known whether there are more. */
export function pageOfMessages(
  read: readonly SaidMessage[],
  { limit, afterPosition }: MessagePage,
): MessagesPage {
  const messages = afterPosition === undefined ? read.slice(-limit) : read.slice(0, limit);
  return { messages, hasMore: read.length > limit };
}
