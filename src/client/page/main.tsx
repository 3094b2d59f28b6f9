/** The page's entry. */
import { render } from 'preact';
import { setSignInPart, watchAccount } from './account.ts';
import { App } from './app.tsx';
import { routeHash, routeOfPath } from './router.ts';
import { toast } from './ui/toasts.tsx';

// Such an address only says where to go: from here on the fragment does, as everywhere on the page.
const shared = routeOfPath(location.pathname);
if (shared) history.replaceState(null, '', `/${location.search}${location.hash || routeHash(shared)}`);

const signInPart = () => import('./account/later.ts');
setSignInPart(signInPart);

const root = document.querySelector('#app');
if (root) {
  // The start as the build has rendered it, which has no listeners.
  root.replaceChildren();
  const { dataset } = document.documentElement;
  const pressed = dataset.waiting ?? '';
  delete dataset.entering;
  delete dataset.waiting;
  void begin(root, pressed);
}

/** @param pressed the button that was pressed before there was anything to hear it; empty: none. */
async function begin(root: Element, pressed: string): Promise<void> {
  // Signing in comes back by a query, which the page's own addresses don't have.
  const told = location.search === '' ? null : await arrive(root);
  watchAccount();
  render(<App />, root);
  const button = pressed === '' ? null : root.querySelector(`button[data-testid="${CSS.escape(pressed)}"]`);
  if (button instanceof HTMLButtonElement) button.click();
  // After that: what a screen reader is to hear has to change.
  if (told) toast(told.text, told.kind);
}

async function arrive(root: Element) {
  render(
    <p class="waiting" role="status">
      Just a moment…
    </p>,
    root,
  );
  try {
    return await (await signInPart()).arrive();
  } catch {
    const text = 'A part of this page couldn’t be loaded. Reload it to go on.';
    return { text, kind: 'error' as const };
  }
}
