/**
 * Why a room doesn't let a client in.
 *
 * A browser hides the status of a refused WebSocket upgrade. The room answers a plain GET of the same address
 * with the same checks, so asking again that way tells a refusal, which won't mend, from a room that is out
 * of reach, which may.
 */
import * as z from 'zod';

/** A room's answer before the upgrade: HTTP status, error code and a sentence for people. */
export interface Refusal {
  status: number;
  error: string;
  message: string;
}

/** Statuses that stay as they are however often one tries. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 410]);

const bodySchema = z.object({ error: z.string(), message: z.string() });

/**
 * Asks over HTTP why `webSocketUrl` can't be opened.
 * @returns the refusal, or null when the room is out of reach, lets one in, or may do so later. Never throws.
 */
export async function askRefusal(
  webSocketUrl: string,
  fetchFn: typeof fetch,
  signal: AbortSignal,
): Promise<Refusal | null> {
  try {
    const response = await fetchFn(webSocketUrl.replace(/^ws/, 'http'), {
      headers: { accept: 'application/json' },
      signal,
    });
    if (!FINAL_STATUSES.has(response.status)) {
      await response.body?.cancel();
      return null;
    }
    // A proxy's own error page isn't the room's word.
    const body = bodySchema.safeParse(await response.json());
    return body.success ? { status: response.status, ...body.data } : null;
  } catch {
    return null;
  }
}
