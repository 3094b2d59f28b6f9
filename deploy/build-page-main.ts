/** `npm run build`: the page, where wrangler and `partykit dev` look for it. */
import { buildPage, PAGE_DIR } from './build-page.ts';

const { files } = await buildPage({ outDir: PAGE_DIR, minify: true });
process.stdout.write(`${files.map((file) => `dist/page/${file}\n`).join('')}`);
