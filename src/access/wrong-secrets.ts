/**
 * Bounds what wrong secrets of machines cost: the flush secret, and the metrics' token. A network that has
 * sent too many is told to wait, and so is every wrong one once too many came from all together.
 *
 * A right secret is compared first, and never counted nor refused: the cron, a room and an operator behind
 * the same address as an attacker get through. So this doesn't make a guess less likely to succeed. The
 * secrets' length does.
 */
import type { RedisScripts } from '../redis/client.ts';
import { StrangerLimit } from './stranger-limits.ts';

export const MAX_WRONG_SECRETS_PER_HOUR = 30;
/** Of all networks together; a site of IPv6 networks may take a fifth of it. */
export const MAX_WRONG_SECRETS_PER_DAY = 1_000;
const SITE_SHARE = 1 / 5;

interface WrongSecretsOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
  /** Told when a limit is met, once in a while. */
  onLimit(): void;
}

const TELL_EVERY_MS = 3_600_000;

export class WrongSecrets {
  readonly #limit: StrangerLimit;
  readonly #onLimit: () => void;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor({ redis, keyPrefix, secret, onLimit }: WrongSecretsOptions) {
    this.#onLimit = onLimit;
    this.#limit = new StrangerLimit({
      redis,
      keyPrefix: `${keyPrefix}secrets`,
      secret,
      network: { max: MAX_WRONG_SECRETS_PER_HOUR, window: '1 h' },
      perDay: MAX_WRONG_SECRETS_PER_DAY,
      siteShare: SITE_SHARE,
    });
  }

  /**
   * Counts a wrong secret. While Redis is out of reach, each instance counts by itself.
   * @param address null where the platform doesn't say.
   * @returns null, or after how many seconds the sender may try again.
   */
  async count(address: string | null): Promise<number | null> {
    const { isAllowed, resetMs } = await this.#limit.take(address);
    if (isAllowed) return null;
    const nowMs = Date.now();
    if (nowMs - this.#toldAtMs >= TELL_EVERY_MS) {
      this.#toldAtMs = nowMs;
      this.#onLimit();
    }
    return Math.ceil(resetMs / 1_000);
  }
}
