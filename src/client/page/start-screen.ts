/** The first screen: make a session, join one, or go back to one. */
import { MAX_DISPLAY_NAME_CHARS, MAX_TITLE_CHARS } from '../../protocol/index.ts';
import { createSession } from '../api.ts';
import { el, field } from './dom.ts';
import { submitForm } from './form.ts';
import { parsePasted, type Route, routeHash } from './router.ts';
import { knownSessions, rememberedName, rememberName, rememberSession } from './storage.ts';

const FIRST_CODE = 'setcpm(120 / 4)\n\ns("bd*4, [~ cp]*2, hh*8").bank("RolandTR909")\n';

/** @param go shows another route. */
export function startScreen(go: (route: Route) => void): HTMLElement {
  return el(
    'main',
    { class: 'start' },
    el(
      'div',
      { class: 'hero' },
      el('img', { src: '/favicon.svg', alt: '', width: '56', height: '56' }),
      el('h1', {}, 'Backbeat'),
      el('p', {}, 'One pattern, many hands. Code and play together, and lose nothing.'),
    ),
    el('div', { class: 'cards' }, makeCard(go), joinCard(go)),
    recentSessions(),
  );
}

function makeCard(go: (route: Route) => void): HTMLElement {
  const name = field('Your name', {
    id: 'make-name',
    name: 'name',
    required: true,
    maxlength: String(MAX_DISPLAY_NAME_CHARS),
    value: rememberedName(),
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
  const form = el(
    'form',
    { class: 'card', 'aria-labelledby': 'make-heading' },
    el('h2', { id: 'make-heading' }, 'Start a session'),
    name.row,
    title.row,
    el('button', { type: 'submit', class: 'primary', 'data-testid': 'make-submit' }, 'Start'),
  );
  submitForm(form, async () => {
    const displayName = name.input.value.trim();
    const wantedTitle = title.input.value.trim();
    const { session, token } = await createSession({
      code: FIRST_CODE,
      displayName,
      ...(wantedTitle === '' ? {} : { title: wantedTitle }),
    });
    rememberName(displayName);
    rememberSession({ id: session.id, token, title: session.title });
    go({ name: 'session', sessionId: session.id });
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
  const form = el(
    'form',
    { class: 'card', 'aria-labelledby': 'join-heading' },
    el('h2', { id: 'join-heading' }, 'Join a session'),
    link.row,
    el('button', { type: 'submit', 'data-testid': 'join-next' }, 'Next'),
  );
  submitForm(form, async () => {
    const route = parsePasted(link.input.value);
    if (route === null) throw new Error('That isn’t a link to a session.');
    go(route);
  });
  return form;
}

function recentSessions(): HTMLElement | null {
  const sessions = knownSessions();
  if (sessions.length === 0) return null;
  return el(
    'nav',
    { class: 'recent', 'aria-labelledby': 'recent-heading' },
    el('h2', { id: 'recent-heading' }, 'Been there'),
    el(
      'ul',
      {},
      ...sessions.map((session) =>
        el(
          'li',
          {},
          el(
            'a',
            { href: routeHash({ name: 'session', sessionId: session.id }) },
            session.title || 'Untitled session',
          ),
          el('time', {}, new Date(session.enteredAtMs).toLocaleDateString()),
        ),
      ),
    ),
  );
}
