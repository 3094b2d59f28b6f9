import type { ErrorCode } from '../protocol/index.ts';

/** A refusal as the protocol has it. */
export function refuse(status: number, error: ErrorCode, message: string): Response {
  return Response.json({ error, message }, { status });
}
