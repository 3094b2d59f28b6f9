/** What can be done about the session itself: by its host, or by the others. */
import type { Role } from '../../protocol/index.ts';
import { button, el } from './dom.ts';

export function createSessionActions(run: { invite(): void; settings(): void; leave(): void }) {
  const invite = button('Invite', { 'data-testid': 'invite', onclick: run.invite });
  const settings = button('Settings', { 'data-testid': 'settings', onclick: run.settings });
  const leave = button('Leave', { 'data-testid': 'leave', onclick: run.leave });
  return {
    element: el('div', { class: 'actions' }, invite, settings, leave),
    /** @param role null while nothing can be done. */
    render(role: Role | null) {
      invite.hidden = role !== 'host';
      settings.hidden = role !== 'host';
      leave.hidden = role === null || role === 'host';
    },
  };
}
