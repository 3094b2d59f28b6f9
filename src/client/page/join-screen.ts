/** Where an invite link leads: who are you? */
import { MAX_DISPLAY_NAME_CHARS } from '../../protocol/index.ts';
import { joinSession } from '../api.ts';
import { el, field } from './dom.ts';
import { submitForm } from './form.ts';
import type { Route } from './router.ts';
import { rememberedName, rememberName, rememberSession } from './storage.ts';

/** @param go shows another route, in place of this one. */
export function joinScreen(inviteToken: string, go: (route: Route) => void): HTMLElement {
  const name = field('Your name', {
    id: 'join-name',
    name: 'name',
    required: true,
    maxlength: String(MAX_DISPLAY_NAME_CHARS),
    value: rememberedName(),
    autocomplete: 'nickname',
    'data-testid': 'join-name',
  });
  const form = el(
    'form',
    { class: 'card', 'aria-labelledby': 'join-heading' },
    el('h1', { id: 'join-heading' }, 'You’re invited'),
    el('p', {}, 'The others will see you under this name.'),
    name.row,
    el('button', { type: 'submit', class: 'primary', 'data-testid': 'join-submit' }, 'Join the session'),
    el('a', { href: '#/' }, 'Not now'),
  );
  submitForm(form, async () => {
    const displayName = name.input.value.trim();
    const joined = await joinSession(inviteToken, displayName);
    rememberName(displayName);
    rememberSession({ id: joined.session_id, token: joined.token, title: null });
    go({ name: 'session', sessionId: joined.session_id });
  });
  return el('main', { class: 'start' }, form);
}
