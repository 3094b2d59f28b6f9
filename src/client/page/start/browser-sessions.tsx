/** Sessions that this browser has a key to, and that aren't an account's. */
import { type Account, claims } from '../account.ts';
import { usableSessions } from '../entry.ts';
import { useValue } from '../ui/store.ts';
import { dayOf } from '../ui/times.ts';
import { SessionLink } from './session-link.tsx';

export function BrowserSessions({ account }: { account: Account | null }) {
  // Some of them may have become the account's.
  useValue(claims);
  const sessions = usableSessions(account).filter(({ subject }) => subject === null);
  if (sessions.length === 0) return null;
  return (
    <nav class="card lists" aria-labelledby="recent-heading">
      <h2 id="recent-heading">{account ? 'Recent, not signed in' : 'Recent sessions'}</h2>
      <ul class="rows">
        {sessions.map(({ id, title, enteredAtMs }) => (
          <li key={id}>
            <SessionLink id={id} title={title} />
            <time>{dayOf(enteredAtMs)}</time>
          </li>
        ))}
      </ul>
    </nav>
  );
}
