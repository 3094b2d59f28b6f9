/** Where an invite link leads: who are you? */

import { joinSession } from '../../protocol/http/people.ts';
import { MAX_DISPLAY_NAME_CHARS } from '../../protocol/index.ts';
import { call } from '../sdk/call.ts';
import { currentAccount } from './account.ts';
import { el, field } from './dom.ts';
import { keyOfInvite } from './entry.ts';
import { submitForm } from './form.ts';
import type { Route } from './router.ts';
import { rememberedName, rememberName, rememberSession } from './storage.ts';

/** @param go shows another route, in place of this one. */
export function joinScreen(inviteToken: string, go: (route: Route) => void): HTMLElement {
  const account = currentAccount();
  const { form, name } = nameForm({
    heading: 'You’re invited',
    text: account
      ? `You join with the account of ${account.name}. The others will see you under this name.`
      : 'The others will see you under this name.',
    action: 'Join the session',
    value: rememberedName() || account?.name || '',
  });
  submitForm(form, async () => {
    const displayName = name.value.trim();
    const joined = await call(joinSession, {
      token: account?.token ?? keyOfInvite(inviteToken, account),
      body: { invite_token: inviteToken, display_name: displayName },
    });
    rememberName(displayName);
    rememberSession({
      id: joined.session_id,
      token: joined.token,
      title: null,
      subject: account?.subject ?? null,
      invite: inviteToken,
    });
    go({ name: 'session', sessionId: joined.session_id });
  });
  return el('main', { class: 'centre' }, form);
}

/**
 * The screen that asks new participants for their name. A session's link leads to it.
 * @param enter called with the name.
 */
export function nameScreen(enter: () => void): HTMLElement {
  const { form, name } = nameForm({
    heading: 'Look in',
    text: 'You don’t need an invite where a session is open to everybody. The others will see you under this name.',
    action: 'Look in',
    value: '',
  });
  submitForm(form, async () => {
    rememberName(name.value.trim());
    enter();
  });
  return el('main', { class: 'centre' }, form);
}

function nameForm(texts: { heading: string; text: string; action: string; value: string }) {
  const name = field('Your name', {
    id: 'join-name',
    name: 'name',
    required: true,
    maxlength: String(MAX_DISPLAY_NAME_CHARS),
    value: texts.value,
    autocomplete: 'nickname',
    'data-testid': 'join-name',
  });
  const form = el(
    'form',
    { class: 'card', 'aria-labelledby': 'join-heading' },
    el('h1', { id: 'join-heading' }, texts.heading),
    el('p', { class: 'dim' }, texts.text),
    name.row,
    el('button', { type: 'submit', class: 'primary', 'data-testid': 'join-submit' }, texts.action),
    el('a', { href: '#/' }, 'Not now'),
  );
  return { form, name: name.input };
}
