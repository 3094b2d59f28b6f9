/**
 * Callers who ask to be let in, and wait for a host's answer.
 *
 * They are in this instance's memory only: an instance that ends forgets them, and they knock again. While
 * one waits a timer runs, so the room doesn't hibernate; that is bounded by their number and their time.
 */
import type { Clock } from '../../domain/clock.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import type { PeopleRepository } from '../../domain/people.ts';
import {
  type ErrorCode,
  KNOCK_HOST_AWAY_MS,
  KNOCK_LIFETIME_MS,
  KNOCK_SILENCE_MS,
  MAX_WAITING_KNOCKS,
  type Role,
  type ServerPayload,
  type WireKnock,
} from '../../protocol/index.ts';
import type { AccessRevocations } from './access-revocations.ts';
import type { JoinedConnection } from './connection.ts';
import type { KnockRequest, KnockState } from './knock-request.ts';
import type { Outbox } from './outbox.ts';
import type { Participants } from './participants.ts';

/** How often what is over is looked for. */
const LOOK_MS = 5_000;
/** How long a knocker may still ask what came of a knock, for example when the reply was lost. */
const KEEP_OVER_MS = 30_000;

export interface KnocksOptions {
  sessionId: string;
  participants: Pick<Participants, 'connections'>;
  outbox: Pick<Outbox, 'reply'>;
  people: Pick<PeopleRepository, 'letIn'>;
  revocations: Pick<AccessRevocations, 'ended' | 'recordRole'>;
  clock: Clock;
}

type NewKnock = Extract<KnockRequest, { kind: 'knock' }>;
type Outcome = ServerPayload<'knock_answered'>['outcome'];

interface Knock {
  id: string;
  atMs: number;
  from: NewKnock;
  state: KnockState;
  /** The host's answer is being carried out: it is the one that counts. */
  isAnswered: boolean;
  /** When the knocker last asked. */
  heardMs: number;
  /** Since when it is over. */
  overMs: number | null;
  /** Ends the wait of the request that waits for the answer; null: none does. */
  wake: (() => void) | null;
}

export type Knocked =
  | { ok: true; knockId: string; expiresAtMs: number }
  | { ok: false; status: 409 | 410 | 429; error: ErrorCode; message: string };

export type KnockAnswer = { refused: true } | { role: Exclude<Role, 'host'>; readmit: boolean };

/** Why an answer had no effect. */
export interface AnswerRefusal {
  error: ErrorCode;
  message: string;
}

export class Knocks {
  readonly #options: KnocksOptions;
  /** In the order in which they came. */
  readonly #knocks = new Map<string, Knock>();
  #hostSeenMs = 0;
  #isLooking = false;

  constructor(options: KnocksOptions) {
    this.#options = options;
  }

  /** Those who wait, for a host; undefined for everybody else. */
  shownTo(member: JoinedConnection): WireKnock[] | undefined {
    return isAskedHost(member) ? this.#waiting().map(wireKnock) : undefined;
  }

