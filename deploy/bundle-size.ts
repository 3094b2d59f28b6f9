/** `npm run bundle-size`: how large the Worker's bundle is, and whether it fits. */
import { BUDGET_BYTES, bundleLine, bundleWorker } from './bundles.ts';
import { DeployError } from './errors.ts';
import { main } from './session.ts';

await main(async () => {
  const bundle = await bundleWorker(process.env, () => {});
  process.stdout.write(`${bundleLine(bundle)}\n`);
  if (bundle.gzipBytes > BUDGET_BYTES) throw new DeployError('the Worker is over the budget');
});
