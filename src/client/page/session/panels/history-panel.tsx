/** The versions of the code: who made what of it and when, what is different now, and the way back. */
import { useEffect, useState } from 'preact/hooks';
import { listVersions, type WireVersion } from '../../../../protocol/http/versions.ts';
import { call } from '../../../sdk/call.ts';
import { dayOf, timeOfDay } from '../../ui/times.ts';
import { useQuery } from '../../ui/use-query.ts';
import { useJam } from '../use-jam.ts';
import { VersionView } from './version-view.tsx';

const PAGE = 50;

const CAUSES: Record<WireVersion['cause'], string> = {
  typed: 'Edited',
  played: 'Played',
  answered: 'Answer of the AI',
  switched: 'Another strudel',
  restored: 'Restored',
};

export function HistoryPanel() {
  const jam = useJam();
  const [shown, setShown] = useState(PAGE);
  const [open, setOpen] = useState<number | null>(null);
  const { data, problem, refresh } = useQuery(`${shown}`, () =>
    call(listVersions, { params: { id: jam.sessionId }, token: jam.token, query: { limit: shown } }),
  );
  useEffect(() => jam.client.on('version', () => void refresh()), [jam, refresh]);
  const versions = data?.versions ?? [];
  return (
    <>
      <p class="dim" role="status" hidden={versions.length > 0 && problem === null}>
        {problem ??
          (data === null
            ? 'Looking…'
            : 'There are no versions yet. One is kept each minute in which something changes, and whenever it is played.')}
      </p>
      <ol class="versions" data-testid="versions">
        {versions.map((version, index) => {
          const isOpen = version.number === open;
          const isLast = index === versions.length - 1 && data?.pagination.has_more === false;
          return (
            <li key={version.number} data-cause={version.cause}>
              <button
                type="button"
                class="version"
                aria-expanded={isOpen}
                data-testid="version"
                onClick={() => setOpen(isOpen ? null : version.number)}
              >
                <time>{momentOf(version.created_at)}</time>
                <span>{isLast && version.display_name === null ? 'As it began' : CAUSES[version.cause]}</span>
                <span class="dim version-by">{version.display_name ?? ''}</span>
              </button>
              {isOpen && <VersionView number={version.number} />}
            </li>
          );
        })}
      </ol>
      {data?.pagination.has_more && (
        <button type="button" onClick={() => setShown(shown + PAGE)}>
          Earlier ones
        </button>
      )}
    </>
  );
}

/** The time of day, with the day where that isn't today. */
function momentOf(at: string): string {
  const [day, time] = [dayOf(at), timeOfDay(Date.parse(at))];
  return day === time ? time : `${day}, ${time}`;
}
