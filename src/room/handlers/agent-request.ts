import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Passes a request on to the AI; see {@link AgentRuns}. Resolves when it has ended, in an answer or otherwise. */
export function agentRequest(
  { payload }: ClientMessageOf<'agent_request'>,
  context: HandlerContext,
): Promise<void> {
  return context.room.agents.ask(payload, context);
}
