/** For hosts: who asks to be let in. */
import type { WireKnock } from '../../../protocol/index.ts';
import { lazy } from '../ui/lazy.tsx';
import { isOverIn } from './jam.ts';
import { useSession } from './use-jam.ts';

const KnockRow = lazy(async () => (await import('./notices.ts')).KnockRow);

const NONE: readonly WireKnock[] = [];

export function KnockList() {
  const knocks = useSession((snapshot) => (isOverIn(snapshot.connection) ? NONE : snapshot.knocks));
  return (
    <div role="status">
      {knocks.map((knock) => (
        <KnockRow key={knock.knock_id} knock={knock} />
      ))}
    </div>
  );
}
