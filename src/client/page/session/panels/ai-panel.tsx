/** The conversation with the AI, for those who may write. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { MAX_AGENT_QUERY_CHARS } from '../../../../protocol/index.ts';
import type { ConversationTurn, RequestsLeft } from '../../../sdk/conversation.ts';
import { sentence } from '../../../sdk/sentence.ts';
import { authorColor } from '../../person-color.ts';
import { useDraft } from '../../ui/drafts.ts';
import { useFollowEnd } from '../../ui/follow-end.ts';
import { useValue } from '../../ui/store.ts';
import { timeOfDay } from '../../ui/times.ts';
import { toast } from '../../ui/toasts.tsx';
import { useJam, useSession } from '../use-jam.ts';
import { keptKey, OwnKeyField } from './own-key.tsx';

export function AiPanel() {
  const jam = useJam();
  const turns = useSession((snapshot) => snapshot.conversation);
  // Whose colours the authors have.
  useSession((snapshot) => snapshot.participants);
  const isAnswering = useSession((snapshot) => snapshot.isAnswering);
  const isOpen = useSession(({ connection }) => connection.state === 'open');
  const left = useSession((snapshot) => snapshot.requestsLeft);
  const hasAnswer = useValue(jam.hasAnswer);
  const keysWanted = useValue(jam.keysWanted);
  const [key, setKey] = useState(keptKey);
  const [isKeyOpen, setKeyOpen] = useState(false);
  const { list, toEnd } = useFollowEnd<HTMLDivElement>(turns);
  const input = useRef<HTMLTextAreaElement>(null);
  const { form, sent } = useDraft(`ai:${jam.sessionId}`);
  // Only when one is asked for, and not when the field is emptied.
  useEffect(() => {
    if (keysWanted > 0 && key === null) setKeyOpen(true);
  }, [keysWanted]);

  const ask = () => {
    const { current } = input;
    const query = current?.value.trim() ?? '';
    if (!current || query === '' || isAnswering) return;
    if (!isOpen) toast('Not connected.', 'error');
    // What isn't taken stays in the field.
    if (jam.client.ask(query, key ?? {}) === null) return;
    current.value = '';
    sent();
    toEnd();
  };
  const newestProgram = turns.findLast(({ code, isOffered }) => code !== null && !isOffered);
  return (
    <>
      <div
        class="messages turns"
        role="log"
        aria-label="Conversation with the AI"
        aria-busy={isAnswering}
        tabIndex={0}
        ref={list}
        data-testid="ai-list"
      >
        <ol>
          {turns.map((turn) => (
            <Turn
              key={turn.id}
              turn={turn}
              color={authorColor(jam.client, turn.displayName ?? '')}
              isInEditor={hasAnswer && turn === newestProgram}
              isNewest={turn === newestProgram}
            />
          ))}
        </ol>
      </div>
      {turns.length === 0 && (
        <p class="empty">
          Say what you would like to hear, or ask how something works. New code goes straight into the editor,
          for everyone.
        </p>
      )}
      <form
        class="ai-form"
        {...form}
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <textarea
          id="ai-input"
          name="query"
          rows={2}
          placeholder="Add a bass line under it"
          aria-label="Ask the AI"
          maxLength={MAX_AGENT_QUERY_CHARS}
          ref={input}
          data-testid="ai-input"
          onKeyDown={(event) => {
            // As in the chat; a new line is Shift+Enter.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            ask();
          }}
        />
        <button type="submit" class="primary" disabled={isAnswering || !isOpen} data-testid="ai-ask">
          {isAnswering ? 'Busy…' : 'Ask'}
        </button>
      </form>
      <p class="hint" role="status" data-testid="ai-left">
        {left && leftText(left)}
      </p>
      <OwnKeyField value={key} onValue={setKey} isOpen={isKeyOpen} onToggle={setKeyOpen} />
    </>
  );
}

function leftText({ remaining, limit, resetSeconds }: RequestsLeft): string {
  return `${remaining} of ${limit} requests left, ${untilReset(resetSeconds)}`;
}

function untilReset(seconds: number): string {
  if (seconds < 90) return 'new ones within a minute';
  const hours = Math.round(seconds / 3600);
  return hours < 2 ? 'new ones within the hour' : `new ones in ${hours} hours`;
}

interface TurnProps {
  turn: ConversationTurn;
  color: number;
  /** Its program is in the editor, and can be taken back. */
  isInEditor: boolean;
  /** Its code is the newest answer's. */
  isNewest: boolean;
}

function Turn({ turn, color, isInEditor, isNewest }: TurnProps) {
  const isAi = turn.role === 'assistant';
  return (
    <li class="turn" data-role={turn.role} data-state={turn.status}>
      <p class="message-head">
        <span class={`message-name ${isAi ? 'ai-name' : `color-${color}`}`}>
          {isAi ? 'AI' : (turn.displayName ?? 'A participant')}
        </span>
        <time>{timeOfDay(turn.atMs)}</time>
        <span class="message-status">{statusText(turn)}</span>
      </p>
      <TurnText turn={turn} />
      {turn.questions.length > 0 && (
        <ul class="questions">
          {turn.questions.map((question) => (
            <li key={question}>{question}</li>
          ))}
        </ul>
      )}
      {turn.code !== null && <Program code={turn.code} isInEditor={isInEditor} isNewest={isNewest} />}
      {turn.isOffered && (
        <p class="problem">
          The session’s code is quite another by now, so this wasn’t put in. You may use it instead.
        </p>
      )}
      {turn.problem !== null && <p class="problem">{sentence(turn.problem)}</p>}
    </li>
  );
}

function statusText({ role, status, text }: ConversationTurn): string {
  if (status === 'streaming') return text === '' ? 'thinking…' : 'answering…';
  if (status === 'pending') return 'asking…';
  if (status === 'cancelled') return 'broken off';
  if (status === 'failed') return role === 'user' ? 'not asked' : 'no answer';
  return '';
}

/**
 * What streams is shown as it comes, its fence and all; words and inline code of what is complete are told
 * apart.
 */
function TurnText({ turn: { text, status } }: { turn: ConversationTurn }) {
  if (text === '') return null;
  if (status === 'streaming') return <p class="message-text streaming">{text}</p>;
  const pieces = text.split(/`([^`\n]+)`/);
  return (
    <p class="message-text">
      {pieces.map((piece, index) => (index % 2 === 1 ? <code key={index}>{piece}</code> : piece))}
    </p>
  );
}

function Program({ code, isInEditor, isNewest }: { code: string; isInEditor: boolean; isNewest: boolean }) {
  const { editor } = useJam();
  return (
    <div class="turn-code">
      <details>
        <summary>New code</summary>
        <pre tabIndex={0}>
          <code>{code}</code>
        </pre>
      </details>
      <div class="turn-actions">
        {isInEditor ? (
          <>
            <span class="badge">in the editor</span>
            <button type="button" class="small" data-testid="ai-undo" onClick={() => editor.takeBackAnswer()}>
              Take it back
            </button>
          </>
        ) : (
          <button
            type="button"
            class="small"
            data-testid="ai-use"
            onClick={() => editor.useAnswer(code, isNewest)}
          >
            Use it
          </button>
        )}
      </div>
    </div>
  );
}
