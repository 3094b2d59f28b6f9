/** The AI over HTTP. A Worker has too little CPU to stream an answer, so an object does all of it. */
import type { Context } from 'hono';
import * as routes from '../../protocol/http/agent.ts';
import type { GenerateRequest } from '../../protocol/messages.ts';
import type { DESK_PATHS } from '../../room/agent/desk-request.ts';
import { addressOf } from '../address.ts';
import { maybeKnown } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { type Served, serve } from '../serve.ts';

function ask(
  c: Context<AppEnv>,
  userId: string | null,
  question: GenerateRequest,
  answer: keyof typeof DESK_PATHS,
): Promise<Response> {
  const asker = { userId, address: addressOf(c) };
  return c.var.services.desk.ask(question, asker, { answer, signal: c.req.raw.signal });
}

export const agentRoutes: Served[] = [
  serve(routes.generate, maybeKnown, ({ c, caller, body }) => ask(c, caller, body, 'whole')),
  serve(routes.streamGenerate, maybeKnown, ({ c, caller, body }) => ask(c, caller, body, 'stream')),
];
