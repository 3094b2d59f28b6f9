/**
 * Modal dialogs: the browser's own element, which keeps focus inside, closes on Escape and gives focus back.
 */
import { messageOf } from '../sdk/call.ts';
import { el, setText } from './dom.ts';

/**
 * Makes a dialog with a heading and a button that closes it.
 * @param id names its heading; unique in the page.
 */
export function createDialog(
  id: string,
  heading: string,
  content: (Node | string | null)[],
  { wide = false } = {},
): HTMLDialogElement {
  const title = el('h2', { id: `${id}-heading` }, heading);
  const dialog = el('dialog', {
    class: wide ? 'dialog dialog-wide' : 'dialog',
    'aria-labelledby': `${id}-heading`,
    'data-testid': `${id}-dialog`,
  });
  const close = el(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': 'Close', 'data-testid': `${id}-close` },
    '×',
  );
  close.addEventListener('click', () => dialog.close());
  // A press on the backdrop has the dialog itself for its target; inside it there is always something else.
  dialog.addEventListener('mousedown', (event) => {
    if (event.target === dialog) dialog.close();
  });
  const body = el('div', { class: 'dialog-body' }, el('header', { class: 'dialog-head' }, title, close));
  body.append(...content.filter((child) => child !== null));
  dialog.append(body);
  return dialog;
}

/** What a question asks, and what its answer does. */
export interface Question {
  heading: string;
  text: string;
  /** On the button that does it. */
  action: string;
  run(): Promise<void>;
}

/**
 * Asks before something that can't be undone; what `run` throws is shown in place. The dialog is gone when it
 * is closed.
 */
export function ask(question: Question): void {
  const problem = el('p', { class: 'problem', role: 'alert' });
  const cancel = el('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
  const act = el(
    'button',
    { type: 'button', class: 'danger', 'data-testid': 'question-yes', onclick: () => void run() },
    question.action,
  );
  const run = async (): Promise<void> => {
    act.disabled = true;
    setText(problem, '');
    try {
      await question.run();
      dialog.close();
    } catch (error) {
      setText(problem, messageOf(error));
    } finally {
      act.disabled = false;
    }
  };
  const dialog = createDialog('question', question.heading, [
    el('p', { class: 'dim' }, question.text),
    problem,
    el('div', { class: 'dialog-actions' }, cancel, act),
  ]);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  cancel.focus();
}
