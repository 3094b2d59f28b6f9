/** Makes invite links for the host to pass on. */
import { createInvite, type InviteRole } from '../api.ts';
import { el, setText } from './dom.ts';
import { routeHash } from './router.ts';

export interface InviteDialog {
  element: HTMLDialogElement;
  open(): void;
}

/** @param token the host's session token. */
export function createInviteDialog(sessionId: string, token: string): InviteDialog {
  const link = el('input', {
    type: 'text',
    readonly: true,
    'aria-label': 'Invite link',
    'data-testid': 'invite-link',
    onfocus: () => link.select(),
  });
  const note = el('p', { class: 'note', role: 'status', 'data-testid': 'invite-note' });
  const make = async (role: InviteRole, button: HTMLButtonElement): Promise<void> => {
    button.disabled = true;
    try {
      const invite = await createInvite(sessionId, role, token);
      link.value = `${location.origin}/${routeHash({ name: 'join', inviteToken: invite.token })}`;
      link.hidden = false;
      const copied = await copy(link.value);
      setText(note, copied ? `${LABELS[role]} link copied.` : 'Copy the link above.');
      if (!copied) link.focus();
    } catch (error) {
      setText(note, error instanceof Error ? error.message : String(error));
    } finally {
      button.disabled = false;
    }
  };
  const button = (role: InviteRole, hint: string) => {
    const made: HTMLButtonElement = el(
      'button',
      {
        type: 'button',
        class: 'choice',
        'data-testid': `invite-${role}`,
        onclick: () => void make(role, made),
      },
      el('strong', {}, LABELS[role]),
      el('span', {}, hint),
    );
    return made;
  };
  link.hidden = true;
  const element = el(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'invite-heading' },
    el('h2', { id: 'invite-heading' }, 'Invite people'),
    el(
      'div',
      { class: 'choices' },
      button('co-author', 'writes, plays and chats'),
      button('viewer', 'reads along and chats'),
    ),
    link,
    note,
    el('form', { method: 'dialog' }, el('button', { 'data-testid': 'invite-close' }, 'Done')),
  );
  return { element, open: () => element.showModal() };
}

const LABELS: Record<InviteRole, string> = { 'co-author': 'Co-author', viewer: 'Viewer' };

/** False where the browser doesn't let a page write to the clipboard. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
