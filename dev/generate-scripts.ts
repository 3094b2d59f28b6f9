/**
 * Turns src/redis/scripts/*.lua into a TypeScript module, so that every bundler (partykit's, wrangler's,
 * vite's) takes them as they are. `npm run generate` writes it; `--check` fails when it is out of date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

const folder = new URL('../src/redis/scripts/', import.meta.url);
const target = new URL('../src/redis/scripts.generated.ts', import.meta.url);

const scripts = readdirSync(folder)
  .filter((file) => file.endsWith('.lua'))
  .sort()
  .map((file) => [basename(file, '.lua'), readFileSync(new URL(file, folder), 'utf8')] as const);

const text = [
  '// Generated from src/redis/scripts/*.lua by `npm run generate`. Edit those.',
  'export const scripts = {',
  ...scripts.map(([name, source]) => `  ${name}: ${JSON.stringify(source)},`),
  '} as const;',
  '',
].join('\n');

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    process.stderr.write('src/redis/scripts.generated.ts is out of date: run `npm run generate`\n');
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
