/**
 * Signing in with a token. Where an identity provider is connected, its page would be in this one's place.
 */
import { signIn } from './account.ts';
import { openDialog } from './dialog.ts';
import { el, labelled } from './dom.ts';
import { submitForm } from './form.ts';

/** Opens the dialog. @param onSignedIn called when a user has signed in. */
export function openSignIn(onSignedIn: () => void): void {
  const token = el('textarea', {
    id: 'sign-in-token',
    rows: '4',
    required: true,
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    'data-testid': 'sign-in-token',
  });
  const form = el(
    'form',
    { class: 'stack' },
    labelled('Your token', token),
    el(
      'p',
      { class: 'hint' },
      'It stays in this browser. In development, make one with',
      el('code', { class: 'command' }, 'npm run token -- --sub ana --name Ana'),
    ),
    el('button', { type: 'submit', class: 'primary', 'data-testid': 'sign-in-submit' }, 'Sign in'),
  );
  submitForm(form, async () => {
    await signIn(token.value);
    dialog.close();
    onSignedIn();
  });
  const dialog = openDialog('sign-in', 'Sign in', [form]);
  token.focus();
}
