/**
 * The panels beside the editor, one at a time, by the keyboard's rules for tabs: arrows move, Tab goes into
 * the panel.
 */
import { button, el } from './dom.ts';

interface SideTab {
  name: string;
  label: string;
  panel: HTMLElement;
}

interface SideTabs {
  element: HTMLElement;
  /** The one that is shown. */
  readonly shown: string;
  show(name: string): void;
  /** Takes a tab away, or gives it back. One that is shown makes room for the first. */
  setAvailable(name: string, isAvailable: boolean): void;
  /** Marks a tab that has something new, until it is shown. */
  mark(name: string): void;
}

/** @param always stays above the tabs where there is room, and is one of them where there is none. */
export function createSideTabs(always: SideTab, others: SideTab[]): SideTabs {
  const all = [always, ...others];
  let shown = '';
  const tabs = new Map(
    all.map(({ name, label, panel }) => {
      panel.id = `panel-${name}`;
      panel.setAttribute('role', 'tabpanel');
      const tab = button(label, {
        role: 'tab',
        id: `tab-${name}`,
        'aria-controls': panel.id,
        'data-testid': `tab-${name}`,
        class: name === always.name ? 'tab tab-narrow' : 'tab',
        onclick: () => show(name),
      });
      return [name, { tab, panel }] as const;
    }),
  );
  const list = el(
    'div',
    { class: 'tabs', role: 'tablist', 'aria-label': 'Panels' },
    ...[...tabs.values()].map(({ tab }) => tab),
  );
  const element = el(
    'aside',
    { class: 'side', 'aria-label': 'Panels' },
    always.panel,
    list,
    ...others.map(({ panel }) => panel),
  );

  const show = (name: string): void => {
    shown = name;
    element.dataset.tab = name;
    for (const [other, { tab, panel }] of tabs) {
      const isShown = other === name;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      panel.dataset.shown = String(isShown);
      if (isShown) delete tab.dataset.news;
    }
  };
  list.addEventListener('keydown', (event) => {
    const visible = [...tabs].filter(([, { tab }]) => tab.offsetParent !== null);
    const at = visible.findIndex(([name]) => name === shown);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next =
      event.key === 'Home'
        ? visible[0]
        : event.key === 'End'
          ? visible.at(-1)
          : step === undefined
            ? undefined
            : visible.at((at + step) % visible.length);
    if (!next) return;
    event.preventDefault();
    show(next[0]);
    next[1].tab.focus();
  });
  show(others[0]?.name ?? always.name);
  return {
    element,
    get shown() {
      return shown;
    },
    show,
    setAvailable(name, isAvailable) {
      const found = tabs.get(name);
      if (!found || found.tab.hidden === !isAvailable) return;
      found.tab.hidden = !isAvailable;
      found.panel.hidden = !isAvailable;
      if (!isAvailable && shown === name) show(others[0]?.name ?? always.name);
    },
    mark(name) {
      const tab = tabs.get(name)?.tab;
      if (tab && shown !== name) tab.dataset.news = 'true';
    },
  };
}
