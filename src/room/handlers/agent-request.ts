import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/**
 * Passes a request on to the AI; see {@link AgentRuns}. Resolves when the request has ended, with an answer
 * or without.
 */
export function agentRequest(
  { payload }: ClientMessageOf<'agent_request'>,
  context: HandlerContext,
): Promise<void> {
  return context.agents.ask(payload, context.sender, context);
}
