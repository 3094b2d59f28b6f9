/** The first screen: make a session, join one, look into one, or go back to one. */

import { createSession } from '../../protocol/http/sessions.ts';
import { MAX_DISPLAY_NAME_CHARS, MAX_TITLE_CHARS } from '../../protocol/index.ts';
import { call } from '../sdk/call.ts';
import { type Account, currentAccount, signOut } from './account.ts';
import { openSignIn } from './account-dialog.ts';
import { button, el, field, headed } from './dom.ts';
import { submitForm } from './form.ts';
import { parsePasted, type Route } from './router.ts';
import { browserSessions, liveNow, yourSessions } from './session-lists.ts';
import { rememberedName, rememberName, rememberSession } from './storage.ts';

const FIRST_CODE = 'setcpm(120 / 4)\n\ns("bd*4, [~ cp]*2, hh*8").bank("RolandTR909")\n';

/**
 * @param go shows another route.
 * @param again shows this screen anew, for another user.
 */
export function startScreen(go: (route: Route) => void, again: () => void) {
  const account = currentAccount();
  const live = liveNow();
  const element = el(
    'div',
    { class: 'start' },
    el('header', { class: 'start-top' }, accountBar(account, again)),
    el(
      'main',
      { class: 'start-main' },
      el(
        'div',
        { class: 'hero' },
        el('img', { src: '/favicon.svg', alt: '', width: '56', height: '56' }),
        el('h1', {}, 'Backbeat'),
        el('p', {}, 'One pattern, many hands. Code and play together, and lose nothing.'),
      ),
      el(
        'div',
        { class: 'cards' },
        makeCard(account, go),
        el('div', { class: 'card-column' }, joinCard(go), live.element),
      ),
      account ? yourSessions(account, go) : null,
      browserSessions(account),
    ),
  );
  return { element, close: () => live.close() };
}

function accountBar(account: Account | null, again: () => void): HTMLElement {
  if (account === null) {
    return el(
      'div',
      { class: 'account', 'data-testid': 'account' },
      el('span', { class: 'dim account-hint' }, 'Sign in to keep your sessions and strudels.'),
      button('Sign in', { 'data-testid': 'sign-in', onclick: () => openSignIn(again) }),
    );
  }
  const leave = () => {
    signOut();
    again();
  };
  return el(
    'div',
    { class: 'account', 'data-testid': 'account' },
    el('span', {}, 'Signed in as ', el('strong', { 'data-testid': 'account-name' }, account.name)),
    button('Sign out', { 'data-testid': 'sign-out', onclick: leave }),
  );
}

function makeCard(account: Account | null, go: (route: Route) => void): HTMLElement {
  const name = field('Your name', {
    id: 'make-name',
    name: 'name',
    required: true,
    maxlength: String(MAX_DISPLAY_NAME_CHARS),
    value: rememberedName() || account?.name || '',
    autocomplete: 'nickname',
    'data-testid': 'make-name',
  });
  const title = field('Session title', {
    id: 'make-title',
    name: 'title',
    maxlength: String(MAX_TITLE_CHARS),
    placeholder: 'Friday jam',
    'data-testid': 'make-title',
  });
  const form = headed(
    'form',
    'make',
    'card',
    'Start a session',
    name.row,
    title.row,
    el('button', { type: 'submit', class: 'primary', 'data-testid': 'make-submit' }, 'Start'),
    el(
      'p',
      { class: 'hint' },
      account
        ? 'It is kept under your account: you can come back to it from anywhere.'
        : 'No account needed. Without one, only this browser can come back to it as the host.',
    ),
  );
  submitForm(form, async () => {
    const displayName = name.input.value.trim();
    const wantedTitle = title.input.value.trim();
    const made = await call(createSession, {
      token: account?.token,
      body: { code: FIRST_CODE, display_name: displayName, title: wantedTitle },
    });
    rememberName(displayName);
    rememberSession({
      id: made.id,
      token: made.token,
      title: made.title,
      subject: account?.subject ?? null,
      invite: null,
    });
    go({ name: 'session', sessionId: made.id });
  });
  return form;
}

function joinCard(go: (route: Route) => void): HTMLElement {
  const link = field('Invite link', {
    id: 'join-link',
    name: 'link',
    required: true,
    placeholder: 'Paste the link you were sent',
    spellcheck: 'false',
    'data-testid': 'join-link',
  });
  const form = headed(
    'form',
    'join',
    'card',
    'Join a session',
    el(
      'div',
      { class: 'field-action' },
      link.row,
      el('button', { type: 'submit', 'data-testid': 'join-next' }, 'Next'),
    ),
  );
  submitForm(form, async () => {
    const route = parsePasted(link.input.value);
    if (route === null) throw new Error('That isn’t a link to a session.');
    go(route);
  });
  return form;
}
