/** The participants who are present; for the host, also their roles. */
import {
  changeParticipant,
  listParticipants,
  type Participant,
  removeParticipant,
  revokeInvite,
} from '../../protocol/http/people.ts';
import { MAX_PAGE_ENTRIES, type Role, type WireParticipant } from '../../protocol/index.ts';
import { call, messageOf } from '../sdk/call.ts';
import type { Snapshot } from '../sdk/session-client.ts';
import { ask } from './dialog.ts';
import { button, el, headed, setText } from './dom.ts';
import { colorOf } from './person-color.ts';

interface PeopleOptions {
  sessionId: string;
  /** The host's token, as it is now. */
  token(): string;
  /** Says what went wrong, or what was done. */
  say(text: string, kind: 'info' | 'error'): void;
}

type GivenRole = Exclude<Role, 'host'>;
const GIVEN_ROLES: readonly GivenRole[] = ['co-author', 'viewer'];

export function createPeoplePanel(options: PeopleOptions) {
  const heading = el('h2', {}, 'Here');
  const list = el('ul', { class: 'people', 'data-testid': 'participants' });
  const away = createAway(options);
  let shown: { participants: readonly WireParticipant[]; self: number; isHost: boolean } | null = null;

  const change = async (person: { id: string; name: string }, role: GivenRole): Promise<void> => {
    try {
      await call(changeParticipant, { ...pathOf(options, person.id), body: { role } });
    } catch (error) {
      options.say(`${person.name} keeps the role: ${messageOf(error)}`, 'error');
      // What was chosen isn't what is.
      shown = null;
      if (last) render(last);
    }
  };
  const remove = (person: { id: string; name: string }) =>
    ask({
      heading: `Send ${person.name} away?`,
      text: 'They lose the session at once. You can let them in again later.',
      action: 'Send away',
      async run() {
        const { open_invite_id: inviteId } = await call(removeParticipant, pathOf(options, person.id));
        away.refresh();
        if (inviteId !== undefined) offerToRevoke(person.name, inviteId);
      },
    });
  const offerToRevoke = (name: string, inviteId: string) =>
    ask({
      heading: 'Close the invite link, too?',
      text: `${name} came by a link that still works, and can come back by it. If you close it, others can’t join by it either, and those who did lose the session.`,
      action: 'Close the link',
      async run() {
        const { sessionId, token } = options;
        await call(revokeInvite, { params: { id: sessionId, token_id: inviteId }, token: token() });
        options.say('The invite link is closed.', 'info');
      },
    });

  let last: Snapshot | null = null;
  const render = (snapshot: Snapshot): void => {
    last = snapshot;
    const { participants, self, role } = snapshot;
    const isHost = role === 'host';
    if (shown && participants === shown.participants && self === shown.self && isHost === shown.isHost)
      return;
    shown = { participants, self, isHost };
    setText(heading, `Here (${participants.length})`);
    // A select that is open must not close because another participant joined.
    const kept = new Map([...list.children].map((item) => [item.getAttribute('data-key'), item]));
    list.replaceChildren(
      ...participants.map((one, index) => {
        const mayManage = isHost && index !== self && one.role !== 'host';
        const key = JSON.stringify([one, index === self, mayManage]);
        const known = kept.get(key);
        if (known) return known;
        const item = personRow(one, index === self, mayManage ? { change, remove } : null);
        item.dataset.key = key;
        return item;
      }),
    );
    away.render(isHost, participants);
  };
  return {
    element: headed('section', 'people', 'panel people-panel', heading, list, away.element),
    render,
  };
}

interface Manage {
  change(person: { id: string; name: string }, role: GivenRole): Promise<void>;
  remove(person: { id: string; name: string }): void;
}

