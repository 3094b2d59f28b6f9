/** For the host: participants who have left, to let removed ones in again. */
import { changeParticipant, listParticipants, type Participant } from '../../../../protocol/http/people.ts';
import { MAX_PAGE_ENTRIES, type WireParticipant } from '../../../../protocol/index.ts';
import { call, messageOf } from '../../../sdk/call.ts';
import { colorOfName } from '../../person-color.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { ActionButton } from '../../ui/form.tsx';
import { toast } from '../../ui/toasts.tsx';
import { useAction } from '../../ui/use-action.ts';
import { useQuery } from '../../ui/use-query.ts';
import { useJam } from '../use-jam.ts';
import { membershipOf } from './membership.ts';

export interface BeenHereProps {
  present: readonly WireParticipant[];
  removed: number;
}

export function BeenHere({ present, removed }: BeenHereProps) {
  const jam = useJam();
  const ids = new Set(present.map((one) => one.participant_id));
  const { data, problem, refresh } = useQuery(`${removed} ${[...ids].join()}`, async () => {
    const { participants } = await call(listParticipants, {
      params: { id: jam.sessionId },
      query: { limit: MAX_PAGE_ENTRIES },
      token: jam.token,
    });
    return participants;
  });
  const gone = (data ?? []).filter(({ id, role }) => !ids.has(id) && role !== 'host');
  const note = problem ?? (data === null ? 'Looking…' : 'Everyone who joined is here.');
  return (
    <>
      <p class="dim" role="status" hidden={gone.length > 0 && problem === null}>
        {note}
      </p>
      <ul class="people" data-testid="away">
        {gone.map((person) => (
          <AwayRow key={person.id} person={person} onLetIn={refresh} />
        ))}
      </ul>
    </>
  );
}

function AwayRow({ person, onLetIn }: { person: Participant; onLetIn(): Promise<void> }) {
  const jam = useJam();
  const action = useAction();
  const { id, display_name: name, role, removed_at: removedAt } = person;
  const letIn = async () => {
    try {
      const given = role === 'viewer' ? 'viewer' : 'co-author';
      await call(changeParticipant, { ...membershipOf(jam, id), body: { role: given } });
      toast(`${name} may come back.`);
      await onLetIn();
    } catch (error) {
      toast(messageOf(error), 'error');
    }
  };
  return (
    <li>
      <Avatar name={name} color={colorOfName(name)} />
      <span class="person-name">{name}</span>
      {removedAt === undefined ? (
        <span class="role">{role}</span>
      ) : (
        <ActionButton action={action} class="small" testId="let-in" run={letIn}>
          Let back in
        </ActionButton>
      )}
    </li>
  );
}
