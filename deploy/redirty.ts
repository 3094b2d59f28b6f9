/**
 * Marks what a deployed system's Redis holds as dirty, clean sessions too: after its Postgres was restored
 * from a backup, which lacks what was flushed since.
 */
import { z } from 'zod';
import { ask, type Deployment } from './deployment.ts';

export const REDIRTY_USAGE = `Usage: npm run redirty -- URL [--env-file FILE]

After Postgres was restored from a backup: marks every session that Redis still holds as dirty, clean ones too, so
that the next sweeps write their newest code to Postgres again. What was settled since the backup and isn't in Redis
any more is gone: messages, and code older than CLEAN_TTL_S. FLUSH_SECRET comes from the shell or the file.
`;

const replySchema = z.object({ marked: z.number(), next: z.string().nullable() });

/**
 * Marks them, some with each request. Doing it again does no harm.
 * @returns how many.
 * @throws {DeployError} the Worker can't be asked.
 */
export async function redirty(deployment: Deployment): Promise<number> {
  let marked = 0;
  let cursor: string | null = null;
  do {
    const path: string = cursor === null ? '/flush/redirty' : `/flush/redirty?cursor=${cursor}`;
    const reply = replySchema.parse(JSON.parse(await ask(deployment, 'POST', path)));
    marked += reply.marked;
    cursor = reply.next;
  } while (cursor !== null);
  return marked;
}
