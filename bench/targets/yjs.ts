/**
 * What the Yjs servers have in common: the packages of `bench/peers`, and documents stored as binary states.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { PROJECT_DIR, tsxArgs } from '../../dev/project.ts';
import type { StoredSession } from '../measure/postgres.ts';
import type { Engines } from './target.ts';

const PEERS_DIR = join(PROJECT_DIR, 'bench', 'peers');

/** Installs what only the comparison needs. @throws {Error} when npm can't. */
export function installPeers(say: (line: string) => void): void {
  if (existsSync(join(PEERS_DIR, 'node_modules', '@hocuspocus', 'provider'))) return;
  say('installing the peers (bench/peers)');
  const { status } = spawnSync('npm', ['ci', '--prefix', PEERS_DIR], {
    cwd: PEERS_DIR,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('the peers could not be installed');
}

export async function createDocumentsTable(postgres: {
  query(text: string): Promise<unknown>;
}): Promise<void> {
  await postgres.query('create table documents (name text primary key, state bytea not null)');
}

export const DOCUMENTS_BYTES_SQL = 'select name as id, octet_length(state) as bytes from documents';

const lineSchema = z.object({ id: z.string(), digest: z.string() });

/** Reads the documents in a process of its own, since Yjs isn't among the main packages. */
export async function storedDocuments({ stack }: Engines): Promise<Map<string, StoredSession>> {
  const child = spawn(process.execPath, tsxArgs('bench/peers/stored.ts'), {
    env: { ...process.env, DATABASE_URL: stack.databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stored = new Map<string, StoredSession>();
  for await (const line of createInterface({ input: child.stdout })) {
    const { id, digest } = lineSchema.parse(JSON.parse(line));
    stored.set(id, { rev: 0, digest });
  }
  return stored;
}
