/**
 * Modal dialogs: the browser's own element, which keeps focus inside, closes on Escape and gives focus back.
 */
import { messageOf } from '../sdk/call.ts';
import { button, el, setText } from './dom.ts';

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
  const close = button('×', {
    class: 'icon-button',
    'aria-label': 'Close',
    'data-testid': `${id}-close`,
    onclick: () => dialog.close(),
  });
  // A press on the backdrop has the dialog itself for its target; inside it there is always something else.
  dialog.addEventListener('mousedown', (event) => {
    if (event.target === dialog) dialog.close();
  });
  const body = el('div', { class: 'dialog-body' }, el('header', { class: 'dialog-head' }, title, close));
  body.append(...content.filter((child) => child !== null));
  dialog.append(body);
  return dialog;
}

/** Shows a dialog that is gone when it is closed. */
export function openDialog(id: string, heading: string, content: Node[]): HTMLDialogElement {
  const dialog = createDialog(id, heading, content);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** What a question asks, and what its answer does. */
interface Question {
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
  const cancel = button('Cancel', { onclick: () => dialog.close() });
  const act = button(question.action, {
    class: 'danger',
    'data-testid': 'question-yes',
    onclick: () => void run(),
  });
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
  const dialog = openDialog('question', question.heading, [
    el('p', { class: 'dim' }, question.text),
    problem,
    el('div', { class: 'dialog-actions' }, cancel, act),
  ]);
  cancel.focus();
}
