/**
 * Where one's own edits are, in words; each of the recent ones, with the stores' names, behind “Details”; and
 * who pressed last.
 */
import type { LocalEdit } from '../../sdk/own-edits.ts';
import type { Snapshot } from '../../sdk/session-client.ts';
import { isShallowEqual, useValue } from '../ui/store.ts';
import { isOverIn } from './jam.ts';
import { useJam, useSession } from './use-jam.ts';

const DOTS_SHOWN = 24;

/** What a status is called among the details. */
const STATUS: Record<LocalEdit['status'], string> = {
  pending: 'Pending',
  saved: 'In the buffer',
  flushed: 'In Postgres',
  refused: 'Not accepted',
};

const TOO_LARGE =
  'Not sent: the code is larger than 100 KB. It stays here; shorten it, and all of it is sent.';

export function SaveBar() {
  const { edits, rev, savedRev, flushedRev, ...shown } = useSession(
    ({ edits, rev, savedRev, flushedRev, heldBack, connection }) => ({
      edits,
      rev,
      savedRev,
      flushedRev,
      heldBack,
      isOpen: connection.state === 'open',
      isOver: isOverIn(connection),
    }),
    isShallowEqual,
  );
  const { last: pressed } = useValue(useJam().sound);
  const last = edits.at(-1);
  const state = shown.heldBack === null ? (last?.status ?? 'none') : 'refused';
  return (
    <section
      class="save-bar"
      aria-label="Save state"
      data-testid="save-bar"
      // Revisions order edits and count nothing, so they are no number to show.
      data-rev={rev}
      data-saved-rev={savedRev}
      data-flushed-rev={flushedRev}
    >
      <p class="save-newest" role="status" data-state={state} data-testid="save-state">
        <span class="save-light" aria-hidden="true" />
        <span class="save-label">{wordsOf(last, { rev, ...shown })}</span>
      </p>
      <p class="playback-last" role="status" data-testid="playback">
        {!shown.isOver && pressed}
      </p>
      <details class="save-details">
        <summary>Details</summary>
        <div class="save-more">
          <p class="hint">
            Each edit is first kept in a buffer, which takes a fraction of a second, and a few seconds later
            in the database (Postgres). It is safe in either.
          </p>
          <ol class="save-dots" aria-label="My recent edits" data-testid="edits">
            {edits.slice(-DOTS_SHOWN).map((edit) => (
              <EditDot key={edit.clientSeq} edit={edit} />
            ))}
          </ol>
          <p class="save-counts" data-testid="save-counts">
            {count(edits)}
          </p>
        </div>
      </details>
    </section>
  );
}

function wordsOf(
  last: LocalEdit | undefined,
  { heldBack, rev, isOpen }: Pick<Snapshot, 'heldBack' | 'rev'> & { isOpen: boolean },
): string {
  if (heldBack !== null) return TOO_LARGE;
  if (!last) return rev === 0 ? 'No edits yet' : 'Nothing to save';
  if (last.status === 'refused') return describe(last);
  if (last.status !== 'pending') return 'All changes saved';
  return isOpen ? 'Saving…' : 'Offline: your changes are kept here';
}

function EditDot({ edit }: { edit: LocalEdit }) {
  const text = `${new Date(edit.madeAtMs).toLocaleTimeString()}: ${describe(edit)}`;
  return (
    <li data-state={edit.status} data-seq={edit.clientSeq} title={text}>
      <span class="visually-hidden">{text}</span>
    </li>
  );
}

function describe({ status, reason }: LocalEdit): string {
  return status === 'refused' ? `${STATUS.refused}: ${reason ?? 'no reason given'}` : STATUS[status];
}

function count(edits: readonly LocalEdit[]): string {
  const of = (status: LocalEdit['status']) => edits.filter((edit) => edit.status === status).length;
  const parts = [
    [of('pending'), 'pending'],
    [of('saved'), 'in the buffer'],
    [of('flushed'), 'in Postgres'],
  ] as const;
  return parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(' · ');
}
