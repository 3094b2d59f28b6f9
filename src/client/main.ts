/** The page's entry: shows the screen that the address names. */
import { el } from './page/dom.ts';
import { joinScreen } from './page/join-screen.ts';
import { parseRoute, type Route, routeHash } from './page/router.ts';
import { type SessionScreen, sessionScreen } from './page/session-screen.ts';
import { startScreen } from './page/start-screen.ts';
import { claimTabIdentity, knownSession } from './page/storage.ts';
import { createToasts } from './page/toasts.ts';

const app = document.querySelector('#app') ?? document.body;
const toasts = createToasts();
document.body.append(toasts.element);

let open: SessionScreen | null = null;
/** Counts the screens asked for, so that one that took time to prepare doesn't replace a newer one. */
let asked = 0;

async function show(): Promise<void> {
  asked += 1;
  const mine = asked;
  open?.close();
  open = null;
  const route = parseRoute(location.hash);
  if (route.name === 'start') return replace(startScreen(go));
  // In place of the invite's address, so that going back doesn't join once more.
  if (route.name === 'join') return replace(joinScreen(route.inviteToken, goInstead));
  const session = knownSession(route.sessionId);
  if (session === null) return replace(strangerScreen());
  const tab = await claimTabIdentity(session.id);
  if (mine !== asked) return tab.release();
  open = sessionScreen(session, tab, toasts);
  replace(open.element);
}

function replace(screen: HTMLElement): void {
  app.replaceChildren(screen);
}

function go(route: Route): void {
  location.hash = routeHash(route);
}

function goInstead(route: Route): void {
  location.replace(routeHash(route));
}

function strangerScreen(): HTMLElement {
  return el(
    'main',
    { class: 'start' },
    el(
      'div',
      { class: 'card' },
      el('h1', {}, 'Ask for an invite'),
      el('p', {}, 'This browser has no key to that session. Its host can send you an invite link.'),
      el('a', { href: '#/' }, 'To the start'),
    ),
  );
}

window.addEventListener('hashchange', () => void show());
void show();
