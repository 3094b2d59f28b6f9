/** Short notices that go away by themselves. Screen readers hear them as they come. */
import { button, el } from './dom.ts';

const SHOWN_MS = 6_000;
const SHOWN_AT_ONCE = 3;

export function createToasts() {
  const element = el('div', {
    class: 'toasts',
    role: 'status',
    'aria-live': 'polite',
    'data-testid': 'toasts',
  });
  return {
    element,
    /** Shows a notice; the same one isn't shown twice at a time. */
    show(text: string, kind: 'info' | 'error' = 'info') {
      if ([...element.children].some((toast) => toast.firstChild?.textContent === text)) return;
      const toast = el('div', { class: `toast toast-${kind}` }, el('span', {}, text));
      const dismiss = { class: 'icon-button', 'aria-label': 'Dismiss', onclick: () => toast.remove() };
      toast.append(button('×', dismiss));
      element.append(toast);
      while (element.childElementCount > SHOWN_AT_ONCE) element.firstElementChild?.remove();
      setTimeout(() => toast.remove(), SHOWN_MS);
    },
    /** Takes all notices away: something else says it all now. */
    clear: () => element.replaceChildren(),
  };
}

export type Toasts = ReturnType<typeof createToasts>;
