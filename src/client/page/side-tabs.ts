/** Chat and people: side by side with the editor on a wide screen, and one at a time below it on a narrow one. */
import { el } from './dom.ts';

export function createSideTabs(chat: HTMLElement, people: HTMLElement): HTMLElement {
  const show = (name: string): void => {
    side.dataset.tab = name;
    for (const tab of tabs) tab.setAttribute('aria-pressed', String(tab.dataset.name === name));
  };
  const tabs = [
    ['chat', 'Chat'],
    ['people', 'People'],
  ].map(([name = '', label = '']) =>
    el(
      'button',
      { type: 'button', 'data-name': name, 'data-testid': `tab-${name}`, onclick: () => show(name) },
      label,
    ),
  );
  const side = el(
    'aside',
    { class: 'side' },
    el('div', { class: 'tabs', role: 'group', 'aria-label': 'Show' }, ...tabs),
    people,
    chat,
  );
  show('chat');
  return side;
}
