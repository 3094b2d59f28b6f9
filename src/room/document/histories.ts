/** A session's messages as `session_state` shows them. */

import type { SaidMessage } from '../../domain/types.ts';
import type { ServerPayload } from '../../protocol/index.ts';

type State = ServerPayload<'session_state'>;

export function chatHistory(messages: readonly SaidMessage[]): State['chat_history'] {
  return messages
    .filter(({ type }) => type === 'chat')
    .map(({ id, displayName, avatarUrl, content, createdAtMs, position }) => ({
      id,
      display_name: displayName,
      avatar_url: avatarUrl,
      content,
      timestamp: createdAtMs,
      position,
    }));
}

/** The conversation with the AI about one strudel, or about the scratch code (null). */
export function conversationHistory(
  messages: readonly SaidMessage[],
  strudelId: string | null,
): State['conversation_history'] {
  return messages
    .filter((message) => message.type !== 'chat' && message.strudelId === strudelId)
    .map(({ id, role, content, isCodeResponse, displayName, createdAtMs }) => ({
      id,
      role,
      content,
      is_code_response: isCodeResponse,
      display_name: displayName,
      timestamp: createdAtMs,
    }));
}
