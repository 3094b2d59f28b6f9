import { z } from 'zod';

const replySchema = z.object({
  flushed_rev: z.number().int(),
  is_dirty: z.boolean(),
  last_commit: z.number().int(),
});

/**
 * Asks the Worker to flush one session (`POST /flush/:session_id`).
 * @throws {Error} when it doesn't answer in time or says it couldn't; the session stays dirty, and safe.
 */
export async function requestFlush(
  options: { workerUrl: string; flushSecret: string; timeoutMs: number },
  sessionId: string,
): Promise<{ flushedRev: number; isDirty: boolean; lastCommit: number }> {
  const response = await fetch(new URL(`/flush/${sessionId}`, options.workerUrl), {
    method: 'POST',
    headers: { authorization: `Bearer ${options.flushSecret}` },
    signal: AbortSignal.timeout(options.timeoutMs),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the Worker answered ${response.status}`);
  }
  const reply = replySchema.parse(await response.json());
  return { flushedRev: reply.flushed_rev, isDirty: reply.is_dirty, lastCommit: reply.last_commit };
}
