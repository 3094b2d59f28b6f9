import { MAX_STRUDEL_MESSAGE_CHARS, MAX_STRUDEL_MESSAGES } from '../../../../protocol/limits.ts';
import type { ConversationTurn } from '../../../sdk/conversation.ts';

/**
 * What of a conversation is kept with a strudel: what was asked, and answered. What is too long is left out,
 * as a part of a program would be no program.
 */
export function keptTurns(turns: readonly ConversationTurn[]) {
  return turns
    .filter(({ status }) => status === 'done')
    .map(({ role, text, code, questions }) => ({
      role,
      content: code ?? [text, ...questions].filter((part) => part !== '').join('\n'),
      is_code_response: code !== null,
    }))
    .filter(({ content }) => content !== '' && content.length <= MAX_STRUDEL_MESSAGE_CHARS)
    .slice(-MAX_STRUDEL_MESSAGES);
}
