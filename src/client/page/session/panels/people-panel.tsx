/** The participants who are present; for the host, also their roles, and those who have left. */
import { useEffect, useState } from 'preact/hooks';
import { changeParticipant, removeParticipant, revokeInvite } from '../../../../protocol/http/people.ts';
import type { Role, WireParticipant } from '../../../../protocol/index.ts';
import { call, messageOf } from '../../../sdk/call.ts';
import { personId } from '../../../sdk/people.ts';
import { colorOf } from '../../person-color.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { IconButton } from '../../ui/icon.tsx';
import { lazy, lazyDialog } from '../../ui/lazy.tsx';
import { ask } from '../../ui/question.tsx';
import { toast } from '../../ui/toasts.tsx';
import { isOverIn, type Jam } from '../jam.ts';
import { useJam, useSession } from '../use-jam.ts';
import type { BeenHereProps } from './been-here.tsx';
import { membershipOf } from './membership.ts';

const BeenHere = lazy(async () => (await import('../later.ts')).BeenHere);
const NameDialog = lazyDialog(async () => (await import('../later.ts')).NameDialog);

type GivenRole = Exclude<Role, 'host'>;
const GIVEN_ROLES: readonly GivenRole[] = ['co-author', 'viewer'];

export function PeoplePanel() {
  const participants = useSession((snapshot) => snapshot.participants);
  const watching = useSession((snapshot) => snapshot.watching);
  const self = useSession((snapshot) => snapshot.self);
  const isHost = useSession(({ role, connection }) => role === 'host' && !isOverIn(connection));
  /** Grows when a participant was removed: the list of those who have left is another one then. */
  const [removed, setRemoved] = useState(0);
  return (
    <>
      <p class="dim people-here" data-testid="people-here">
        {participants.length + watching} here
      </p>
      <ul class="people" data-testid="participants">
        {participants.map((person, index) => (
          <PersonRow
            // The same person may be there twice under a room of another version.
            key={`${personId(person)} ${index === self}`}
            person={person}
            isMe={index === self}
            canManage={isHost && index !== self && person.role !== 'host'}
            onRemoved={() => setRemoved((count) => count + 1)}
          />
        ))}
      </ul>
      {watching > 0 && <p class="dim people-here">and {watching} more listening</p>}
      {self === -1 && <Unlisted />}
      {isHost && <Away present={participants} removed={removed} />}
    </>
  );
}

interface PersonRowProps {
  person: WireParticipant;
  isMe: boolean;
  canManage: boolean;
  onRemoved(): void;
}

function PersonRow({ person, isMe, canManage, onRemoved }: PersonRowProps) {
  const jam = useJam();
  const { display_name: name, role, participant_id: id, away } = person;
  return (
    <li data-role={role} data-away={away}>
      <Avatar name={name} color={colorOf(person)} />
      <span class="person-name">{name}</span>
      {isMe && <span class="you">you</span>}
      {isMe && <ChangeName name={name} />}
      {away && !isMe && <span class="dim">away</span>}
      {canManage && id !== undefined ? (
        <>
          <RoleSelect id={id} name={name} role={role} />
          <IconButton
            icon="close"
            label={`Send ${name} away`}
            testId="person-remove"
            onClick={() => askToRemove(jam, { id, name }, onRemoved)}
          />
        </>
      ) : (
        <span class="role">{role}</span>
      )}
    </li>
  );
}

/** One whom the others are only counted with has no entry above. */
function Unlisted() {
  const name = useSession((snapshot) => snapshot.displayName);
  if (name === null) return null;
  return (
    <div class="unlisted">
      <span class="person-name">{name}</span>
      <span class="you">you</span>
      <ChangeName name={name} />
    </div>
  );
}

function ChangeName({ name }: { name: string }) {
  const [isOpen, setOpen] = useState(false);
  const isOver = useSession(({ connection }) => isOverIn(connection));
  if (isOver) return null;
  return (
    <>
      <button type="button" class="small" data-testid="change-name" onClick={() => setOpen(true)}>
        Change name
      </button>
      {isOpen && <NameDialog name={name} onClose={() => setOpen(false)} />}
    </>
  );
}

function RoleSelect({ id, name, role }: { id: string; name: string; role: Role }) {
  const jam = useJam();
  /** What was chosen, until the room says it. */
  const [chosen, setChosen] = useState<GivenRole | null>(null);
  // The room has said it: what was chosen here counts no more.
  useEffect(() => setChosen(null), [role]);
  const choose = async (wanted: GivenRole) => {
    setChosen(wanted);
    try {
      await call(changeParticipant, { ...membershipOf(jam, id), body: { role: wanted } });
    } catch (error) {
      setChosen(null);
      toast(`${name} keeps the role: ${messageOf(error)}`, 'error');
    }
  };
  return (
    <select
      class="role role-select"
      aria-label={`Role of ${name}`}
      data-testid="person-role"
      value={chosen ?? role}
      onChange={(event) => {
        const wanted = GIVEN_ROLES.find((value) => value === event.currentTarget.value);
        if (wanted) void choose(wanted);
      }}
    >
      {GIVEN_ROLES.map((value) => (
        <option key={value} value={value}>
          {value}
        </option>
      ))}
    </select>
  );
}

function askToRemove(jam: Jam, { id, name }: { id: string; name: string }, onRemoved: () => void): void {
  ask({
    heading: `Send ${name} away?`,
    text: 'They lose the session at once. You can let them in again later.',
    action: 'Send away',
    async run() {
      const { open_invite_id: inviteId } = await call(removeParticipant, membershipOf(jam, id));
      onRemoved();
      if (inviteId !== undefined) offerToRevoke(jam, name, inviteId);
    },
  });
}

function offerToRevoke(jam: Jam, name: string, inviteId: string): void {
  ask({
    heading: 'Close the invite link, too?',
    text: `${name} came by a link that still works, and can come back by it. If you close it, others can’t join by it either, and those who did lose the session.`,
    action: 'Close the link',
    async run() {
      await call(revokeInvite, { params: { id: jam.sessionId, token_id: inviteId }, token: jam.token });
      toast('The invite link is closed.');
    },
  });
}

/** For the host: participants who have left, to let removed ones in again. Read when it is opened. */
function Away({ present, removed }: BeenHereProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="away" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary data-testid="away-summary">Been here</summary>
      {isOpen && <BeenHere present={present} removed={removed} />}
    </details>
  );
}
