/** The conversation with the AI, for those who may write. */
import { MAX_AGENT_QUERY_CHARS } from '../../protocol/index.ts';
import type { ConversationTurn } from '../sdk/conversation.ts';
import { sentence } from '../sdk/sentence.ts';
import type { Snapshot } from '../sdk/session-client.ts';
import { createOwnKeyField, type OwnKey } from './ai-key.ts';
import { button, el, headed, itemsOf, setText, timeOfDay } from './dom.ts';
import { followEnd } from './follow-end.ts';
import { colorOf } from './person-color.ts';

interface AiOptions {
  /** Asks; false when it isn't taken, and then it stays in the field. */
  ask(query: string, own: OwnKey | null): boolean;
  /** Puts a program of an answer into the editor. */
  use(code: string): void;
  /** Takes back what the newest answer changed, and nothing else. */
  takeBack(): void;
}

interface Shown extends Pick<Snapshot, 'conversation' | 'participants'> {
  hasAnswer: boolean;
}

export function createAiPanel({ ask, ...actions }: AiOptions) {
  const list = el('ol', {
    class: 'messages turns',
    role: 'log',
    'aria-label': 'Conversation with the AI',
    tabindex: '0',
    'data-testid': 'ai-list',
  });
  const settle = followEnd(list);
  const empty = el(
    'p',
    { class: 'empty' },
    'Say what you would like to hear, or ask how something works. New code goes straight into the editor, for everyone.',
  );
  const input = el('textarea', {
    id: 'ai-input',
    rows: '2',
    placeholder: 'Add a bass line under it',
    'aria-label': 'Ask the AI',
    maxlength: String(MAX_AGENT_QUERY_CHARS),
    'data-testid': 'ai-input',
  });
  const send = el('button', { type: 'submit', class: 'primary', 'data-testid': 'ai-ask' }, 'Ask');
  const left = el('p', { class: 'hint', role: 'status', 'data-testid': 'ai-left' });
  const key = createOwnKeyField();
  const form = el('form', { class: 'ai-form' }, input, send);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (send.disabled || input.value.trim() === '') return;
    if (!ask(input.value.trim(), key.value())) return;
    input.value = '';
    settle(true);
  });
  input.addEventListener('keydown', (event) => {
    // As in the chat; a new line is Shift+Enter.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  let shown: Shown = { conversation: [], participants: [], hasAnswer: false };
  const syncItems = itemsOf<ConversationTurn>(
    list,
    () => el('li', { class: 'turn' }),
    (item, turn) => fillTurn(item, turn, shown, actions),
  );
  const draw = ({ conversation, participants }: Snapshot, hasAnswer: boolean): void => {
    if (conversation === shown.conversation && hasAnswer === shown.hasAnswer) return;
    shown = { conversation, participants, hasAnswer };
    empty.hidden = conversation.length > 0;
    // Whether a program is in the editor shows in its own turn only.
    syncItems(conversation, (turn) => isInEditor(turn, shown));
    settle();
  };
  return {
    element: headed('section', 'ai', 'panel ai-panel', 'AI', list, empty, form, left, key.element),
    /** The server has no AI for the user: shows where a key of their own goes. */
    offerOwnKey() {
      if (key.value() === null) key.open();
    },
    /** @param hasAnswer the newest answer with a program is in the editor, and can be taken back. */
    render(snapshot: Snapshot, hasAnswer: boolean) {
      draw(snapshot, hasAnswer);
      list.setAttribute('aria-busy', String(snapshot.isAnswering));
      send.disabled = snapshot.isAnswering || snapshot.connection.state !== 'open';
      setText(send, snapshot.isAnswering ? 'Busy…' : 'Ask');
      setText(left, leftText(snapshot));
    },
  };
}

function leftText({ requestsLeft }: Snapshot): string {
  if (requestsLeft === null) return '';
  const { remaining, limit, resetSeconds } = requestsLeft;
  return `${remaining} of ${limit} requests left, ${untilReset(resetSeconds)}`;
}

function untilReset(seconds: number): string {
  if (seconds < 90) return 'new ones within a minute';
  const hours = Math.round(seconds / 3600);
  return hours < 2 ? 'new ones within the hour' : `new ones in ${hours} hours`;
}

/** True for the newest answer with a program, while that can be taken back. */
function isInEditor(turn: ConversationTurn, { conversation, hasAnswer }: Shown): boolean {
  return hasAnswer && turn === conversation.findLast(({ code }) => code !== null);
}

function fillTurn(
  item: HTMLElement,
  turn: ConversationTurn,
  shown: Shown,
  actions: Pick<AiOptions, 'use' | 'takeBack'>,
): void {
  // Re-made while it streams, so what the user opened in it is opened again.
  const wasOpen = item.querySelector('details')?.open ?? false;
  item.dataset.role = turn.role;
  item.dataset.state = turn.status;
  const name = turn.role === 'assistant' ? 'AI' : (turn.displayName ?? 'Someone');
  const color = colorOf(turn.displayName ?? '', shown.participants);
  const nameClass = turn.role === 'assistant' ? 'ai-name' : `color-${color}`;
  item.replaceChildren(
    el(
      'p',
      { class: 'message-head' },
      el('span', { class: `message-name ${nameClass}` }, name),
      el('time', {}, timeOfDay(turn.atMs)),
      el('span', { class: 'message-status' }, statusText(turn)),
    ),
    ...textParts(turn),
    ...(turn.questions.length > 0
      ? [el('ul', { class: 'questions' }, ...turn.questions.map((question) => el('li', {}, question)))]
      : []),
    ...(turn.code === null
      ? []
      : [codePart({ code: turn.code, isInEditor: isInEditor(turn, shown), isOpen: wasOpen }, actions)]),
    ...(turn.problem === null ? [] : [el('p', { class: 'problem' }, sentence(turn.problem))]),
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
function textParts({ text, status }: ConversationTurn): HTMLElement[] {
  if (text === '') return [];
  if (status === 'streaming') return [el('p', { class: 'message-text streaming' }, text)];
  const pieces = text.split(/`([^`\n]+)`/);
  return [
    el(
      'p',
      { class: 'message-text' },
      ...pieces.map((piece, index) => (index % 2 === 1 ? el('code', {}, piece) : piece)),
    ),
  ];
}

function codePart(
  part: { code: string; isInEditor: boolean; isOpen: boolean },
  { use, takeBack }: Pick<AiOptions, 'use' | 'takeBack'>,
): HTMLElement {
  const small = (label: string, testId: string, onclick: () => void) =>
    button(label, { class: 'small', 'data-testid': testId, onclick });
  return el(
    'div',
    { class: 'turn-code' },
    el(
      'details',
      { open: part.isOpen },
      el('summary', {}, 'New code'),
      el('pre', { tabindex: '0' }, el('code', {}, part.code)),
    ),
    el(
      'div',
      { class: 'turn-actions' },
      part.isInEditor ? el('span', { class: 'badge' }, 'in the editor') : null,
      part.isInEditor ? small('Take it back', 'ai-undo', takeBack) : null,
      part.isInEditor ? null : small('Use it', 'ai-use', () => use(part.code)),
    ),
  );
}
