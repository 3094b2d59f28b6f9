/** The top of the chat: what was said before the messages that the room sent comes when it is reached. */
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { listMessages } from '../../../../protocol/http/sessions.ts';
import { call } from '../../../sdk/call.ts';
import type { ChatEntry } from '../../../sdk/chat-log.ts';
import { Problem } from '../../ui/form.tsx';
import { useAction } from '../../ui/use-action.ts';
import { storedEntry } from '../jam.ts';
import { useJam } from '../use-jam.ts';

const PAGE_MESSAGES = 50;
/** Nearer to the top than this, in pixels, older messages are loaded. */
const NEAR_PX = 60;

interface OlderMessagesProps {
  /** What is scrolled. */
  list: RefObject<HTMLElement | null>;
  chat: readonly ChatEntry[];
}

export function OlderMessages({ list, chat }: OlderMessagesProps) {
  const { client, storedChat, sessionId, token } = useJam();
  const [isWhole, setWhole] = useState(false);
  const loading = useAction();
  /** How far the end was from what is seen before older messages came in above it; null: none have. */
  const fromEnd = useRef<number | null>(null);
  const first = chat[0]?.id;

  const load = async () => {
    const before = chat.find(({ position }) => position !== undefined)?.position;
    const query = { type: 'chat' as const, limit: PAGE_MESSAGES, ...(before !== undefined && { before }) };
    const { messages, next } = await call(listMessages, { params: { id: sessionId }, token, query });
    const { current } = list;
    if (current) fromEnd.current = current.scrollHeight - current.scrollTop;
    const older = messages.map(storedEntry);
    if (client.snapshot.chat.length > 0) client.showOlderChat(older);
    else storedChat.set([...older, ...storedChat.snapshot]);
    setWhole(next === null);
  };
  const wanted = useRef(load);
  wanted.current = load;

  useEffect(() => {
    const { current } = list;
    if (!current || isWhole) return;
    const onScroll = () => {
      if (current.scrollTop < NEAR_PX) void loading.act(() => wanted.current());
    };
    current.addEventListener('scroll', onScroll, { passive: true });
    return () => current.removeEventListener('scroll', onScroll);
  }, [list, isWhole, loading.act]);

  // What one reads stays where it is.
  useLayoutEffect(() => {
    const { current } = list;
    if (current && fromEnd.current !== null) current.scrollTop = current.scrollHeight - fromEnd.current;
    fromEnd.current = null;
  }, [list, first]);

  if (isWhole) return null;
  return (
    <div class="older">
      <button
        type="button"
        class="small"
        disabled={loading.isBusy}
        data-testid="chat-older"
        onClick={() => void loading.act(load)}
      >
        {loading.isBusy ? 'Loading…' : 'Older messages'}
      </button>
      <Problem>{loading.problem}</Problem>
    </div>
  );
}
