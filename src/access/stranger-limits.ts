/**
 * What people without an account may cost the operator: one network, and all of them together. A session is a
 * row that stays for days, and so is an entry by an invite; any other entry is one that stays for a day. Both
 * count the same by whichever door they come.
 *
 * Counts are in Redis, under hashes of the addresses. A network is an IPv4 address or the first 64 bits of an
 * IPv6 address. A site of 48 bits has 65,536 such networks, so it has a limit of its own: a part of what all
 * have together, or one site could use that up.
 */
import type { z } from 'zod';
import type { accessSchema } from '../config.ts';
import type { RedisScripts } from '../redis/client.ts';
import type { StrangerGuard } from './admission-types.ts';
import { hashedId, networkOf } from './network.ts';
import type { Refusal } from './refusals.ts';
import { type Quota, SharedLimit, type SharedLimitOptions } from './shared-limit.ts';

/** The part of what all have on a day of sessions, or of entries, that one site may take. */
const SITE_SHARE = 1 / 5;
/** For all callers together. */
const EVERYBODY = 'all';

interface LimitsOptions {
  redis: RedisScripts;
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
  /** Of one network. */
  network: Pick<SharedLimitOptions, 'max' | 'window'>;
  /** Of all together. */
  perDay: number;
  /** The part of that for one IPv4 address or one IPv6 site of 48 bits. */
  siteShare: number;
}

/** What a count came to. */
export interface StrangerCount {
  isAllowed: boolean;
  /** Of the network; of the site, or of all, where it is known that they may do no more. */
  quota: Quota;
  /** Milliseconds until there is room again by the limit that is met, or else by the network's. */
  resetMs: number;
}

interface Counter {
  limit: SharedLimit;
  id: string;
}

/** The limits of one thing. */
export class StrangerLimit {
  readonly #secret: string;
  readonly #limits: { network: SharedLimit; site: SharedLimit; all: SharedLimit };

  constructor({ redis, keyPrefix, secret, network, perDay, siteShare }: LimitsOptions) {
    this.#secret = secret;
    const limit = (name: string, max: number, window: SharedLimitOptions['window']) =>
      new SharedLimit({ redis, keyPrefix: `${keyPrefix}:${name}`, max, window });
    this.#limits = {
      network: limit('network', network.max, network.window),
      site: limit('site', Math.ceil(perDay * siteShare), '1 d'),
      all: limit('all', perDay, '1 d'),
    };
  }

  /**
   * Counts, from the narrowest limit to the widest: what one network isn't allowed doesn't count for all.
   * @param address null where the platform doesn't say: all such callers are one network.
   */
  async take(address: string | null, amount = 1): Promise<StrangerCount> {
    const [network, ...others] = await this.#countersOf(address);
    // A site has 65,536 networks: once it may do no more, none of them costs a command.
    for (const { limit, id } of others) {
      const refused = limit.knownRefusal(id);
      if (refused) return { isAllowed: false, quota: refused.quota, resetMs: refused.quota.resetMs };
    }
    const { isAllowed, quota } = await network.limit.take(network.id, amount);
    if (!isAllowed) return { isAllowed, quota, resetMs: quota.resetMs };
    for (const { limit, id } of others) {
      const counted = await limit.take(id, amount);
      if (!counted.isAllowed) return { isAllowed: false, quota, resetMs: counted.quota.resetMs };
    }
    return { isAllowed, quota, resetMs: quota.resetMs };
  }

  /** Takes back what {@link take} allowed. */
  async giveBack(address: string | null, amount = 1): Promise<void> {
    for (const { limit, id } of await this.#countersOf(address)) await limit.giveBack(id, amount);
  }

  /** The network's first. */
  async #countersOf(address: string | null): Promise<[Counter, ...Counter[]]> {
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
      new StrangerLimit({
        ...options,
        keyPrefix: `${options.keyPrefix}strangers:${name}`,
        network: { max: perHour, window: '1 h' },
        perDay,
        siteShare: SITE_SHARE,
      });
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
    const { isAllowed, resetMs } = await this.#limitOf(what).take(address);
    if (isAllowed) return null;
    const retryAfterS = Math.ceil(resetMs / 1_000);
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
