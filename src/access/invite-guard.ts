/** Invites can't be guessed: an address that brings many bad ones has to wait. */
import { type Refusal, refusal } from './refusals.ts';

/** Keeps invites from being guessed. Neither method throws when its store is out of reach. */
export interface InviteGuard {
  /** False when too many bad invites came from this address lately. */
  mayTry(address: string): Promise<boolean>;
  /** Counts a bad invite. */
  failed(address: string): Promise<void>;
}

/**
 * Answers a request with an invite, unless too many bad invites came from its address; counts the invite if
 * it is bad.
 */
export async function guardedByInvite<T extends { ok: true } | Refusal | null>(
  inviteGuard: InviteGuard,
  { invite, address = null }: { invite: string | null; address?: string | null },
  answer: () => Promise<T>,
): Promise<T | Refusal> {
  if (invite === null || address === null) return answer();
  if (!(await inviteGuard.mayTry(address))) {
    return refusal(429, 'too_many_requests', 'too many invites that are not valid, try again in a minute');
  }
  const outcome = await answer();
  // Also one for a session that there isn't: to look for sessions costs a query each time.
  const isBad = outcome !== null && !outcome.ok && (outcome.isBadInvite || outcome.status === 404);
  if (isBad) await inviteGuard.failed(address);
  return outcome;
}
