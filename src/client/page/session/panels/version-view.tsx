/** A version beside the code as it is now. */
import { useMemo } from 'preact/hooks';
import { getVersion, restoreVersion } from '../../../../protocol/http/versions.ts';
import { call } from '../../../sdk/call.ts';
import { CopyButton } from '../../ui/clipboard.tsx';
import { ActionButton, Problem } from '../../ui/form.tsx';
import { toast } from '../../ui/toasts.tsx';
import { useAction } from '../../ui/use-action.ts';
import { useQuery } from '../../ui/use-query.ts';
import { mayWrite } from '../jam.ts';
import { useJam, useSession } from '../use-jam.ts';
import { linesOf } from './version-lines.ts';

export function VersionView({ number }: { number: number }) {
  const jam = useJam();
  const action = useAction();
  const canRestore = useSession(({ role, connection }) => mayWrite(role) && connection.state === 'open');
  const now = useSession(({ code }) => code);
  const stored = jam.stored.snapshot;
  const of = { params: { id: jam.sessionId, number }, token: jam.token };
  const { data, problem } = useQuery(String(number), () => call(getVersion, of));
  const lines = useMemo(() => (data ? linesOf(data.code, stored ?? now) : []), [data, stored, now]);
  if (!data) {
    return (
      <p class="dim" role="status">
        {problem ?? 'Looking…'}
      </p>
    );
  }
  const isSame = lines.every(({ kind }) => kind === 'both');
  const restore = async () => {
    await call(restoreVersion, of);
    toast('Restored, for everybody. Undo in the editor takes it back.');
  };
  return (
    <div class="version-view" data-testid="version-view">
      <p class="hint">
        {isSame ? 'The code is the same now.' : 'Green is only in this version, red only in the code now.'}
      </p>
      <section class="version-code" aria-label="The version, beside the code now" tabIndex={0}>
        {lines.map(({ kind, text, key }) => (
          <p key={key} data-kind={kind}>
            {kind !== 'both' && (
              <span class="visually-hidden">{kind === 'version' ? 'In the version: ' : 'Now: '}</span>
            )}
            {text || ' '}
          </p>
        ))}
      </section>
      <div class="turn-actions">
        {canRestore && !isSame && (
          <ActionButton action={action} class="small" testId="version-restore" run={restore}>
            Restore it
          </ActionButton>
        )}
        <CopyButton text={() => data.code} otherwise="Select it to copy it" testId="version-copy">
          Copy it
        </CopyButton>
      </div>
      <Problem>{action.problem}</Problem>
    </div>
  );
}
