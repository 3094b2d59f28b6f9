/** The chat. */

import { useRef } from 'preact/hooks';
import { CHAT_HISTORY_MESSAGES, MAX_CHAT_CHARS } from '../../../../protocol/index.ts';
import type { ChatEntry, ChatStatus } from '../../../sdk/chat-log.ts';
import { authorColor } from '../../person-color.ts';
import { useDraft } from '../../ui/drafts.ts';
import { useFollowEnd } from '../../ui/follow-end.ts';
import { lazy } from '../../ui/lazy.tsx';
import { memo } from '../../ui/memo.ts';
import { useValue } from '../../ui/store.ts';
import { timeOfDay } from '../../ui/times.ts';
import { isOverIn } from '../jam.ts';
import { useJam, useSession } from '../use-jam.ts';

/** What an own message says about itself; others' say nothing. */
const WORDS: Record<ChatStatus, string> = {
  pending: 'sending…',
  sent: 'sent',
  saved: 'saved',
  refused: 'not accepted',
  received: '',
};

const OlderMessages = lazy(async () => (await import('../later.ts')).OlderMessages);

export function ChatPanel() {
  const { client, storedChat, key, sessionId } = useJam();
  const live = useSession(
    (snapshot) => snapshot.chat,
    // Entries are replaced, never changed, so equal references mean that there is nothing to do.
    (one, other) => one.length === other.length && one.every((entry, index) => entry === other[index]),
  );
  const stored = useValue(storedChat);
  const chat = live.length > 0 ? live : stored;
  // The room sends the newest messages of chat and AI together.
  const said = useSession(({ conversation }) => conversation.length) + chat.length;
  const isOpen = useSession(({ connection }) => !isOverIn(connection));
  // Whose colours the authors have.
  useSession((snapshot) => snapshot.participants);
  const { list, toEnd } = useFollowEnd<HTMLDivElement>(chat);
  const input = useRef<HTMLInputElement>(null);
  const { form, sent } = useDraft(`chat:${sessionId}`);
  const say = (event: Event) => {
    event.preventDefault();
    const { current } = input;
    // What isn't taken stays in the field.
    if (!current || current.value.trim() === '' || client.chat(current.value) === null) return;
    current.value = '';
    sent();
    toEnd();
  };
  return (
    <>
      <div class="messages" role="log" aria-label="Messages" tabIndex={0} ref={list} data-testid="chat-list">
        {key.isThere && said >= CHAT_HISTORY_MESSAGES && <OlderMessages list={list} chat={chat} />}
        <ol>
          {chat.map((entry) => (
            <Message key={entry.id} entry={entry} color={authorColor(client, entry.displayName)} />
          ))}
        </ol>
      </div>
      {chat.length === 0 && <p class="empty">No messages yet.</p>}
      <form class="chat-form" {...form} onSubmit={say}>
        <input
          id="chat-input"
          name="message"
          type="text"
          autocomplete="off"
          placeholder="Say something"
          aria-label="Message"
          maxLength={MAX_CHAT_CHARS}
          disabled={!isOpen}
          ref={input}
          data-testid="chat-input"
        />
        <button type="submit" disabled={!isOpen} data-testid="chat-send">
          Send
        </button>
      </form>
    </>
  );
}

const Message = memo(function Message({ entry, color }: { entry: ChatEntry; color: number }) {
  return (
    <li class="message" data-state={entry.status} data-id={entry.id}>
      <p class="message-head">
        <span class={`message-name color-${color}`}>{entry.displayName}</span>
        <time>{timeOfDay(entry.atMs)}</time>
        <span class="message-status">{WORDS[entry.status]}</span>
      </p>
      <p class="message-text">{entry.text}</p>
    </li>
  );
});
