/**
 * Backbeat's rooms on Postgres alone, one UPDATE an edit: what the same product would be without its buffer.
 */
import { wireRooms } from '../../src/compose.ts';
import type { Commit, CommitResult } from '../../src/domain/types.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';

export { AiDesk, default, SessionRoom, Sweeper } from '../../src/hosts/partyserver.ts';

/**
 * Undoes the rooms' group commit: what came in one commit is written edit by edit, each with a
 * revision of its own.
 */
class OneUpdateAnEdit extends PostgresSessionRepository {
  override async commit(commit: Commit): Promise<CommitResult> {
    const { code } = commit;
    for (let left = (code?.edits ?? 1) - 1; code && left > 0; left--) {
      await super.commit({ ...commit, code: { ...code, rev: code.rev - left, edits: 1 }, messages: [] });
    }
    return super.commit(commit);
  }
}

wireRooms(
  (config) =>
    new OneUpdateAnEdit(
      connectNeon({
        databaseUrl: config.DATABASE_URL,
        fetchEndpoint: config.NEON_FETCH_ENDPOINT,
        timeoutMs: config.POSTGRES_TIMEOUT_MS,
      }),
    ),
);
