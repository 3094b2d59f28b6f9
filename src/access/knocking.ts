/** Who may ask the hosts of a session to be let in. The room then asks the hosts. */
import { RevokedTokenError, StorageUnavailableError } from '../domain/errors.ts';
import { NAMELESS } from '../domain/guest-names.ts';
import type { PeopleRepository } from '../domain/people.ts';
import type { StrangerGuard } from './admission-types.ts';
import { callerOf, epochOf, type TokenVerifier } from './caller.ts';
import { type Knocker, type KnockLimits, originOf } from './knock-limits.ts';
import { badToken, type Refusal, refusal, unavailable } from './refusals.ts';

interface KnockingPorts {
  people: Pick<PeopleRepository, 'upsertUser' | 'checkAccess'>;
  tokens: TokenVerifier;
  strangers: Pick<StrangerGuard, 'refusalOf'>;
  limits: Pick<KnockLimits, 'take' | 'giveBack'>;
}

interface KnockRequest {
  sessionId: string;
  /** A session token or a user's own. */
  token: string | null;
  displayName: string | null;
  address: string | null;
}

/** A caller who may knock. */
export interface PermittedKnock {
  userId: string | null;
  /** The user's `token_epoch`; null for callers without an account of ours. */
  epoch: string | null;
  /** Their membership, or the id of the one that they get when they are let in. */
  participantId: string;
  displayName: string;
  /** Whom the room takes for one knocker; null: it can't tell. */
  origin: string | null;
  /** A host removed them from this session. */
  wasRemoved: boolean;
}

export class Knocking {
  readonly #ports: KnockingPorts;

  constructor(ports: KnockingPorts) {
    this.#ports = ports;
  }

  /**
   * Permits a knock, and counts it, or says why not. Callers who can come in already are refused, with 409.
   */
  async permit(request: KnockRequest): Promise<{ ok: true; knock: PermittedKnock } | Refusal> {
    try {
      return await this.#permit(request);
    } catch (error) {
      if (error instanceof RevokedTokenError) return badToken();
      if (!(error instanceof StorageUnavailableError)) throw error;
      return unavailable();
    }
  }

  /** The permitted knock has reached no host: it doesn't count against what one of them may be asked. */
  async unheard(knocker: Knocker): Promise<void> {
    await this.#ports.limits.giveBack(knocker);
  }

  async #permit({ sessionId, token, displayName, address }: KnockRequest) {
    const { people, tokens, strangers, limits } = this.#ports;
    const caller = await callerOf(token, tokens);
    if (!caller) return badToken();
    if (caller.kind === 'participant' && caller.access.sessionId !== sessionId) {
      return refusal(403, 'forbidden', 'the token is for another session');
    }
    let userId: string | null = null;
    let name: string | null = null;
    if (caller.kind === 'participant') ({ userId, displayName: name } = caller.access);
    if (caller.kind === 'user') ({ id: userId, name } = await people.upsertUser(caller.profile));
    const epoch = epochOf(caller);
    const refused = userId === null ? strangers.refusalOf('entry') : null;
    if (refused) return refused;
    // Before Postgres is asked: a knock must not wake it again and again.
    const waitMs = await limits.take({ sessionId, userId, address });
    if (waitMs !== null) {
      const retryAfterS = Math.ceil(waitMs / 1_000);
      const message = 'there were too many requests to be let in, try again later';
      return { ...refusal(429, 'too_many_requests', message), retryAfterS };
    }
    const participantId = caller.kind === 'participant' ? caller.access.participantId : null;
    const access = await people.checkAccess({
      sessionId,
      userId,
      epoch,
      participantId,
      inviteToken: null,
    });
    if (!access) return refusal(404, 'not_found', 'there is no such session');
    if (!access.isActive) return refusal(410, 'not_found', 'the session has ended');
    if (access.role !== null) return refusal(409, 'conflict', 'you can come in already');
    const knock: PermittedKnock = {
      userId,
      epoch,
      participantId: access.participantId ?? crypto.randomUUID(),
      displayName: displayName ?? access.displayName ?? name ?? NAMELESS,
      origin: originOf({ userId, address }),
      wasRemoved: access.isRemoved,
    };
    return { ok: true as const, knock };
  }
}
