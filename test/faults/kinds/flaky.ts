/** A service that misbehaves for a while, for some of the requests. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { type Answer, CUT, type ProxiedRequest } from '../proxy.ts';
import type { Random } from '../random.ts';
import { until } from '../until.ts';

const WHILE_MS: [number, number] = [1_500, 4_000];
/** Share of the requests that it happens to. */
const SHARES = [0.3, 0.7, 1] as const;

export function flaky(options: {
  name: string;
  what: string;
  store: ProxiedRequest['store'];
  misbehave(forward: () => Promise<Answer>, random: Random): Promise<Answer | typeof CUT>;
}): Fault {
  return {
    name: options.name,
    what: options.what,
    // Two rules can't have one request.
    parts: [options.store === 'redis' ? 'redisRest' : 'neonHttp'],
    async run({ world: { proxy }, random }) {
      const share = random.pick(SHARES);
      let isTouched = false;
      const end = proxy.add(({ store }, forward) => {
        if (store !== options.store || !random.chance(share)) return null;
        isTouched = true;
        return options.misbehave(forward, random);
      });
      await delay(random.int(...WHILE_MS));
      await until('it has happened to a request', () => isTouched);
      end();
    },
  };
}

export const answer = (status: number, body: object): Answer => ({
  status,
  body: Buffer.from(JSON.stringify(body)),
});

/** The answer, cut somewhere in its middle. */
export async function truncated(forward: () => Promise<Answer>, random: Random): Promise<Answer> {
  const whole = await forward();
  return { ...whole, truncatedAt: random.int(0, whole.body.length - 1) };
}

/** It took effect, and the caller never hears of it. */
export async function answerLost(forward: () => Promise<Answer>): Promise<typeof CUT> {
  await forward();
  return CUT;
}

/**
 * Late, maybe so late that the caller has given up and the request takes effect after
 * whatever was done instead.
 */
export async function slow(
  forward: () => Promise<Answer>,
  random: Random,
  timeoutMs: number,
): Promise<Answer> {
  await delay(random.int(0, timeoutMs * 2));
  return forward();
}
