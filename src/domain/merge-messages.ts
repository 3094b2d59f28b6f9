/** Pure rules for putting two views of a session together. */
import type { MessagePage, SessionMessage } from './types.ts';

interface Version {
  epoch: number;
  rev: number;
}

/** The order of writes: by epoch, then by revision. A successor's write is newer than anything its predecessor wrote. */
export function isNewer(a: Version, b: Version): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.rev > b.rev);
}

/**
 * Two histories as one: each message once, by id, as the later room accepted it, in the order of their times, the newest `page.limit` that fit
 * the page.
 */
export function mergeMessages(
  stored: readonly SessionMessage[],
  buffered: readonly SessionMessage[],
  page: MessagePage,
): SessionMessage[] {
  const byId = new Map<string, SessionMessage>();
  for (const message of [...stored, ...buffered]) {
    const other = byId.get(message.id);
    if (!other || other.epoch < message.epoch) byId.set(message.id, message);
  }
  return [...byId.values()]
    .filter(
      (message) =>
        (page.types === undefined || page.types.includes(message.type)) &&
        (page.beforeMs === undefined || message.createdAtMs < page.beforeMs),
    )
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))
    .slice(-page.limit);
}
