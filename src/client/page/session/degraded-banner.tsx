/** What the room's trouble means to the people in it. */
import { isOverIn } from './jam.ts';
import { useSession } from './use-jam.ts';

const TROUBLE: Record<string, string> & { storage_unavailable: string } = {
  buffer_unavailable: 'Saving takes a little longer than usual. Nothing is lost.',
  storage_unavailable:
    'Nothing can be saved right now. What you type is kept here, and saved as soon as that works again.',
};

export function DegradedBanner() {
  const degraded = useSession((snapshot) => (isOverIn(snapshot.connection) ? null : snapshot.degraded));
  return (
    <p class="banner" role="alert" hidden={degraded === null} data-testid="degraded">
      {degraded && (TROUBLE[degraded.reason] ?? TROUBLE.storage_unavailable)}
    </p>
  );
}
