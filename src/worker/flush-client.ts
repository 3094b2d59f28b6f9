/** A room's way to the flush route (`POST /flush/:session_id`). */

import { withTimeout } from '../domain/with-timeout.ts';
import { sessionFlush } from '../protocol/http/operation.ts';

/** A flush includes a sweep's worth of waiting for Postgres. */
const FLUSH_TIMEOUT_MS = 20_000;

interface FlushClientOptions {
  /** The app, in process. */
  send(request: Request): Promise<Response>;
  flushSecret: string;
}

/**
 * Flushes one session.
 * @throws {Error} when the route doesn't answer in time or says that it couldn't; the session stays dirty,
 *   and safe.
 */
export async function requestFlush(
  sessionId: string,
  { send, flushSecret }: FlushClientOptions,
): Promise<{ flushedRev: number; isDirty: boolean; lastCommit: number; isComplete: boolean }> {
  const request = new Request(`https://backbeat.internal/flush/${sessionId}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${flushSecret}` },
  });
  const response = await withTimeout(FLUSH_TIMEOUT_MS, send(request));
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the flush route answered ${response.status}`);
  }
  const reply = sessionFlush.parse(await response.json());
  return {
    flushedRev: reply.flushed_rev,
    isDirty: reply.is_dirty,
    lastCommit: reply.last_commit,
    isComplete: reply.is_complete,
  };
}
