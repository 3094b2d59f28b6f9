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

/** A button that does something at once; with `type: 'submit'` it sends its form. */
export function button(label: string, props: Props, ...children: Child[]): HTMLButtonElement {
  return el('button', { type: 'button', ...props }, ...children, label);
}

/** A part of the page that is named by its heading. @param name makes the heading's id. */
export function headed<Tag extends 'section' | 'nav' | 'form'>(
  tag: Tag,
  name: string,
  className: string,
  heading: HTMLElement | string,
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const title = typeof heading === 'string' ? el('h2', {}, heading) : heading;
  title.id = `${name}-heading`;
  return el(tag, { class: className, 'aria-labelledby': title.id }, title, ...children);
}

/** A form control below its label. */
export function labelled(label: string, control: HTMLElement): HTMLElement {
  return el('div', { class: 'field' }, el('label', { for: control.id }, label), control);
}

/** A switch with a word and an explanation. */
export function labelledSwitch(input: HTMLInputElement, label: string, hint: string): HTMLElement {
  const text = el(
    'span',
    { class: 'switch-text' },
    el('strong', {}, label),
    el('span', { class: 'dim' }, hint),
  );
  return el('label', { class: 'switch' }, input, text);
}

/**
 * Keeps one list item an entry, in the entries' order. Items stay where they are as long as they can, so that
 * focus and what is open in them stays too.
 * @param fill called for a new item, and where `version` gives another value than the last time.
 */
export function itemsOf<Entry extends { id: string }>(
  list: HTMLElement,
  make: () => HTMLElement,
  fill: (item: HTMLElement, entry: Entry) => void,
): (entries: readonly Entry[], version?: (entry: Entry) => unknown) => void {
  const items = new Map<string, { item: HTMLElement; entry: Entry; version: unknown }>();
  return (entries, version = () => null) => {
    const ids = new Set(entries.map(({ id }) => id));
    for (const [id, { item }] of items) {
      if (ids.has(id)) continue;
      item.remove();
      items.delete(id);
    }
    entries.forEach((entry, index) => {
      const known = items.get(entry.id);
      const now = version(entry);
      const item = known?.item ?? make();
      if (known?.entry !== entry || known.version !== now) fill(item, entry);
      items.set(entry.id, { item, entry, version: now });
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
  };
}

/** A labelled text field. */
export function field(
  label: string,
  props: Props & { id: string },
): { row: HTMLElement; input: HTMLInputElement } {
  const input = el('input', { type: 'text', autocomplete: 'off', ...props });
  return { row: labelled(label, input), input };
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
