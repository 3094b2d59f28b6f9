/** The page's entry: shows the screen that the address names. */
import { el } from './dom.ts';
import { entryOf } from './entry.ts';
import { joinScreen, nameScreen } from './join-screen.ts';
import { parseRoute, type Route, routeHash } from './router.ts';
import { sessionScreen } from './session-screen.ts';
import { startScreen } from './start-screen.ts';
import { claimTabIdentity } from './storage.ts';
import { createToasts } from './toasts.ts';

/** After this long a page that can't show its session yet says why. */
const SLOW_CLAIM_MS = 500;

const WAITING = 'Your last page here is still closing. Your text comes with it…';

const app = document.querySelector('#app') ?? document.body;
const toasts = createToasts();
document.body.append(toasts.element);

/** What is shown, as far as it has something to close. */
let open: { close(): void } | null = null;
/** Counts the screens asked for, so that one that took time to prepare doesn't replace a newer one. */
let asked = 0;

async function show(): Promise<void> {
  asked += 1;
  const mine = asked;
  open?.close();
  open = null;
  const route = parseRoute(location.hash);
  if (route.name === 'start') {
    const screen = startScreen(go, again);
    open = screen;
    return replace(screen.element);
  }
  // In place of the invite's address, so that going back doesn't join once more.
  if (route.name === 'join') return replace(joinScreen(route.inviteToken, goInstead));
  const entry = entryOf(route.sessionId);
  if (entry.token === null && entry.displayName === null) return replace(nameScreen(again));
  const slow = setTimeout(() => {
    if (mine === asked) replace(el('p', { class: 'waiting', role: 'status' }, WAITING));
  }, SLOW_CLAIM_MS);
  const tab = await claimTabIdentity(entry.sessionId);
  clearTimeout(slow);
  if (mine !== asked) return tab.release();
  const screen = sessionScreen(entry, tab, { toasts, go, again });
  open = screen;
  replace(screen.element);
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

/** The same address, for another person or with another key. */
function again(): void {
  void show();
}

window.addEventListener('hashchange', again);
again();
