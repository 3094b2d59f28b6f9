import type { StrudelMessage } from '../sdk/api/strudels.ts';
import type { ConversationTurn } from '../sdk/conversation.ts';

/** What of a conversation is kept with a strudel: what was asked, and answered. */
export function keptTurns(turns: readonly ConversationTurn[]): StrudelMessage[] {
  return turns
    .filter(({ status }) => status === 'done')
    .map(({ role, text, code, questions }) => ({
      role,
      content: code ?? [text, ...questions].filter((part) => part !== '').join('\n'),
      isCodeResponse: code !== null,
    }))
    .filter(({ content }) => content !== '');
}
