import { messageOf } from '../sdk/call.ts';
import { el, setText } from './dom.ts';

/**
 * Runs `submit` instead of the form's own submission; while it runs the form can't be sent again, and what it
 * throws is shown below the fields.
 */
export function submitForm(form: HTMLFormElement, submit: () => Promise<void>): void {
  const problem = el('p', { class: 'problem', role: 'alert', 'data-testid': 'form-problem' });
  const button = form.querySelector('button[type=submit]');
  // Above the button, or below the line that the button shares with its field.
  if (button?.parentElement === form) button.before(problem);
  else form.append(problem);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    setText(problem, '');
    button?.setAttribute('disabled', '');
    try {
      await submit();
    } catch (error) {
      setText(problem, messageOf(error));
    } finally {
      button?.removeAttribute('disabled');
    }
  });
}
