/** Counters of the two HTTP fronts: what Upstash and Neon would have been asked. */
import { z } from 'zod';

const redisSchema = z.object({ commands: z.number(), bytesIn: z.number(), bytesOut: z.number() });
const neonSchema = redisSchema.omit({ commands: true }).extend({
  transactions: z.number(),
  statements: z.number(),
});

export interface FrontCounters {
  /** As Upstash bills them: a script is one command. */
  redisCommands: number;
  /** Of request and response bodies. */
  redisBytes: number;
  neonTransactions: number;
  neonStatements: number;
  neonBytes: number;
}

export async function readFronts(urls: {
  redisRestUrl: string;
  neonFetchEndpoint: string;
}): Promise<FrontCounters> {
  const ask = async (url: string): Promise<unknown> => (await fetch(new URL('/_stats', url))).json();
  const [redis, neon] = await Promise.all([
    ask(urls.redisRestUrl).then((raw) => redisSchema.parse(raw)),
    ask(urls.neonFetchEndpoint).then((raw) => neonSchema.parse(raw)),
  ]);
  return {
    redisCommands: redis.commands,
    redisBytes: redis.bytesIn + redis.bytesOut,
    neonTransactions: neon.transactions,
    neonStatements: neon.statements,
    neonBytes: neon.bytesIn + neon.bytesOut,
  };
}
