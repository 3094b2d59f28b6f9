/** Makes invite links for the host to pass on, and shows those that are out. */
import {
  createInvite,
  type Invite,
  type InviteRole,
  listInvites,
  revokeInvite,
} from '../../protocol/http/people.ts';
import { MAX_INVITE_USES } from '../../protocol/limits.ts';
import { call, messageOf } from '../sdk/call.ts';
import { createDialog } from './dialog.ts';
import { button, copyText, dayOf, el, labelled, setText } from './dom.ts';
import { submitForm } from './form.ts';
import { routeHash } from './router.ts';

const HOUR_MS = 3_600_000;

const ROLES: Record<InviteRole, { label: string; hint: string }> = {
  'co-author': { label: 'Co-author', hint: 'writes, plays, chats and asks the AI' },
  viewer: { label: 'Viewer', hint: 'reads along and chats' },
};

const EXPIRIES = [
  ['never', 'never', null],
  ['hour', 'in an hour', HOUR_MS],
  ['day', 'in a day', 24 * HOUR_MS],
  ['week', 'in a week', 7 * 24 * HOUR_MS],
] as const;

/** @param token the host's, as it is now. */
export function createInviteDialog(sessionId: string, token: () => string) {
  const link = el('input', {
    type: 'text',
    readonly: true,
    'aria-label': 'Invite link',
    'data-testid': 'invite-link',
    onfocus: () => link.select(),
  });
  const linkRow = el('div', { class: 'invite-made', hidden: true }, link);
  const note = el('p', { class: 'note', role: 'status', 'data-testid': 'invite-note' });
  const uses = el('input', {
    id: 'invite-uses',
    type: 'number',
    min: '1',
    max: String(MAX_INVITE_USES),
    inputmode: 'numeric',
    placeholder: 'no limit',
    'data-testid': 'invite-uses',
  });
  const expiry = el(
    'select',
    { id: 'invite-expiry', 'data-testid': 'invite-expiry' },
    ...EXPIRIES.map(([value, label]) => el('option', { value }, label)),
  );
  const form = el(
    'form',
    { class: 'stack' },
    el(
      'fieldset',
      { class: 'choices' },
      el('legend', { class: 'visually-hidden' }, 'Role'),
      choice('co-author', true),
      choice('viewer', false),
    ),
    el('div', { class: 'field-row' }, labelled('How many people', uses), labelled('Expires', expiry)),
    el('button', { type: 'submit', class: 'primary', 'data-testid': 'invite-make' }, 'Make a link'),
  );
  submitForm(form, async () => {
    const role: InviteRole = new FormData(form).get('role') === 'viewer' ? 'viewer' : 'co-author';
    const lifeMs = EXPIRIES.find(([value]) => value === expiry.value)?.[2] ?? null;
    const invite = await call(createInvite, {
      params: { id: sessionId },
      token: token(),
      body: {
        role,
        max_uses: uses.value === '' ? null : uses.valueAsNumber,
        expires_at: lifeMs === null ? null : new Date(Date.now() + lifeMs).toISOString(),
      },
    });
    link.value = linkOf(invite);
    linkRow.hidden = false;
    await copyLink(invite);
    void list.load();
  });

  const copyLink = async (invite: Invite): Promise<void> => {
    const isCopied = await copyText(linkOf(invite));
    setText(note, isCopied ? `${ROLES[invite.role].label} link copied.` : 'Copy the link above.');
    if (isCopied) return;
    link.value = linkOf(invite);
    linkRow.hidden = false;
    link.focus();
  };
  const list = createList({
    load: async () => (await call(listInvites, { params: { id: sessionId }, token: token() })).tokens,
    copy: copyLink,
    async revoke(invite) {
      await call(revokeInvite, { params: { id: sessionId, token_id: invite.id }, token: token() });
      if (link.value === linkOf(invite)) linkRow.hidden = true;
      setText(note, 'Link revoked. Participants who joined by it have left.');
    },
  });
  const element = createDialog('invite', 'Invite people', [form, linkRow, note, list.element]);
  return {
    element,
    open() {
      setText(note, '');
      linkRow.hidden = true;
      element.showModal();
      void list.load();
    },
  };
}

function choice(role: InviteRole, isChosen: boolean): HTMLElement {
  const { label, hint } = ROLES[role];
  return el(
    'label',
    { class: 'choice' },
    el('input', {
      type: 'radio',
      name: 'role',
      value: role,
      checked: isChosen,
      'data-testid': `invite-${role}`,
    }),
    el('span', { class: 'choice-text' }, el('strong', {}, label), el('span', {}, hint)),
  );
}

/** The secret is in the fragment, which no server sees. */
function linkOf(invite: Invite): string {
  return `${location.origin}/${routeHash({ name: 'join', inviteToken: invite.token })}`;
}

function createList(actions: {
  load(): Promise<Invite[]>;
  copy(invite: Invite): Promise<void>;
  /** @throws in words for people. */
  revoke(invite: Invite): Promise<void>;
}) {
  const rows = el('ul', { class: 'rows', 'data-testid': 'invites' });
  const problem = el('p', { class: 'problem', role: 'alert' });
  const element = el(
    'section',
    { class: 'invite-list', hidden: true },
    el('h3', {}, 'Links that are out'),
    rows,
  );
  const load = async (): Promise<void> => {
    try {
      const invites = await actions.load();
      element.hidden = invites.length === 0;
      rows.replaceChildren(...invites.map(row));
      setText(problem, '');
    } catch (error) {
      setText(problem, messageOf(error));
    }
  };
  const row = (invite: Invite): HTMLElement => {
    const { label } = ROLES[invite.role];
    const revoke = button('Revoke', {
      class: 'small',
      'data-testid': 'invite-revoke',
      'aria-label': `Revoke ${label} link`,
    });
    revoke.addEventListener('click', async () => {
      revoke.disabled = true;
      try {
        await actions.revoke(invite);
        await load();
      } catch (error) {
        setText(problem, messageOf(error));
        revoke.disabled = false;
      }
    });
    return el(
      'li',
      { 'data-invite': invite.id },
      el(
        'span',
        { class: 'row-main' },
        label,
        el('span', { class: 'dim invite-facts', 'data-testid': 'invite-facts' }, factsOf(invite)),
      ),
      button('Copy', {
        class: 'small',
        'aria-label': `Copy ${label} link`,
        onclick: () => void actions.copy(invite),
      }),
      revoke,
    );
  };
  return { element: el('div', {}, element, problem), load };
}

function factsOf({ uses_count: count, max_uses: max, expires_at: expires }: Invite): string {
  const used = max === null ? `used ${count} ${count === 1 ? 'time' : 'times'}` : `used ${count} of ${max}`;
  if (expires === null) return used;
  return Date.parse(expires) <= Date.now() ? `${used}, expired` : `${used}, until ${dayOf(expires)}`;
}
