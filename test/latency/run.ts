/**
 * `npm run test:latency [-- --ms 250 -- what vitest is given]`: the integration tests with stores as far away
 * as over the internet, and further.
 *
 * Every request of the rooms and the Worker reaches its store up to `--ms` milliseconds late, and every
 * answer comes back up to as much late, each by chance. A test that passes only because a commit or a flush
 * is done at once fails here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { FaultProxy } from '../faults/proxy.ts';

const { values, positionals } = parseArgs({
  options: { ms: { type: 'string', default: '250' } },
  allowPositionals: true,
});
const mostMs = z.coerce.number().int().min(1).max(10_000).parse(values.ms);
const aWhile = () => delay(Math.random() * mostMs);

const proxy = new FaultProxy();
proxy.add((_request, forward) =>
  aWhile()
    .then(forward)
    .then(async (answer) => {
      await aWhile();
      return answer;
    }),
);
const vitest = spawn('npx', ['vitest', 'run', '--project', 'integration', ...positionals], {
  env: { ...process.env, BACKBEAT_PROXY: await proxy.listen() },
  stdio: 'inherit',
});
const [code] = await once(vitest, 'exit');
console.log(`${proxy.touched} requests came up to ${mostMs} ms late, and so did their answers`);
proxy.close();
process.exitCode = typeof code === 'number' ? code : 1;