  /** Tells the hosts that a caller asks to be let in, or says why not. */
  add(from: NewKnock): Knocked {
    const { revocations, clock } = this.#options;
    if (revocations.ended) {
      return { ok: false, status: 410, error: 'not_found', message: 'the session has ended' };
    }
    if (this.#hosts().length === 0) {
      return { ok: false, status: 409, error: 'host_away', message: 'no host is there to let you in' };
    }
    const waiting = this.#waiting();
    if (from.origin !== null && waiting.some((knock) => knock.from.origin === from.origin)) {
      return tooMany('a request from you or your network is waiting already');
    }
    if (waiting.length >= MAX_WAITING_KNOCKS) return tooMany('too many people wait to be let in');
    const nowMs = clock.now();
    const knock: Knock = {
      id: crypto.randomUUID(),
      atMs: nowMs,
      from,
      state: { status: 'waiting' },
      isAnswered: false,
      heardMs: nowMs,
      overMs: null,
      wake: null,
    };
    this.#knocks.set(knock.id, knock);
    for (const host of this.#hosts()) this.#options.outbox.reply(host, 'knock', wireKnock(knock));
    this.#hostSeenMs = nowMs;
    this.#look();
    return { ok: true, knockId: knock.id, expiresAtMs: nowMs + KNOCK_LIFETIME_MS };
  }

  /**
   * What has come of a knock; null when it isn't known (any more).
   * @param waitMs how long to wait for an answer. Of several requests that wait, the last one does.
   */
  async state(knockId: string, waitMs: number): Promise<KnockState | null> {
    const knock = this.#knocks.get(knockId);
    if (!knock) return null;
    const { clock } = this.#options;
    knock.wake?.();
    if (knock.overMs === null && waitMs > 0) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          cancel();
          if (knock.wake === wake) knock.wake = null;
          resolve();
        };
        const cancel = clock.setTimeout(wake, waitMs);
        knock.wake = wake;
      });
    }
    knock.heardMs = clock.now();
    return knock.state;
  }

  /** The knocker has given up. */
  withdraw(knockId: string): void {
    const knock = this.#knocks.get(knockId);
    if (knock && knock.overMs === null && !knock.isAnswered) {
      this.#settle(knock, { status: 'expired' }, { outcome: 'withdrawn' });
    }
  }

  /**
   * Carries out a host's answer; the first one counts. All hosts are told, once it is done.
   * @returns why it had no effect; null when it had.
   */
  async answer(
    knockId: string,
    answer: KnockAnswer,
    by: JoinedConnection,
    requestId?: string,
  ): Promise<AnswerRefusal | null> {
    const knock = this.#knocks.get(knockId);
    if (!knock) return { error: 'not_found', message: 'they do not wait any more' };
    if (knock.isAnswered || knock.overMs !== null) {
      return { error: 'conflict', message: 'they have been answered, or do not wait any more' };
    }
    const told = { by: by.state.displayName, asker: by, requestId };
    if ('refused' in answer) {
      this.#settle(knock, { status: 'refused' }, { outcome: 'refused', ...told });
      return null;
    }
    const { from } = knock;
    if (from.was_removed && !answer.readmit) {
      return { error: 'conflict', message: 'they were removed from this session: say that you readmit them' };
    }
    knock.isAnswered = true;
    const { role } = answer;
    try {
      const letIn = await this.#options.people.letIn({
        sessionId: this.#options.sessionId,
        userId: from.user_id,
        participantId: from.participant_id,
        displayName: from.display_name,
        role,
        readmit: answer.readmit,
      });
      if (letIn.outcome !== 'entered') {
        const isGone = letIn.outcome === 'ended' || letIn.outcome === 'missing';
        this.#settle(knock, { status: isGone ? 'ended' : 'refused' }, { outcome: 'refused', ...told });
        return { error: 'conflict', message: 'they can’t be let in' };
      }
      const { id, displayName } = letIn.participant;
      // A room that can't ask Postgres goes by what it has recorded, and that may be their removal.
      if (from.was_removed) this.#options.revocations.recordRole(id, role);
      this.#settle(
        knock,
        { status: 'admitted', participant_id: id, user_id: from.user_id, display_name: displayName, role },
        { outcome: 'admitted', role, ...told },
      );
      return null;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      return { error: 'server_error', message: 'storage is out of reach, try again in a moment' };
    } finally {
      knock.isAnswered = false;
    }
  }

  /** The session has ended. */
  endAll(): void {
    for (const knock of this.#waiting()) this.#settle(knock, { status: 'ended' }, null);
  }

  #settle(
    knock: Knock,
    state: KnockState,
    tell: {
      outcome: Outcome;
      role?: Role;
      by?: string;
      /** The host whose request this answers. */
      asker?: JoinedConnection;
      requestId?: string | undefined;
    } | null,
  ): void {
    const { outbox, clock } = this.#options;
    knock.state = state;
    knock.overMs = clock.now();
    knock.wake?.();
    if (tell === null) return;
    const { outcome, role, by, asker, requestId } = tell;
    const payload = {
      knock_id: knock.id,
      outcome,
      ...(role === undefined ? {} : { role }),
      ...(by === undefined ? {} : { by }),
    };
    for (const host of this.#hosts()) {
      const isReply = host === asker && requestId !== undefined;
      outbox.reply(host, 'knock_answered', isReply ? { ...payload, request_id: requestId } : payload);
    }
  }

  /** Looks for what is over now and then, as long as there is a knock. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const look = () => {
      this.#settleOver();
      this.#isLooking = this.#knocks.size > 0;
      if (this.#isLooking) this.#options.clock.setTimeout(look, LOOK_MS);
    };
    this.#options.clock.setTimeout(look, LOOK_MS);
  }

  #settleOver(): void {
    const { revocations, clock } = this.#options;
    const nowMs = clock.now();
    if (this.#hosts().length > 0) this.#hostSeenMs = nowMs;
    const areHostsAway = nowMs - this.#hostSeenMs >= KNOCK_HOST_AWAY_MS;
    for (const knock of [...this.#knocks.values()]) {
      if (knock.overMs !== null) {
        if (nowMs - knock.overMs >= KEEP_OVER_MS) this.#knocks.delete(knock.id);
      } else if (revocations.ended) {
        this.#settle(knock, { status: 'ended' }, null);
      } else if (knock.isAnswered) {
        // What comes of it is on its way.
      } else if (areHostsAway) {
        this.#settle(knock, { status: 'host_away' }, null);
      } else if (nowMs - knock.atMs >= KNOCK_LIFETIME_MS) {
        this.#settle(knock, { status: 'expired' }, { outcome: 'expired' });
      } else if (knock.wake === null && nowMs - knock.heardMs >= KNOCK_SILENCE_MS) {
        this.#settle(knock, { status: 'expired' }, { outcome: 'withdrawn' });
      }
    }
  }

  #waiting(): Knock[] {
    return [...this.#knocks.values()].filter(({ overMs }) => overMs === null);
  }

  #hosts(): JoinedConnection[] {
    return [...this.#options.participants.connections()].filter(isAskedHost);
  }
}

/** Older clients know no knocks: their users couldn't answer. */
function isAskedHost({ state }: JoinedConnection): boolean {
  return state.role === 'host' && state.edits === 'changes';
}

function wireKnock({ id, atMs, from }: Knock): WireKnock {
  return {
    knock_id: id,
    display_name: from.display_name,
    user_id: from.user_id,
    at: atMs,
    was_removed: from.was_removed,
  };
}

function tooMany(message: string): Knocked {
  return { ok: false, status: 429, error: 'too_many_requests', message };
}
