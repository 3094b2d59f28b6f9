/** One handler a message type, and who may use it: the only place where a role decides. */
import type { ClientMessageOf, ClientMessageType, Role } from '../../protocol/index.ts';
import { agentRequest } from './agent-request.ts';
import { chatMessage } from './chat-message.ts';
import { codeUpdate } from './code-update.ts';
import type { HandlerContext } from './context.ts';
import { cursorPosition } from './cursor-position.ts';
import { ping } from './ping.ts';
import { play } from './play.ts';
import { stop } from './stop.ts';

const EVERYBODY: readonly Role[] = ['host', 'co-author', 'viewer'];
const WRITERS: readonly Role[] = ['host', 'co-author'];

type Handlers = {
  [T in ClientMessageType]: {
    roles: readonly Role[];
    /** What happens to a message of somebody else's: an error, or nothing at all. */
    otherwise: 'refused' | 'ignored';
    handle(message: ClientMessageOf<T>, context: HandlerContext): void | Promise<void>;
  };
};

const handlers: Handlers = {
  code_update: { roles: WRITERS, otherwise: 'refused', handle: codeUpdate },
  chat_message: { roles: EVERYBODY, otherwise: 'refused', handle: chatMessage },
  agent_request: { roles: WRITERS, otherwise: 'refused', handle: agentRequest },
  cursor_position: { roles: WRITERS, otherwise: 'ignored', handle: cursorPosition },
  play: { roles: WRITERS, otherwise: 'refused', handle: play },
  stop: { roles: WRITERS, otherwise: 'refused', handle: stop },
  ping: { roles: EVERYBODY, otherwise: 'refused', handle: ping },
};

/** Passes a message to its handler, if the sender's role may send it. */
export async function dispatch<T extends ClientMessageType>(
  message: ClientMessageOf<T> & { type: T },
  context: HandlerContext,
): Promise<void> {
  const { roles, otherwise, handle } = handlers[message.type];
  const { sender, room, requestId } = context;
  if (!roles.includes(sender.state.role)) {
    if (otherwise === 'refused')
      room.refuse(sender, 'forbidden', `a ${sender.state.role} may not do this`, requestId);
    return;
  }
  await handle(message, context);
}
