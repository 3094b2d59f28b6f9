/** Building DOM without markup: text only ever becomes text. */

type Child = Node | string | null;

/** Attributes by name (`true`: present, `false` or null: absent), and listeners by `onevent`. */
type Props = Record<string, string | boolean | null | ((event: Event) => void)>;

/** Makes an element. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value);
    else if (value === true) element.setAttribute(name, '');
    else if (typeof value === 'string') element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Sets an element's text, only when it differs: live regions would read it aloud again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A labelled text field. */
export function field(
  label: string,
  props: Props & { id: string },
): { row: HTMLElement; input: HTMLInputElement } {
  const input = el('input', { type: 'text', autocomplete: 'off', ...props });
  return { row: el('div', { class: 'field' }, el('label', { for: props.id }, label), input), input };
}

/** Time of day, as people here write it. */
export function timeOfDay(atMs: number): string {
  return new Date(atMs).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/**
 * Day of a moment, as people here write it; only the time when it is today's. @param at ISO 8601 or
 * milliseconds.
 */
export function dayOf(at: string | number): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? timeOfDay(date.getTime()) : date.toLocaleDateString();
}

/**
 * Copies text; false where the browser doesn't let a page write to the clipboard.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
