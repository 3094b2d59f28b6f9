/** Refusals over HTTP, as the protocol has them. */
import { type ErrorCode, FLOOD_BAN_MS } from '../../protocol/index.ts';

/** A browser must not take a refusal for a page or a script: its message may repeat parts of the request. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** In this header a refusal for a ban says how long the ban goes on, in seconds. */
export const RETRY_AFTER_HEADER = 'retry-after';

/** Refuses a participant who is banned for flooding the room. @param remainingMs of the ban. */
export function refuseBanned(remainingMs: number = FLOOD_BAN_MS): Response {
  const answer = refuse(429, 'too_many_requests', 'you sent too many messages, try again in a minute');
  answer.headers.set(RETRY_AFTER_HEADER, String(Math.ceil(remainingMs / 1_000)));
  return answer;
}

export function refuse(status: number, error: ErrorCode, message: string): Response {
  return Response.json({ error, message }, { status, headers: HEADERS });
}
