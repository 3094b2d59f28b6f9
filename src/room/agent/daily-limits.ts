/**
 * How often the AI may be asked on the operator's key on one day, over all rooms, restarts and reconnects: by
 * one person, by one site without accounts, by all without accounts, and by all together.
 */
import { type Counted, SharedLimit } from '../../access/shared-limit.ts';
import { MAX_AI_REQUESTS_PER_DAY } from '../../protocol/index.ts';
import type { RedisScripts } from '../../redis/client.ts';
import type { CountedPerson } from './desk-request.ts';

/** The part of what all without accounts have that one site may take. */
const SITE_SHARE = 1 / 4;
const EVERYBODY = 'all';

interface DailyLimitsOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
  /** Requests of all together, and of all without accounts. */
  perDay: { all: number; anonymous: number };
}

/** The result of counting a request. `isShared`: the limit that is met is one of several people. */
export type CountedRequest = Counted & { isShared: boolean };

interface Counter {
  limit: SharedLimit;
  id: string;
  isShared: boolean;
}

export class DailyLimits {
  readonly #limits: Record<'user' | 'anonymous' | 'site' | 'strangers' | 'all', SharedLimit>;

  constructor({ redis, keyPrefix, perDay }: DailyLimitsOptions) {
    const limit = (name: string, max: number) =>
      new SharedLimit({ redis, keyPrefix: `${keyPrefix}ai:${name}`, max, window: '1 d' });
    this.#limits = {
      user: limit('user', MAX_AI_REQUESTS_PER_DAY.user),
      anonymous: limit('anonymous', MAX_AI_REQUESTS_PER_DAY.anonymous),
      site: limit('site', Math.ceil(perDay.anonymous * SITE_SHARE)),
      strangers: limit('strangers', perDay.anonymous),
      all: limit('all', perDay.all),
    };
  }

  /**
   * Counts a request, if the day has room for it by each limit. One that isn't allowed counts for nobody
   * else.
   * @returns the person's own quota, or that of the limit which is met.
   */
  async take(person: CountedPerson): Promise<CountedRequest> {
    const taken: { counter: Counter; counted: Counted }[] = [];
    for (const counter of this.#countersOf(person)) {
      const counted = await counter.limit.take(counter.id);
      if (!counted.isAllowed) {
        for (const { counter } of taken) await counter.limit.giveBack(counter.id);
        return { ...counted, isShared: counter.isShared };
      }
      taken.push({ counter, counted });
    }
    const [own] = taken;
    if (own === undefined) throw new Error('each person has a limit of their own');
    return { ...own.counted, isShared: false };
  }

  /** Takes back what `take` counted: the person got no answer. */
  async giveBack(person: CountedPerson): Promise<CountedRequest> {
    // All at once: they may ask again at once, and then their own count has to be right.
    const [own, ...others] = this.#countersOf(person).map(({ limit, id }) => limit.giveBack(id));
    if (own === undefined) throw new Error('each person has a limit of their own');
    await Promise.all(others);
    return { ...(await own), isShared: false };
  }

  /** The person's own first. */
  #countersOf(person: CountedPerson): [Counter, ...Counter[]] {
    const { user, anonymous, site, strangers, all } = this.#limits;
    const everybody = { limit: all, id: EVERYBODY, isShared: true };
    if (person.kind === 'user') return [{ limit: user, id: person.id, isShared: false }, everybody];
    return [
      { limit: anonymous, id: person.id, isShared: false },
      { limit: site, id: person.siteId, isShared: true },
      { limit: strangers, id: EVERYBODY, isShared: true },
      everybody,
    ];
  }
}
