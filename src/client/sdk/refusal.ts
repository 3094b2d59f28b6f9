/**
 * Why a room doesn't let a client in.
 *
 * A browser hides the status of a refused WebSocket upgrade, and what a proxy did to it. The room answers a
 * plain GET of the same address with the same checks, so asking again that way tells a refusal, which won't
 * mend, from trouble, which may: a full room, a server that is out of reach, a network that lets no WebSocket
 * through.
 */
import * as z from 'zod';

/** A room's answer before the upgrade: HTTP status, error code and a sentence for people. */
export interface Refusal {
  status: number;
  error: string;
  message: string;
}

/** Why there is no connection, though there may be one the next moment. */
export type Trouble =
  /** The server answers, and would let the client in: something between them stops the WebSocket. */
  | { readonly kind: 'blocked' }
  /** The server says why not now: too many connections, or its storage is out of reach. */
  | { readonly kind: 'busy'; readonly message: string }
  /** No answer at all, or one that isn't the server's. */
  | { readonly kind: 'unreachable' };

/** Statuses that stay as they are however often one tries. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 410]);
/** "Connect with a WebSocket": nothing speaks against it. */
const UPGRADE_REQUIRED = 426;

const bodySchema = z.object({ error: z.string(), message: z.string() });

/** Asks over HTTP why `webSocketUrl` can't be opened. Never throws. */
export async function askWhyNot(
  webSocketUrl: string,
  fetchFn: typeof fetch,
  signal: AbortSignal,
): Promise<{ refusal: Refusal } | { trouble: Trouble }> {
  try {
    const response = await fetchFn(webSocketUrl.replace(/^ws/, 'http'), {
      headers: { accept: 'application/json' },
      signal,
    });
    const { status } = response;
    // A proxy's own error page isn't the room's word.
    const { error, message } = bodySchema.parse(await response.json());
    if (FINAL_STATUSES.has(status)) return { refusal: { status, error, message } };
    return { trouble: status === UPGRADE_REQUIRED ? { kind: 'blocked' } : { kind: 'busy', message } };
  } catch {
    return { trouble: { kind: 'unreachable' } };
  }
}
