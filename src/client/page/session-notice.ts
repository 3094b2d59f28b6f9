/**
 * What is said in place of a session that one can't be in any more, or not yet: why, and what one can do
 * about it.
 */
import { messageOf } from '../sdk/call.ts';
import type { ConnectionState } from '../sdk/connection.ts';
import { sentence } from '../sdk/sentence.ts';
import { button, copyText, el, setText } from './dom.ts';

interface NoticeActions {
  /** Connects once more. */
  retry(): void;
  /** Signs in: as another user, or with another token. */
  signIn(): void;
  /** One came with a token of some kind. */
  hasKey(): boolean;
  /** The code as it stands in the editor. */
  code(): string;
  /** A new session with that code. */
  startAgain(): Promise<void>;
}

interface Content {
  heading: string;
  text: string;
  /** What is offered besides the way back. */
  offers: ('retry' | 'use-here' | 'sign-in' | 'code')[];
}

export function createSessionNotice(actions: NoticeActions) {
  const heading = el('h2');
  const text = el('p');
  const problem = el('p', { class: 'problem', role: 'alert' });
  const row = el('div', { class: 'notice-actions' });
  const element = el(
    'section',
    { class: 'notice', role: 'alert', hidden: true, 'data-testid': 'notice' },
    heading,
    text,
    row,
    problem,
  );
  const act = async (button: HTMLButtonElement, run: () => Promise<void>): Promise<void> => {
    button.disabled = true;
    setText(problem, '');
    try {
      await run();
    } catch (error) {
      setText(problem, messageOf(error));
    } finally {
      button.disabled = false;
    }
  };
  const offer = (label: string, testId: string, run: () => Promise<void> | void) => {
    const made = button(label, { 'data-testid': testId, onclick: () => void act(made, async () => run()) });
    return made;
  };
  const copy = offer('Copy the code', 'notice-copy', async () => {
    setText(copy, (await copyText(actions.code())) ? 'Copied' : 'Select it in the editor to copy it');
  });
  const offers: Record<Content['offers'][number], () => Node[]> = {
    retry: () => [offer('Try again', 'notice-retry', actions.retry)],
    'use-here': () => [offer('Use it here', 'notice-retry', actions.retry)],
    'sign-in': () => [offer('Sign in', 'notice-sign-in', actions.signIn)],
    code: () =>
      actions.code().trim() === ''
        ? []
        : [copy, offer('Start a new session with it', 'notice-restart', actions.startAgain)],
  };
  let shown = '';
  return {
    element,
    /** True while there is something to say. */
    render(connection: ConnectionState): boolean {
      const content = contentOf(connection, actions.hasKey());
      element.hidden = content === null;
      const key = JSON.stringify([content, actions.code().trim() === '']);
      if (content === null || key === shown) return content !== null;
      shown = key;
      setText(heading, content.heading);
      setText(text, content.text);
      row.replaceChildren(
        ...content.offers.flatMap((name) => offers[name]()),
        el('a', { href: '#/', class: 'button' }, 'To the start'),
      );
      return true;
    },
  };
}

function contentOf(connection: ConnectionState, hasKey: boolean): Content | null {
  if (connection.state === 'closed') return closed(connection);
  return connection.state === 'refused' ? refused(connection.refusal, hasKey) : null;
}

function closed({ cause, reason }: ConnectionState & { state: 'closed' }): Content | null {
  switch (cause) {
    case 'left':
      return null;
    case 'ended':
      return {
        heading: 'This session has ended',
        text: `${sentence(reason)} The code stays here for you to take along.`,
        offers: ['code'],
      };
    case 'removed':
      return {
        heading: 'You are no longer in this session',
        text: `${sentence(reason)} The code stays here for you to take along.`,
        offers: ['code'],
      };
    case 'gone':
      return { heading: 'This session is gone', text: sentence(reason), offers: ['code'] };
    case 'elsewhere':
      return {
        heading: 'This session is open in another tab',
        text: 'Two tabs can’t share one place in it.',
        offers: ['use-here'],
      };
  }
}

function refused({ status, message }: { status: number; message: string }, hasKey: boolean): Content {
  const text = sentence(message);
  switch (status) {
    case 401:
      return hasKey
        ? { heading: 'Your key isn’t good any more', text, offers: ['retry', 'sign-in'] }
        : { heading: 'You need an invite', text, offers: ['retry', 'sign-in'] };
    case 403:
      return { heading: 'You can’t enter this session', text, offers: ['retry'] };
    case 404:
      return { heading: 'There is no such session', text, offers: [] };
    case 410:
      return { heading: 'This session has ended', text, offers: ['code'] };
    default:
      return { heading: 'The room doesn’t let you in', text, offers: ['retry'] };
  }
}
