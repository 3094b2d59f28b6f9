/**
 * Renders the picture that is shown where an address of the site is pasted, with Chromium: `npx tsx
 * dev/render-social-picture.ts` after a change of `src/client/social/social.svg`. The result is committed, as
 * a build has no browser.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { SOCIAL_IMAGE } from '../src/worker/social-tags.ts';
import { PROJECT_DIR } from './project.ts';

const FOLDER = join(PROJECT_DIR, 'src', 'client', 'social');

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium' });
try {
  const { width, height } = SOCIAL_IMAGE;
  const page = await browser.newPage({ viewport: { width, height } });
  const svg = readFileSync(join(FOLDER, 'social.svg'), 'utf8');
  await page.setContent(`<style>body { margin: 0 } svg { display: block }</style>${svg}`);
  const png = await page.screenshot({ type: 'png' });
  writeFileSync(join(FOLDER, 'social.png'), png);
  process.stdout.write(`src/client/social/social.png: ${png.length} bytes\n`);
} finally {
  await browser.close();
}
