/** The conversation with the AI, for those who may write. */
import { MAX_AGENT_QUERY_CHARS } from '../../protocol/index.ts';
import type { ConversationTurn } from '../sdk/conversation.ts';
import { sentence } from '../sdk/sentence.ts';
import type { Snapshot } from '../sdk/session-client.ts';
import { createOwnKeyField, type OwnKey } from './ai-key.ts';
import { el, setText, timeOfDay } from './dom.ts';
import { followEnd } from './follow-end.ts';
import { colorOf } from './person-color.ts';

export interface AiOptions {
  /** Asks; false when it isn't taken, and then it stays in the field. */
  ask(query: string, own: OwnKey | null): boolean;
  /** Puts a program of an answer into the editor. */
  use(code: string): void;
  /** Takes back what the newest answer changed, and nothing else. */
  takeBack(): void;
}

export interface AiPanel {
  element: HTMLElement;
  /** @param hasAnswer the newest answer with a program is in the editor, and can be taken back. */
  render(snapshot: Snapshot, hasAnswer: boolean): void;
  /** The server has no AI for them: shows where a key of their own goes. */
  offerOwnKey(): void;
}

export function createAiPanel({ ask, ...actions }: AiOptions): AiPanel {
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
    'Say what you would like to hear, or ask how something works. New code goes straight into the editor, for everybody.',
  );
  const input = el('textarea', {
    id: 'ai-input',
    rows: '2',
    placeholder: 'Add a bass line under it',
    'aria-label': 'Ask the AI',
    maxlength: String(MAX_AGENT_QUERY_CHARS),
    'data-testid': 'ai-input',
  });
  const button = el('button', { type: 'submit', class: 'primary', 'data-testid': 'ai-ask' }, 'Ask');
  const left = el('p', { class: 'hint', role: 'status', 'data-testid': 'ai-left' });
  const key = createOwnKeyField(() => {});
  const form = el('form', { class: 'ai-form' }, input, button);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (button.disabled || input.value.trim() === '') return;
    if (!ask(input.value.trim(), key.value)) return;
    input.value = '';
    settle(true);
  });
  input.addEventListener('keydown', (event) => {
    // As in the chat; a new line is Shift+Enter.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const items = new Map<string, { item: HTMLElement; turn: ConversationTurn; code: string }>();
  let shown: readonly ConversationTurn[] = [];
  let hadAnswer = false;
  const draw = ({ conversation, participants }: Snapshot, hasAnswer: boolean): void => {
    if (conversation === shown && hasAnswer === hadAnswer) return;
    shown = conversation;
    hadAnswer = hasAnswer;
    const newest = hasAnswer ? conversation.findLast(({ code }) => code !== null) : undefined;
    empty.hidden = conversation.length > 0;
    const ids = new Set(conversation.map(({ id }) => id));
    for (const [id, { item }] of items) {
      if (ids.has(id)) continue;
      item.remove();
      items.delete(id);
    }
    conversation.forEach((turn, index) => {
      const known = items.get(turn.id);
      // Whether a program is in the editor shows in its own turn only.
      const isInEditor = turn === newest;
      const mark = turn.code === null ? '' : String(isInEditor);
      const item = known?.item ?? el('li', { class: 'turn' });
      if (known?.turn !== turn || known.code !== mark)
        fillTurn(item, turn, { color: colorOf(turn.displayName ?? '', participants), isInEditor }, actions);
      items.set(turn.id, { item, turn, code: mark });
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
    settle();
  };
  return {
    element: el(
      'section',
      { class: 'panel ai-panel', 'aria-labelledby': 'ai-heading' },
      el('h2', { id: 'ai-heading' }, 'AI'),
      list,
      empty,
      form,
      left,
      key.element,
    ),
    offerOwnKey() {
      if (key.value === null) key.open();
    },
    render(snapshot, hasAnswer) {
      draw(snapshot, hasAnswer);
      list.setAttribute('aria-busy', String(snapshot.isAnswering));
      button.disabled = snapshot.isAnswering || snapshot.connection.state !== 'open';
      setText(button, snapshot.isAnswering ? 'Busy…' : 'Ask');
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

function fillTurn(
  item: HTMLElement,
  turn: ConversationTurn,
  { color, isInEditor }: { color: number; isInEditor: boolean },
  actions: Pick<AiOptions, 'use' | 'takeBack'>,
): void {
  // Re-made while it streams, so what somebody opened in it is opened again.
  const wasOpen = item.querySelector('details')?.open ?? false;
  item.dataset.role = turn.role;
  item.dataset.state = turn.status;
  const name = turn.role === 'assistant' ? 'AI' : (turn.displayName ?? 'Somebody');
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
    ...(turn.code === null ? [] : [codePart({ code: turn.code, isInEditor, isOpen: wasOpen }, actions)]),
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
  const button = (label: string, testId: string, onclick: () => void) =>
    el('button', { type: 'button', class: 'small', 'data-testid': testId, onclick }, label);
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
      part.isInEditor ? button('Take it back', 'ai-undo', takeBack) : null,
      part.isInEditor ? null : button('Use it', 'ai-use', () => use(part.code)),
    ),
  );
}
