/** Who a request is from, as far as their token says. */
import type { PeopleRepository } from '../domain/people.ts';
import type { UserProfile } from '../domain/types.ts';
import type { VerifiedAccess } from './session-token.ts';

/** Checks tokens. `session` and `user` resolve with null for a token that isn't valid. */
export interface TokenVerifier {
  session(token: string): Promise<VerifiedAccess | null>;
  user(token: string): Promise<UserProfile | null>;
  /** Whether it was a good one, whose time is over. */
  hasExpired(token: string): Promise<boolean>;
}

/** The caller, as far as a token says. */
export type Caller =
  | { kind: 'anonymous' }
  | { kind: 'user'; profile: UserProfile }
  | { kind: 'participant'; access: VerifiedAccess };

/**
 * Who the bearer of a token is. Null for a token that isn't valid: such a caller must not become anonymous
 * unnoticed.
 */
export async function callerOf(token: string | null, tokens: TokenVerifier): Promise<Caller | null> {
  if (token === null) return { kind: 'anonymous' };
  const access = await tokens.session(token);
  if (access) return { kind: 'participant', access };
  const profile = await tokens.user(token);
  return profile && { kind: 'user', profile };
}

/** The `token_epoch` that a caller's token names; null where it names none. */
export function epochOf(caller: Caller): string | null {
  if (caller.kind === 'anonymous') return null;
  return (caller.kind === 'user' ? caller.profile.epoch : caller.access.epoch) ?? null;
}

/** Without an account. */
export function isStranger(caller: Caller): boolean {
  return caller.kind === 'anonymous' || (caller.kind === 'participant' && caller.access.userId === null);
}

/** Whether a session token is for this session. */
export function isFor(caller: Extract<Caller, { kind: 'participant' }>, sessionId: string): boolean {
  return caller.access.sessionId === sessionId;
}

/** A caller's name and picture, and their user's id. A user who isn't known yet is written down. */
export async function identify(
  caller: Caller,
  people: Pick<PeopleRepository, 'upsertUser'>,
): Promise<{ userId: string | null; name: string | null; avatarUrl: string | null }> {
  switch (caller.kind) {
    case 'anonymous':
      return { userId: null, name: null, avatarUrl: null };
    case 'participant': {
      const { userId, displayName, avatarUrl } = caller.access;
      return { userId, name: displayName, avatarUrl };
    }
    case 'user': {
      const { id, name, avatarUrl } = await people.upsertUser(caller.profile);
      return { userId: id, name, avatarUrl };
    }
  }
}
