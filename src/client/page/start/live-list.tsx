/** What is going on in public, kept up to date while it is looked at. */
import { useEffect } from 'preact/hooks';
import { type LiveSession, listLiveSessions } from '../../../protocol/http/sessions.ts';
import { call } from '../../sdk/call.ts';
import { useQuery } from '../ui/use-query.ts';
import { SessionLink } from './session-link.tsx';

const SHOWN = 8;
const INTERVAL_MS = 15_000;

export function LiveList() {
  const { data, problem, refresh } = useQuery('live', () =>
    call(listLiveSessions, { query: { limit: SHOWN } }),
  );
  useEffect(() => {
    const look = () => {
      if (!document.hidden) void refresh();
    };
    const timer = setInterval(look, INTERVAL_MS);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [refresh]);
  const sessions = data?.sessions ?? [];
  return (
    <section class="card" aria-labelledby="live-heading">
      <h2 id="live-heading">Live now</h2>
      <p class="dim" role="status" hidden={sessions.length > 0 && problem === null}>
        {problem ??
          (data === null
            ? 'Looking…'
            : 'There are no public sessions right now. A host can open a session to everyone in its settings.')}
      </p>
      <ul class="rows" data-testid="live-sessions">
        {sessions.map((session) => (
          <LiveRow key={session.id} session={session} />
        ))}
      </ul>
    </section>
  );
}

function LiveRow({ session }: { session: LiveSession }) {
  const { id, title, host_name: host, participant_count: count } = session;
  return (
    <li>
      <SessionLink id={id} title={title} />
      {host !== undefined && <span class="dim">by {host}</span>}
      <span class="count">{count} here</span>
    </li>
  );
}
