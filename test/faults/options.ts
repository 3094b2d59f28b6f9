/** What a run is asked to be. */
import { parseArgs } from 'node:util';
import { z } from 'zod';

export const USAGE = `Usage: npm run test:faults -- [options]

Puts a load on the real stack, breaks it, and checks that nothing acknowledged is lost.

  --short            every fault once, two in a round, with seed 1 unless one is given: about 5 minutes; what CI runs
  --minutes N        faults and pairs at random until the time is over
  --seeds N          every chosen fault with N seeds (default 1; with --compare 10)
  --seed N           the first seed (default: from the clock); with --fault it replays a failure
  --fault A,B+C      only these; + joins faults into one round (default: every one, then random pairs)
  --sessions N       sessions under load (default 50, with --short 25)
  --json FILE        writes the figures there
  --list             lists the faults
  --compare          instead: kill -9 of the server under load, here and at a plain debounce-to-Postgres server (Hocuspocus),
                     and how many edits that people saw as saved are gone
`;

const schema = z.object({
  short: z.boolean().default(false),
  minutes: z.coerce.number().positive().optional(),
  seeds: z.coerce.number().int().min(1).optional(),
  seed: z.coerce.number().int().min(0).optional(),
  fault: z.string().optional(),
  sessions: z.coerce.number().int().min(1).optional(),
  json: z.string().optional(),
  list: z.boolean().default(false),
  compare: z.boolean().default(false),
  help: z.boolean().default(false),
});
export type Options = z.infer<typeof schema>;

/** @throws {z.ZodError | TypeError} when they can't be understood. */
export function parseOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: flag,
      minutes: text,
      seeds: text,
      seed: text,
      fault: text,
      sessions: text,
      json: text,
      list: flag,
      compare: flag,
      help: flag,
    },
  });
  return schema.parse(values);
}