function personRow(participant: WireParticipant, isMe: boolean, manage: Manage | null): HTMLElement {
  const { display_name: name, role, participant_id: id } = participant;
  return el(
    'li',
    { 'data-role': role },
    avatar(name, colorOf(name, [participant])),
    el('span', { class: 'person-name' }, name),
    isMe ? el('span', { class: 'you' }, 'you') : null,
    ...(manage && id !== undefined
      ? [
          roleSelect(name, role, (wanted) => void manage.change({ id, name }, wanted)),
          button('×', {
            class: 'icon-button',
            'aria-label': `Send ${name} away`,
            title: 'Send away',
            'data-testid': 'person-remove',
            onclick: () => manage.remove({ id, name }),
          }),
        ]
      : [el('span', { class: 'role' }, role)]),
  );
}

function roleSelect(name: string, role: Role, change: (role: GivenRole) => void): HTMLElement {
  const select = el(
    'select',
    { class: 'role role-select', 'aria-label': `Role of ${name}`, 'data-testid': 'person-role' },
    ...GIVEN_ROLES.map((value) => el('option', { value, selected: value === role }, value)),
  );
  select.addEventListener('change', () => {
    const wanted = GIVEN_ROLES.find((value) => value === select.value);
    if (wanted) change(wanted);
  });
  return select;
}

function avatar(name: string, color: number): HTMLElement {
  return el(
    'span',
    { class: `avatar color-${color}`, 'aria-hidden': 'true' },
    [...name][0]?.toUpperCase() ?? '?',
  );
}

/** A participant's membership in the API, for the host to change. */
function pathOf({ sessionId, token }: PeopleOptions, participantId: string) {
  return { params: { id: sessionId, participant_id: participantId }, token: token() };
}

/** For the host: participants who have left, to let removed ones in again. Read when it is opened. */
function createAway(options: PeopleOptions) {
  const { sessionId, token, say } = options;
  const list = el('ul', { class: 'people', 'data-testid': 'away' });
  const note = el('p', { class: 'dim', role: 'status' });
  const element = el(
    'details',
    { class: 'away', hidden: true },
    el('summary', { 'data-testid': 'away-summary' }, 'Been here'),
    note,
    list,
  );
  let present: readonly WireParticipant[] = [];
  const letIn = async (person: Participant, button: HTMLButtonElement): Promise<void> => {
    button.disabled = true;
    try {
      const role = person.role === 'viewer' ? 'viewer' : 'co-author';
      await call(changeParticipant, { ...pathOf(options, person.id), body: { role } });
      say(`${person.display_name} may come back.`, 'info');
      await load();
    } catch (error) {
      say(messageOf(error), 'error');
      button.disabled = false;
    }
  };
  const load = async (): Promise<void> => {
    setText(note, 'Looking…');
    note.hidden = false;
    try {
      const { participants: people } = await call(listParticipants, {
        params: { id: sessionId },
        query: { limit: MAX_PAGE_ENTRIES },
        token: token(),
      });
      const ids = new Set(present.map((one) => one.participant_id));
      const gone = people.filter((person) => !ids.has(person.id) && person.role !== 'host');
      note.hidden = gone.length > 0;
      setText(note, 'Everyone who joined is here.');
      list.replaceChildren(...gone.map((person) => awayRow(person, letIn)));
    } catch (error) {
      setText(note, messageOf(error));
    }
  };
  element.addEventListener('toggle', () => {
    if (element.open) void load();
  });
  return {
    element,
    refresh() {
      if (element.open) void load();
    },
    render(isHost: boolean, participants: readonly WireParticipant[]) {
      element.hidden = !isHost;
      const isChanged = participants !== present;
      present = participants;
      if (isHost && isChanged && element.open) void load();
    },
  };
}

function awayRow(
  person: Participant,
  letIn: (person: Participant, button: HTMLButtonElement) => Promise<void>,
): HTMLElement {
  const isRemoved = person.removed_at !== undefined;
  const readmit = button('Let back in', {
    class: 'small',
    'data-testid': 'let-in',
    onclick: () => void letIn(person, readmit),
  });
  return el(
    'li',
    {},
    avatar(person.display_name, colorOf(person.display_name, [])),
    el('span', { class: 'person-name' }, person.display_name),
    isRemoved ? readmit : el('span', { class: 'role' }, person.role),
  );
}
