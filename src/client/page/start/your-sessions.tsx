/** A signed-in user's own sessions: those that go on to go back to, ended ones to start again from. */
import { getSession, listSessions, type Session } from '../../../protocol/http/sessions.ts';
import { call } from '../../sdk/call.ts';
import { type Account, asAccount, claims } from '../account.ts';
import { ActionButton } from '../ui/form.tsx';
import { useValue } from '../ui/store.ts';
import { dayOf } from '../ui/times.ts';
import { useAction } from '../ui/use-action.ts';
import { useQuery } from '../ui/use-query.ts';
import { nameToPlayUnder } from './made-up-name.ts';
import { startSession } from './new-session.ts';
import { SessionLink } from './session-link.tsx';

const SHOWN = 50;

export function YourSessions({ account }: { account: Account }) {
  const { data, problem } = useQuery(`${account.subject} ${useValue(claims)}`, () =>
    asAccount(account, (token) => call(listSessions, { token, query: { limit: SHOWN } })),
  );
  const sessions = data?.sessions ?? [];
  const active = sessions.filter(({ is_active }) => is_active);
  const ended = sessions.filter(({ is_active }) => !is_active);
  return (
    <section class="card lists" aria-labelledby="mine-heading">
      <h2 id="mine-heading">Your sessions</h2>
      <p class="dim" role="status" hidden={sessions.length > 0}>
        {problem ?? (data === null ? 'Looking…' : 'None yet. The first one you start will be here.')}
      </p>
      <div class="groups" data-testid="my-sessions">
        {active.length > 0 && (
          <div>
            <h3>Going on</h3>
            <ul class="rows">
              {active.map((session) => (
                <ActiveRow key={session.id} session={session} />
              ))}
            </ul>
          </div>
        )}
        {ended.length > 0 && (
          <div>
            <h3>Ended</h3>
            <ul class="rows">
              {ended.map((session) => (
                <EndedRow key={session.id} session={session} account={account} />
              ))}
            </ul>
          </div>
        )}
      </div>
    </section>
  );
}

function ActiveRow({ session: { id, title, is_discoverable, last_activity } }: { session: Session }) {
  return (
    <li data-session={id}>
      <SessionLink id={id} title={title} />
      {is_discoverable && <span class="badge">public</span>}
      <time>{dayOf(last_activity)}</time>
    </li>
  );
}

function EndedRow({ session, account }: { session: Session; account: Account }) {
  const { id, title, last_activity } = session;
  const action = useAction();
  /** A new session with its title and code. */
  const startAgain = async () => {
    const { code } = await asAccount(account, (token) => call(getSession, { token, params: { id } }));
    await startSession({ account, title, code, displayName: nameToPlayUnder(account) });
  };
  return (
    <li data-session={id}>
      <SessionLink id={id} title={title} />
      <span class="problem" role="alert">
        {action.problem}
      </span>
      <time>{dayOf(last_activity)}</time>
      <ActionButton action={action} class="small" run={startAgain}>
        Start again
      </ActionButton>
    </li>
  );
}
