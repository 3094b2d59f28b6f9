/** Making a session, whose host the caller becomes. */
import { guestName } from '../domain/guest-names.ts';
import type { PeopleRepository } from '../domain/people.ts';
import type { SessionRepository } from '../domain/types.ts';
import type { AdmissionRequest, Admitted, StrangerGuard } from './admission-types.ts';
import { type Caller, epochOf, identify, isFor, isStranger } from './caller.ts';

interface NewSessionsPorts {
  sessions: Pick<SessionRepository, 'createSession' | 'getSession'>;
  people: Pick<PeopleRepository, 'upsertUser' | 'checkAccess'>;
  strangers: Pick<StrangerGuard, 'originOf' | 'giveBack'>;
}

export class NewSessions {
  readonly #ports: NewSessionsPorts;

  constructor(ports: NewSessionsPorts) {
    this.#ports = ports;
  }

  /** @throws {StorageUnavailableError} Then it isn't counted as a stranger's. */
  async create(request: AdmissionRequest, caller: Caller): Promise<Admitted> {
    try {
      return await this.#create(request, caller);
    } catch (error) {
      if (isStranger(caller)) await this.#ports.strangers.giveBack('session', request.address ?? null);
      throw error;
    }
  }

  async #create(request: AdmissionRequest, caller: Caller): Promise<Admitted> {
    const code = request.code ?? (await this.#previousCode(request.previousSessionId, caller));
    const who = await identify(caller, this.#ports.people);
    const displayName = request.displayName ?? who.name ?? guestName('host');
    const participantId = crypto.randomUUID();
    const session = await this.#ports.sessions.createSession({
      title: request.title ?? '',
      code,
      isDiscoverable: request.isDiscoverable ?? false,
      hostUserId: who.userId,
      madeFrom: isStranger(caller) ? await this.#ports.strangers.originOf(request.address ?? null) : null,
      host: { participantId, displayName },
    });
    return {
      sessionId: session.id,
      participantId,
      userId: who.userId,
      epoch: epochOf(caller),
      displayName,
      avatarUrl: who.avatarUrl,
      role: 'host',
      joinMethod: 'owner',
      inviteId: null,
      isUnconfirmed: false,
      session,
    };
  }

  /** The code of a session that the caller may read; the empty code for any other session, and for none. */
  async #previousCode(sessionId: string | null, caller: Caller): Promise<string> {
    if (sessionId === null) return '';
    const isTheirs = caller.kind === 'participant' && isFor(caller, sessionId);
    const access = await this.#ports.people.checkAccess({
      sessionId,
      userId: (await identify(caller, this.#ports.people)).userId,
      epoch: epochOf(caller),
      participantId: isTheirs ? caller.access.participantId : null,
      inviteToken: null,
    });
    if (!access?.role) return '';
    return (await this.#ports.sessions.getSession(sessionId))?.code ?? '';
  }
}
