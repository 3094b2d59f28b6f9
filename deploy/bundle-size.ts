/** `npm run bundle-size`: how large both bundles are, and whether they fit. */
import { BUDGET_BYTES, bundleLine, makeBundles } from './bundles.ts';
import { DeployError } from './errors.ts';
import { main } from './session.ts';

await main(async () => {
  const bundles = await makeBundles(process.env, () => {});
  for (const bundle of bundles) process.stdout.write(`${bundleLine(bundle)}\n`);
  const large = bundles.filter(({ gzipBytes }) => gzipBytes > BUDGET_BYTES);
  if (large.length > 0) throw new DeployError(`over the budget: ${large.map(({ name }) => name).join(', ')}`);
});
