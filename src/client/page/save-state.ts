/** Where my edits are: pending, saved, or in Postgres. The newest in words, the recent ones each as a dot. */
import type { LocalEdit } from '../sdk/own-edits.ts';
import type { Snapshot } from '../sdk/session-client.ts';
import { el, setText } from './dom.ts';

const DOTS_SHOWN = 24;

const WORDS: Record<LocalEdit['status'], string> = {
  pending: 'Pending',
  saved: 'Saved',
  flushed: 'In Postgres',
  refused: 'Not accepted',
};

const TOO_LARGE =
  'Not sent: the code is larger than 100 KB. It stays here; shorten it, and all of it is sent.';

export interface SaveState {
  element: HTMLElement;
  render(snapshot: Snapshot): void;
}

export function createSaveState(): SaveState {
  const label = el('span', { class: 'save-label' });
  const newest = el(
    'p',
    { class: 'save-newest', role: 'status', 'data-state': 'none', 'data-testid': 'save-state' },
    el('span', { class: 'save-light', 'aria-hidden': 'true' }),
    label,
  );
  const dots = el('ol', { class: 'save-dots', 'aria-label': 'My recent edits', 'data-testid': 'edits' });
  const counts = el('span', { class: 'save-counts', 'data-testid': 'save-counts' });
  // Revisions order edits and count nothing, so they are no number to show.
  const element = el(
    'footer',
    { class: 'save-bar', 'aria-label': 'Save state', 'data-testid': 'save-bar' },
    newest,
    dots,
    counts,
  );
  return {
    element,
    render(snapshot) {
      const last = snapshot.edits.at(-1);
      const isHeldBack = snapshot.heldBack !== null;
      newest.dataset.state = isHeldBack ? 'refused' : (last?.status ?? 'none');
      if (isHeldBack) setText(label, TOO_LARGE);
      else if (last) setText(label, describe(last));
      else setText(label, snapshot.rev === 0 ? 'No edits yet' : 'No edits of yours yet');
      renderDots(dots, snapshot.edits.slice(-DOTS_SHOWN));
      setText(counts, count(snapshot.edits));
      element.dataset.rev = String(snapshot.rev);
      element.dataset.savedRev = String(snapshot.savedRev);
      element.dataset.flushedRev = String(snapshot.flushedRev);
    },
  };
}

function describe(edit: LocalEdit): string {
  if (edit.status === 'refused') return `${WORDS.refused}: ${edit.reason ?? 'no reason given'}`;
  return WORDS[edit.status];
}

function renderDots(list: HTMLElement, edits: readonly LocalEdit[]): void {
  while (list.childElementCount > edits.length) list.lastElementChild?.remove();
  while (list.childElementCount < edits.length) {
    list.append(el('li', {}, el('span', { class: 'visually-hidden' })));
  }
  edits.forEach((edit, index) => {
    const dot = list.children[index];
    if (!(dot instanceof HTMLElement)) return;
    const text = `${new Date(edit.madeAtMs).toLocaleTimeString()}: ${describe(edit)}`;
    if (dot.title === text) return;
    dot.dataset.state = edit.status;
    dot.dataset.seq = String(edit.clientSeq);
    dot.title = text;
    if (dot.firstElementChild) setText(dot.firstElementChild, text);
  });
}

function count(edits: readonly LocalEdit[]): string {
  const of = (status: LocalEdit['status']) => edits.filter((edit) => edit.status === status).length;
  const parts = [
    [of('pending'), 'pending'],
    [of('saved'), 'saved'],
    [of('flushed'), 'in Postgres'],
  ] as const;
  return parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(' · ');
}
