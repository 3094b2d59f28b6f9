import type { ClientMessageOf } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import type { HandlerContext } from './context.ts';

/**
 * Accepts a chat message. Every client sees it, the sender's too, under the id and time it will be stored
 * with. An id that is another's message's is a conflict.
 */
export async function chatMessage(
  { payload }: ClientMessageOf<'chat_message'>,
  { sender, session: hosted, outbox, participants, limits, authors, requestId }: HandlerContext,
): Promise<void> {
  const session = await hosted.open();
  // A client that was kicked or replaced meanwhile sends the message again on its next connection, if it
  // still may.
  if (!hasJoined(sender)) return;
  const id = payload.id ?? crypto.randomUUID();
  // A resend isn't counted: after a reconnect a client has to send what wasn't acknowledged.
  if (!session.knows(id) && !limits.takePerMinute(sender, 'chat', Date.now())) {
    outbox.refuse(sender, 'too_many_requests', 'too many chat messages, try again in a minute', {
      requestId,
    });
    return;
  }
  const { participantId, role } = sender.state;
  if (role === 'viewer' && !session.knows(id) && !limits.takeAudienceChat(participants.size, Date.now())) {
    outbox.refuse(sender, 'too_many_requests', 'many are writing at the moment, try again in a few seconds', {
      requestId,
    });
    return;
  }
  if (!(await authors.claim(id, participantId))) {
    outbox.refuse(sender, 'conflict', 'this message id is taken; send the message with another', {
      requestId,
    });
    return;
  }
  if (!hasJoined(sender)) return;
  const { displayName, userId, avatarUrl } = sender.state;
  const accepted = session.addMessage(sender.id, {
    id,
    type: 'chat',
    role: 'user',
    userId,
    displayName,
    avatarUrl,
    content: payload.message,
    isActionable: false,
    isCodeResponse: false,
    strudelId: null,
  });
  if (accepted === 'duplicate') return;
  if (accepted === 'full') {
    outbox.refuse(
      sender,
      'server_error',
      'too many messages wait to be stored; send this one again in a moment',
      { requestId },
    );
    return;
  }
  authors.record(id, participantId);
  outbox.broadcast('chat_message', {
    id,
    message: accepted.content,
    display_name: displayName,
    user_id: userId,
    avatar_url: avatarUrl,
    timestamp: accepted.createdAtMs,
    position: accepted.position,
  });
}
