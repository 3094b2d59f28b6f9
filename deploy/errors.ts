import { messageOf } from '../dev/errors.ts';

/**
 * A problem that the person who deploys can act on: shown as one message without a stack trace,
 * and without any secret.
 */
export class DeployError extends Error {
  override readonly name = 'DeployError';
}

/** What was wrong in the end: `fetch failed` and the like say why only in what is below them. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  // Neon's driver has its own name for a cause.
  const below = error.cause ?? ('sourceError' in error ? error.sourceError : null);
  if (below instanceof Error) return reasonOf(below);
  // Of several attempts, each with an error of its own, only the code is common.
  return error.message || ('code' in error ? String(error.code) : error.name);
}
