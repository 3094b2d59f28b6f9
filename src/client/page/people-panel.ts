/** Who is here. */
import type { WireParticipant } from '../../protocol/index.ts';
import type { Snapshot } from '../session-client.ts';
import { el, setText } from './dom.ts';
import { colorOf } from './remote-cursors.ts';

export interface PeoplePanel {
  element: HTMLElement;
  render(snapshot: Snapshot): void;
}

/** One id for all that a person sends, as far as the protocol tells: anonymous people have only their name. */
export function personId({
  user_id,
  display_name,
}: Pick<WireParticipant, 'user_id' | 'display_name'>): string {
  return user_id ?? display_name;
}

export function createPeoplePanel(): PeoplePanel {
  const heading = el('h2', { id: 'people-heading' }, 'Here');
  const list = el('ul', { class: 'people', 'data-testid': 'participants' });
  let shown: readonly WireParticipant[] | null = null;
  return {
    element: el(
      'section',
      { class: 'panel people-panel', 'aria-labelledby': 'people-heading' },
      heading,
      list,
    ),
    render({ participants, displayName, role }) {
      if (participants === shown) return;
      shown = participants;
      setText(heading, `Here (${participants.length})`);
      const me = participants.findIndex((one) => one.display_name === displayName && one.role === role);
      list.replaceChildren(...participants.map((one, index) => person(one, index === me)));
    },
  };
}

function person(participant: WireParticipant, isMe: boolean): HTMLElement {
  const { display_name: name, role } = participant;
  return el(
    'li',
    { 'data-role': role },
    el(
      'span',
      { class: `avatar color-${colorOf(personId(participant))}`, 'aria-hidden': 'true' },
      [...name][0]?.toUpperCase() ?? '?',
    ),
    el('span', { class: 'person-name' }, name),
    isMe ? el('span', { class: 'you' }, 'you') : null,
    el('span', { class: 'role' }, role),
  );
}
