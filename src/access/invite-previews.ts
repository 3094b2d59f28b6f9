/** What an invite leads to, shown before it is used. */
import { StorageUnavailableError } from '../domain/errors.ts';
import { ExpiringMap } from '../domain/expiring-map.ts';
import type { InvitePreview, PeopleRepository } from '../domain/people.ts';
import { guardedByInvite, type InviteGuard } from './invite-guard.ts';
import { badInvite, type Refusal, refusal, unavailable } from './refusals.ts';

/**
 * How long what an invite leads to is kept, and of how many invites: to show one again and again costs a
 * query each time else.
 */
const KEEP_MS = 3_000;
const MAX_KEPT = 1_000;

type PreviewOutcome = { ok: true; preview: InvitePreview } | Refusal;

export class InvitePreviews {
  readonly #people: Pick<PeopleRepository, 'previewInvite'>;
  readonly #inviteGuard: InviteGuard;
  readonly #kept = new ExpiringMap<PreviewOutcome>(MAX_KEPT);

  constructor(people: Pick<PeopleRepository, 'previewInvite'>, inviteGuard: InviteGuard) {
    this.#people = people;
    this.#inviteGuard = inviteGuard;
  }

  /**
   * What an invite leads to, or why to nothing; bad ones count as they do where one joins by them. Reads
   * only: no invite is used. Never throws for what a caller or a store may do wrong.
   */
  preview(request: { invite: string; address: string | null }): Promise<PreviewOutcome> {
    return guardedByInvite(this.#inviteGuard, request, async () => {
      const known = this.#kept.get(request.invite, Date.now());
      if (known) return known;
      const outcome = await this.#read(request.invite);
      if (outcome.ok || outcome.status !== 503) {
        this.#kept.set(request.invite, outcome, Date.now() + KEEP_MS);
      }
      return outcome;
    });
  }

  async #read(invite: string): Promise<PreviewOutcome> {
    try {
      const found = await this.#people.previewInvite(invite);
      if (found === 'unusable') return badInvite();
      if (found === 'ended') return refusal(410, 'not_found', 'the session has ended');
      return { ok: true, preview: found };
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      return unavailable();
    }
  }
}
