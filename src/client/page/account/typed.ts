/** What was typed into the page's fields, over a navigation to a provider and back. */

import type { Typed } from './return-address.ts';

const FIELDS = 'input[id]:not([type]), input[id][type=text], input[id][type=search], textarea[id]';
/** It is a secret, and of no use to a user who signs in otherwise. */
const LEFT_OUT = '#sign-in-token';

type TextField = HTMLInputElement | HTMLTextAreaElement;

const isTextField = (element: Element | null): element is TextField =>
  element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;

/** Passwords and keys aren't text. */
export function typedFields(): Typed {
  const fields = [...document.querySelectorAll(FIELDS)].filter(isTextField);
  return fields
    .filter((field) => !field.matches(LEFT_OUT) && field.value !== '' && field.value !== field.defaultValue)
    .map((field) => ({ id: field.id, text: field.value }));
}

/** Puts it back, into each field as soon as it is drawn, until another place of the page is shown. */
export function restoreTyped(typed: Typed): void {
  const left = new Map(typed.map(({ id, text }) => [id, text]));
  const stop = () => {
    observer.disconnect();
    window.removeEventListener('hashchange', stop);
  };
  const restore = () => {
    for (const [id, text] of left) {
      const field = document.getElementById(id);
      if (!isTextField(field)) continue;
      left.delete(id);
      field.value = text;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    }
    if (left.size === 0) stop();
  };
  const observer = new MutationObserver(restore);
  observer.observe(document.body, { childList: true, subtree: true });
  window.addEventListener('hashchange', stop);
  restore();
}
