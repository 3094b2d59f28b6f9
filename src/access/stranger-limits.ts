/**
 * What people without an account may cost the operator: one network, and all of them together. A session is a
 * row that stays for days, and an entry is one that stays for a day; both count the same by whichever door
 * they come.
 *
 * Counts are in Redis, under hashes of the addresses. A network is an IPv4 address or the first 64 bits of an
 * IPv6 address. A site of 48 bits has 65,536 such networks, so it has a limit of its own: a part of what all
 * have together, or one site could use that up.
 */
import type { z } from 'zod';
import type { accessSchema } from '../config.ts';
import type { RedisScripts } from '../redis/client.ts';
import type { Refusal, StrangerGuard } from './admission.ts';
import { hashedId, networkOf } from './network.ts';
import { SharedLimit } from './shared-limit.ts';

/** The part of what all have on a day that one IPv4 address or one IPv6 site of 48 bits may take. */
const SITE_SHARE = 1 / 5;
/** For all callers together. */
const EVERYBODY = 'all';

interface LimitsOptions {
  redis: RedisScripts;
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
  perHour: number;
  perDay: number;
}

/** The limits of one thing. */
export class StrangerLimit {
  readonly #secret: string;
  readonly #limits: { network: SharedLimit; site: SharedLimit; all: SharedLimit };

  constructor({ redis, keyPrefix, secret, perHour, perDay }: LimitsOptions) {
    this.#secret = secret;
    const limit = (name: string, max: number, window: '1 h' | '1 d') =>
      new SharedLimit({ redis, keyPrefix: `${keyPrefix}:${name}`, max, window });
    this.#limits = {
      network: limit('network', perHour, '1 h'),
      site: limit('site', Math.ceil(perDay * SITE_SHARE), '1 d'),
      all: limit('all', perDay, '1 d'),
    };
  }

  /**
   * Counts, from the narrowest limit to the widest: what one network isn't allowed doesn't count for all.
   * @param address null where the platform doesn't say: all such callers are one network.
   * @returns after how many seconds the caller may try again, or null when it is allowed.
   */
  async take(address: string | null, amount = 1): Promise<number | null> {
    for (const { limit, id } of await this.#countersOf(address)) {
      const { isAllowed, quota } = await limit.take(id, amount);
      if (!isAllowed) return Math.ceil(quota.resetMs / 1_000);
    }
    return null;
  }

  /** Takes back what {@link take} allowed. */
  async giveBack(address: string | null, amount = 1): Promise<void> {
    for (const { limit, id } of await this.#countersOf(address)) await limit.giveBack(id, amount);
  }

  async #countersOf(address: string | null): Promise<{ limit: SharedLimit; id: string }[]> {
    const { network, site, all } = this.#limits;
    const hashed = (what: string) => hashedId(`strangers of ${what}`, this.#secret);
    return [
      { limit: network, id: await hashed(address === null ? 'nowhere' : networkOf(address)) },
      { limit: site, id: await hashed(address === null ? 'nowhere' : networkOf(address, 48)) },
      { limit: all, id: EVERYBODY },
    ];
  }
}

/** What the settings say of strangers. */
type StrangerSettings = Pick<
  z.infer<typeof accessSchema>,
  | 'ANONYMOUS'
  | 'ANONYMOUS_SESSIONS_PER_HOUR'
  | 'ANONYMOUS_SESSIONS_PER_DAY'
  | 'ANONYMOUS_ENTRIES_PER_HOUR'
  | 'ANONYMOUS_ENTRIES_PER_DAY'
>;

/** Decides what strangers may do, by the settings and the counts. */
export class StrangerLimits implements StrangerGuard {
  readonly #access: StrangerSettings['ANONYMOUS'];
  readonly #secret: string;
  readonly #sessions: StrangerLimit;
  readonly #entries: StrangerLimit;

  constructor(settings: StrangerSettings, options: Pick<LimitsOptions, 'redis' | 'keyPrefix' | 'secret'>) {
    this.#access = settings.ANONYMOUS;
    this.#secret = options.secret;
    const limit = (name: string, perHour: number, perDay: number) =>
      new StrangerLimit({ ...options, keyPrefix: `${options.keyPrefix}strangers:${name}`, perHour, perDay });
    this.#sessions = limit(
      'sessions',
      settings.ANONYMOUS_SESSIONS_PER_HOUR,
      settings.ANONYMOUS_SESSIONS_PER_DAY,
    );
    this.#entries = limit('entries', settings.ANONYMOUS_ENTRIES_PER_HOUR, settings.ANONYMOUS_ENTRIES_PER_DAY);
  }

  refusalOf(what: 'session' | 'entry'): Refusal | null {
    if (this.#access === 'off') return signIn('sign in to use this server');
    return this.#access === 'join' && what === 'session' ? signIn('sign in to make a session') : null;
  }

  async take(what: 'session' | 'entry', address: string | null): Promise<Refusal | null> {
    const refused = this.refusalOf(what);
    if (refused) return refused;
    const retryAfterS = await this.#limitOf(what).take(address);
    if (retryAfterS === null) return null;
    const message =
      what === 'session'
        ? 'too many sessions were made without an account; sign in, or try again later'
        : 'too many people without an account came from your network; sign in, or try again later';
    return { ok: false, status: 429, error: 'too_many_requests', message, retryAfterS };
  }

  async originOf(address: string | null): Promise<string | null> {
    return address === null ? null : hashedId(`origin of ${networkOf(address, 48)}`, this.#secret);
  }

  giveBack(what: 'session' | 'entry', address: string | null): Promise<void> {
    return this.#limitOf(what).giveBack(address);
  }

  #limitOf(what: 'session' | 'entry'): StrangerLimit {
    return what === 'session' ? this.#sessions : this.#entries;
  }
}

function signIn(message: string): Refusal {
  return { ok: false, status: 401, error: 'unauthorized', message };
}
