import type { Quota } from '../../access/shared-limit.ts';
import type { ServerPayload } from '../../protocol/index.ts';

export type { Quota };

/** What is left, as askers are told. */
export function rateLimitOf({
  limit,
  remaining,
  resetMs,
}: Quota): ServerPayload<'agent_response'>['rate_limit'] {
  return {
    requests_remaining: remaining,
    requests_limit: limit,
    reset_seconds: Math.ceil(resetMs / 1000),
  };
}
