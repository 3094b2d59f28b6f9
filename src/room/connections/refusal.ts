import { type ErrorCode, FLOOD_BAN_MS } from '../../protocol/index.ts';

/** No browser may take a refusal for a page or a script, whatever it repeats of its request. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** How long whoever gets this refusal is kept out, in seconds. */
export const KEEP_OUT_S = 'retry-after';

/** To somebody who was sent away for all that he sent. @param leftMs until he may come back. */
export function refuseFlooder(leftMs: number = FLOOD_BAN_MS): Response {
  const answer = refuse(429, 'too_many_requests', 'you sent too many messages, try again in a minute');
  answer.headers.set(KEEP_OUT_S, String(Math.ceil(leftMs / 1_000)));
  return answer;
}

/** A refusal as the protocol has it. */
export function refuse(status: number, error: ErrorCode, message: string): Response {
  return Response.json({ error, message }, { status, headers: HEADERS });
}
