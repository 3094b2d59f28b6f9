/**
 * A new cluster, as `initdb` makes it, kept to be copied: under WebAssembly `initdb` takes ten times as
 * long as the copy. It lies with the installed packages, one for each version of PGlite, and may be
 * deleted at any time.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { z } from 'zod';
import { PROJECT_DIR } from '../project.ts';

/**
 * Fills an empty folder with a new cluster. Where no template can be kept it stays empty, and
 * PGlite fills it itself.
 */
export async function copyTemplate(dataDir: string): Promise<void> {
  const template = templateFolder();
  try {
    if (!existsSync(template)) await makeTemplate(template);
  } catch {
    return;
  }
  cpSync(template, dataDir, { recursive: true });
}

async function makeTemplate(template: string): Promise<void> {
  // In a folder of its own, and moved when it is complete: others may make theirs at the same time.
  const own = `${template}.${process.pid}`;
  mkdirSync(dirname(template), { recursive: true });
  try {
    const db = await PGlite.create(`file://${own}`);
    await db.close();
    renameSync(own, template);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    if (!existsSync(template)) throw error;
  }
}

function templateFolder(): string {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const { version } = packageSchema.parse(
    JSON.parse(readFileSync(join(dirname(dirname(entry)), 'package.json'), 'utf8')),
  );
  return join(PROJECT_DIR, 'node_modules/.cache/backbeat', `pglite-${version}`);
}

const packageSchema = z.object({ name: z.literal('@electric-sql/pglite'), version: z.string().min(1) });
