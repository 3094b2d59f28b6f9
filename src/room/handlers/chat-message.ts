import type { ClientMessageOf } from '../../protocol/index.ts';
import { isMember } from '../connections/connection.ts';
import type { HandlerContext } from './context.ts';

/** Accepts a chat message; everybody sees it, the sender too, under the id and time it will be stored with. */
export async function chatMessage(
  { payload }: ClientMessageOf<'chat_message'>,
  { sender, room, requestId }: HandlerContext,
): Promise<void> {
  const session = await room.session();
  // Whoever was sent away or replaced meanwhile sends it again, if he may.
  if (!isMember(sender)) return;
  const { displayName, userId, avatarUrl } = sender.state;
  const id = payload.id ?? crypto.randomUUID();
  // A resend isn't counted: the client is doing what it should.
  if (!session.knows(id) && !room.takePerMinute(sender, 'chat')) {
    room.refuse(sender, 'too_many_requests', 'too many chat messages, try again in a minute', requestId);
    return;
  }
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
    room.refuse(
      sender,
      'server_error',
      'too many messages wait to be stored; send this one again in a moment',
      requestId,
    );
    return;
  }
  room.broadcast('chat_message', {
    id,
    message: accepted.content,
    display_name: displayName,
    user_id: userId,
    avatar_url: avatarUrl,
    timestamp: accepted.createdAtMs,
    position: accepted.position,
  });
}
