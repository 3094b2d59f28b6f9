/** How often one person may ask the AI on one day, over all rooms, restarts and reconnects. */
import { type Counted, SharedLimit } from '../../access/shared-limit.ts';
import { MAX_AI_REQUESTS_PER_DAY } from '../../protocol/index.ts';
import type { RedisScripts } from '../../redis/client.ts';

/** For whom requests are counted. The id goes into Redis as it is. */
export interface CountedPerson {
  kind: keyof typeof MAX_AI_REQUESTS_PER_DAY;
  id: string;
}

interface DailyLimitsOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
}

export class DailyLimits {
  readonly #limits: Record<CountedPerson['kind'], SharedLimit>;

  constructor({ redis, keyPrefix }: DailyLimitsOptions) {
    const perDay = (kind: CountedPerson['kind']) =>
      new SharedLimit({
        redis,
        keyPrefix: `${keyPrefix}ai:${kind}`,
        max: MAX_AI_REQUESTS_PER_DAY[kind],
        window: '1 d',
      });
    this.#limits = { anonymous: perDay('anonymous'), user: perDay('user') };
  }

  /** Counts a request, if the day has room for it. */
  take({ kind, id }: CountedPerson): Promise<Counted> {
    return this.#limits[kind].take(id);
  }

  /** Takes back what `take` counted: the person got no answer. */
  giveBack({ kind, id }: CountedPerson): Promise<Counted> {
    return this.#limits[kind].giveBack(id);
  }
}
