/** Why a caller isn't admitted: the answers that are given in several places. */
import type { ErrorCode } from '../protocol/messages.ts';

export interface Refusal {
  ok: false;
  status: 400 | 401 | 403 | 404 | 409 | 410 | 429 | 503;
  error: ErrorCode;
  message: string;
  /** Set when the invite, or the token, is the reason. */
  isBadInvite?: true;
  isBadToken?: true;
  /** After how many seconds the caller may try again; only where that is known. */
  retryAfterS?: number;
}

export function refusal(status: Refusal['status'], error: ErrorCode, message: string): Refusal {
  return { ok: false, status, error, message };
}

export function unavailable(): Refusal {
  return refusal(503, 'server_error', 'storage is out of reach, try again in a moment');
}

export function badInvite(): Refusal {
  return { ...refusal(403, 'forbidden', 'the invite is not valid'), isBadInvite: true };
}

export function badToken(): Refusal {
  return { ...refusal(401, 'unauthorized', 'the token is not valid or has expired'), isBadToken: true };
}
