/** The participants at a glance. A press on one keeps their caret in sight; the count opens the list. */
import { personId } from '../../sdk/people.ts';
import { colorOf } from '../person-color.ts';
import { Avatar } from '../ui/avatar.tsx';
import { useValue } from '../ui/store.ts';
import { isOverIn } from './jam.ts';
import { useJam, useSession } from './use-jam.ts';

const SHOWN = 5;

export function PeopleBar() {
  const { following, follow, panels } = useFollowing();
  const participants = useSession((snapshot) => snapshot.participants);
  const watching = useSession((snapshot) => snapshot.watching);
  const self = useSession((snapshot) => snapshot.self);
  const isOver = useSession(({ connection }) => isOverIn(connection));
  if (isOver) return null;
  const others = participants.filter((_, index) => index !== self);
  const here = participants.length + watching;
  const more = others.length - SHOWN + watching;
  return (
    <div class="people-bar">
      <ul class="avatars" aria-label="Follow a participant">
        {others.slice(0, SHOWN).map((person) => {
          const id = personId(person);
          const { display_name: name, away } = person;
          const action = `${following === id ? 'Following' : 'Follow'} ${name}`;
          return (
            <li key={id}>
              <button
                type="button"
                class="avatar-button"
                aria-pressed={following === id}
                aria-label={`Follow ${name}${away ? ' (away)' : ''}`}
                title={away ? `${action} (away)` : action}
                data-away={away}
                data-testid="follow"
                onClick={() => follow(id)}
              >
                <Avatar name={name} color={colorOf(person)} />
              </button>
            </li>
          );
        })}
      </ul>
      <button
        type="button"
        class="people-count"
        data-testid="people-count"
        aria-label={`${here} here`}
        title="All participants"
        onClick={() => panels.toggle('people')}
      >
        {others.length > SHOWN ? `+${more}` : here} here
      </button>
    </div>
  );
}

function useFollowing() {
  const jam = useJam();
  const following = useValue(jam.following);
  return { following, follow: (id: string) => jam.follow(id), panels: jam.panels };
}
