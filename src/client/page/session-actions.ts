/** What can be done about the session itself: by its host, or by the others. */
import type { Role } from '../../protocol/index.ts';
import { el } from './dom.ts';

export interface SessionActions {
  element: HTMLElement;
  /** @param role null while nothing can be done. */
  render(role: Role | null): void;
}

export function createSessionActions(run: {
  invite(): void;
  settings(): void;
  leave(): void;
}): SessionActions {
  const button = (label: string, testId: string, onclick: () => void) =>
    el('button', { type: 'button', 'data-testid': testId, onclick }, label);
  const invite = button('Invite', 'invite', run.invite);
  const settings = button('Settings', 'settings', run.settings);
  const leave = button('Leave', 'leave', run.leave);
  return {
    element: el('div', { class: 'actions' }, invite, settings, leave),
    render(role) {
      invite.hidden = role !== 'host';
      settings.hidden = role !== 'host';
      leave.hidden = role === null || role === 'host';
    },
  };
}
