/** For those whom a session doesn't let in: asks its hosts, and waits for their answer. */
import { KnockWaiting } from '../join/knock-waiting.tsx';
import { useKnock } from '../join/use-knock.ts';
import { nameToPlayUnder } from '../start/made-up-name.ts';
import { Problem } from '../ui/form.tsx';
import { useJam } from './use-jam.ts';

/** @param onAdmitted the session may be entered now. */
export function KnockOffer({ onAdmitted }: { onAdmitted(): void }) {
  const jam = useJam();
  const { isWaiting, problem, ask, giveUp } = useKnock({
    sessionId: jam.sessionId,
    token: jam.key.isThere ? jam.token : null,
    onAdmitted(token) {
      if (token !== null) jam.admitted(token);
      onAdmitted();
    },
  });
  return (
    <>
      {isWaiting ? (
        <KnockWaiting giveUp={giveUp} />
      ) : (
        <button
          type="button"
          class="primary"
          data-testid="knock-ask"
          onClick={() => void ask(nameToPlayUnder(jam.account))}
        >
          Ask the host to let you in
        </button>
      )}
      <Problem testId="knock-problem">{problem}</Problem>
    </>
  );
}
