/** One handler a message type, and the permission that it needs. */

import { type Action, may } from '../../domain/permissions.ts';
import type { ClientMessageOf, ClientMessageType } from '../../protocol/index.ts';
import { agentRequest } from './agent-request.ts';
import { answerKnock } from './answer-knock.ts';
import { chatMessage } from './chat-message.ts';
import { codeUpdate } from './code-update.ts';
import type { HandlerContext } from './context.ts';
import { cursorPosition } from './cursor-position.ts';
import { ping, pong } from './ping.ts';
import { play } from './play.ts';
import { resync } from './resync.ts';
import { stop } from './stop.ts';
import { switchStrudel } from './switch-strudel.ts';
import { takeBack } from './take-back.ts';

type Handlers = {
  [T in ClientMessageType]: {
    action: Action;
    /**
     * What happens to a message whose sender lacks the permission: it is answered with an error, or ignored.
     */
    otherwise: 'refused' | 'ignored';
    handle(message: ClientMessageOf<T>, context: HandlerContext): void | Promise<void>;
  };
};

const handlers: Handlers = {
  code_update: { action: 'edit_code', otherwise: 'refused', handle: codeUpdate },
  take_back: { action: 'edit_code', otherwise: 'refused', handle: takeBack },
  chat_message: { action: 'chat', otherwise: 'refused', handle: chatMessage },
  agent_request: { action: 'ask_agent', otherwise: 'refused', handle: agentRequest },
  switch_strudel: { action: 'switch_strudel', otherwise: 'refused', handle: switchStrudel },
  cursor_position: { action: 'move_cursor', otherwise: 'ignored', handle: cursorPosition },
  play: { action: 'play', otherwise: 'refused', handle: play },
  stop: { action: 'play', otherwise: 'refused', handle: stop },
  ping: { action: 'ping', otherwise: 'refused', handle: ping },
  pong: { action: 'ping', otherwise: 'refused', handle: pong },
  resync: { action: 'read_session', otherwise: 'refused', handle: resync },
  answer_knock: { action: 'answer_knocks', otherwise: 'refused', handle: answerKnock },
};

/** Passes a message to its handler if the sender's role has the permission. */
export async function dispatch<T extends ClientMessageType>(
  message: ClientMessageOf<T> & { type: T },
  context: HandlerContext,
): Promise<void> {
  const { action, otherwise, handle } = handlers[message.type];
  const { sender, outbox, requestId } = context;
  if (!may(sender.state.role, action)) {
    if (otherwise === 'refused') {
      outbox.refuse(sender, 'forbidden', `a ${sender.state.role} may not do this`, { requestId });
      if (message.type === 'code_update') context.edits.setOutOfStep(sender, 'edits are not allowed');
    }
    return;
  }
  await handle(message, context);
}
