/** The chat. */
import { MAX_CHAT_CHARS, type WireParticipant } from '../../protocol/index.ts';
import type { ChatEntry, ChatStatus } from '../sdk/chat-log.ts';
import { el, headed, itemsOf, setText, timeOfDay } from './dom.ts';
import { followEnd } from './follow-end.ts';
import { colorOf } from './person-color.ts';

/** What an own message says about itself; others' say nothing. */
const WORDS: Record<ChatStatus, string> = {
  pending: 'sending…',
  sent: 'sent',
  saved: 'saved',
  refused: 'not accepted',
  received: '',
};

/** @param say sends a message; false when it isn't taken, and then it stays in the field. */
export function createChatPanel(say: (text: string) => boolean) {
  const list = el('ol', {
    class: 'messages',
    role: 'log',
    'aria-label': 'Messages',
    tabindex: '0',
    'data-testid': 'chat-list',
  });
  const settle = followEnd(list);
  const empty = el('p', { class: 'empty' }, 'No messages yet.');
  const input = el('input', {
    id: 'chat-input',
    type: 'text',
    autocomplete: 'off',
    placeholder: 'Say something',
    'aria-label': 'Message',
    maxlength: String(MAX_CHAT_CHARS),
    'data-testid': 'chat-input',
  });
  const send = el('button', { type: 'submit', 'data-testid': 'chat-send' }, 'Send');
  const form = el('form', { class: 'chat-form' }, input, send);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.value.trim() === '' || !say(input.value)) return;
    input.value = '';
    settle(true);
  });
  const syncItems = itemsOf<ChatEntry>(list, createMessage, (item, entry) =>
    fillMessage(item, entry, present),
  );
  let shown: readonly ChatEntry[] = [];
  let present: readonly WireParticipant[] = [];
  return {
    element: headed('section', 'chat', 'panel chat-panel', 'Chat', list, empty, form),
    /** @param isOpen messages can be sent. */
    render(entries: readonly ChatEntry[], isOpen: boolean, participants: readonly WireParticipant[]) {
      input.disabled = !isOpen;
      send.disabled = !isOpen;
      // Entries are replaced, never changed, so equal references mean that there is nothing to do.
      if (entries.length === shown.length && entries.every((entry, index) => entry === shown[index])) return;
      shown = entries;
      present = participants;
      empty.hidden = entries.length > 0;
      syncItems(entries);
      settle();
    },
  };
}

function createMessage(): HTMLElement {
  return el(
    'li',
    { class: 'message' },
    el(
      'p',
      { class: 'message-head' },
      el('span', { class: 'message-name' }),
      el('time'),
      el('span', { class: 'message-status' }),
    ),
    el('p', { class: 'message-text' }),
  );
}

function fillMessage(item: HTMLElement, entry: ChatEntry, participants: readonly WireParticipant[]): void {
  item.dataset.state = entry.status;
  item.dataset.id = entry.id;
  const [head, text] = item.children;
  const [name, time, status] = head?.children ?? [];
  if (!text || !name || !time || !status) return;
  name.className = `message-name color-${colorOf(entry.displayName, participants)}`;
  setText(name, entry.displayName);
  setText(time, timeOfDay(entry.atMs));
  setText(status, WORDS[entry.status]);
  setText(text, entry.text);
}
