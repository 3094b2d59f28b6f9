/** Which of the panels beside the editor is shown, and which have news. */
import { Store } from '../ui/store.ts';

export const PANELS = ['people', 'chat', 'ai', 'sounds', 'strudels', 'history'] as const;
export type PanelName = (typeof PANELS)[number];

interface Shown {
  /** Null: the editor has all the room. */
  shown: PanelName | null;
  news: readonly PanelName[];
}

/** From this width on a panel has room beside the editor. */
const WIDE = '(min-width: 761px)';

export class Panels extends Store<Shown> {
  constructor() {
    super({ shown: matchMedia(WIDE).matches ? 'chat' : null, news: [] });
  }

  /** Shows a panel in place of another; null closes it. */
  show(name: PanelName | null): void {
    const { news } = this.snapshot;
    this.set({ shown: name, news: news.filter((other) => other !== name) });
  }

  /** Shows a panel, or closes it if it is the one that is shown. */
  toggle(name: PanelName): void {
    this.show(this.snapshot.shown === name ? null : name);
  }

  /** Something new is in a panel; it is marked until it is shown. */
  mark(name: PanelName): void {
    const { shown, news } = this.snapshot;
    if (shown !== name && !news.includes(name)) this.set({ shown, news: [...news, name] });
  }
}
