/** `npm run bundle-size`: how large the Worker's bundle and the pages are, and whether they fit. */
import { BUDGET_BYTES, bundleLine, bundleWorker, measurePages, PAGE_BUDGETS, pageLine } from './bundles.ts';
import { DeployError } from './errors.ts';
import { main } from './session.ts';

await main(async () => {
  const pages = await measurePages();
  for (const page of pages) process.stdout.write(`${pageLine(page)}\n`);
  const bundle = await bundleWorker(process.env, () => {});
  process.stdout.write(`${bundleLine(bundle)}\n`);
  if (bundle.gzipBytes > BUDGET_BYTES) throw new DeployError('the Worker is over the budget');
  for (const { name, gzipBytes } of pages) {
    const budget = PAGE_BUDGETS[name];
    if (budget === undefined) throw new DeployError(`${name} has no budget`);
    if (gzipBytes > budget) throw new DeployError(`${name} is over the budget`);
  }
});
