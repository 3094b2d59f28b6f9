/** Asks the hosts of a session to be let in, and waits for their answer. */
import { awaitKnock, type KnockStatus, knock, withdrawKnock } from '../../protocol/http/coming-in.ts';
import { KNOCK_LIFETIME_MS } from '../../protocol/limits.ts';
import { ApiError, call } from './call.ts';

export interface KnockOptions {
  sessionId: string;
  displayName?: string | undefined;
  /** A session token or a user's token, of a caller who has one. */
  token?: string | null | undefined;
  /** Where the API is: by default where the page comes from. */
  origin?: string;
  /** Gives up: the hosts are told. */
  signal?: AbortSignal;
  /** Called once the hosts have been asked. */
  onWaiting?: (until: Date) => void;
}

/** What came of a knock. */
export type KnockOutcome =
  | Extract<KnockStatus, { status: 'admitted' }>
  | { status: Exclude<KnockStatus['status'], 'admitted' | 'waiting'> };

/** Pause before another try when there was no answer. */
const RETRY_MS = 2_000;
/** How often the hosts are asked anew when their room has lost its memory. */
const MAX_KNOCKS = 3;

/**
 * Knocks, and resolves with what came of it; `admitted` brings a session token. A lost connection is tried
 * again until the knock has expired.
 * @throws {ApiError} where knocking is refused: `host_away`, `conflict` (the caller can come in already),
 *   `too_many_requests`, `not_found` (404: no such session, 410: it has ended).
 * @throws the reason of `signal`, once that is aborted.
 */
export async function knockAndWait(options: KnockOptions): Promise<KnockOutcome> {
  const { sessionId, displayName, token, origin = '', signal, onWaiting } = options;
  for (let knocks = 1; ; knocks++) {
    signal?.throwIfAborted();
    const body = displayName === undefined ? {} : { display_name: displayName };
    const knocked = await call(knock, { params: { id: sessionId }, body, token, origin });
    const of = { params: { id: sessionId, knock_id: knocked.knock_id }, token: knocked.token, origin };
    // Also while the page goes away, so that no host answers a caller who has left.
    const withdraw = () => void call(withdrawKnock, { ...of, keepalive: true }).catch(() => {});
    if (signal?.aborted) withdraw();
    signal?.throwIfAborted();
    signal?.addEventListener('abort', withdraw);
    try {
      onWaiting?.(new Date(knocked.expires_at));
      // Not by `expires_at`: this device's clock may be another.
      const untilMs = performance.now() + KNOCK_LIFETIME_MS;
      const settled = await answerOf((rest) => call(awaitKnock, { ...of, ...rest, signal }), untilMs, signal);
      if (settled !== null) return settled;
      if (knocks === MAX_KNOCKS) return { status: 'expired' };
    } finally {
      signal?.removeEventListener('abort', withdraw);
    }
  }
}

/** Asks until there is an answer; null: the room has lost the knock. */
async function answerOf(
  ask: (rest: { query: { wait_s?: number } }) => Promise<KnockStatus>,
  untilMs: number,
  signal: AbortSignal | undefined,
): Promise<KnockOutcome | null> {
  for (;;) {
    try {
      const state = await ask({ query: {} });
      if (state.status === 'admitted') return state;
      if (state.status !== 'waiting') return { status: state.status };
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) return null;
      const mayPass = error.status === 0 || error.status === 429 || error.status >= 500;
      if (!mayPass) throw error;
      if (performance.now() > untilMs) return { status: 'expired' };
      await pause(RETRY_MS, signal);
    }
  }
}

/** @throws the reason of `signal`, once that is aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const abort = () => {
      end();
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      end();
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort);
  });
}
