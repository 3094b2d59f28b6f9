/** For those whom a session doesn't let in: asks its hosts, and waits for their answer. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../../sdk/call.ts';
import { type KnockOutcome, knockAndWait } from '../../sdk/knocker.ts';
import { nameToPlayUnder } from '../start/made-up-name.ts';
import { Problem } from '../ui/form.tsx';
import { useJam } from './use-jam.ts';

const ANSWERS: Record<Exclude<KnockOutcome['status'], 'admitted'>, string> = {
  refused: 'The host doesn’t let you in.',
  host_away: 'The host has left. Try it again when they are back.',
  ended: 'The session has ended.',
  expired: 'The host hasn’t answered. You can ask again.',
};

/** @param onAdmitted the session may be entered now. */
export function KnockOffer({ onAdmitted }: { onAdmitted(): void }) {
  const jam = useJam();
  const waiting = useRef<AbortController | null>(null);
  const [isWaiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState('');
  const giveUp = () => {
    waiting.current?.abort();
    waiting.current = null;
    setWaiting(false);
  };
  useEffect(() => {
    const leave = () => waiting.current?.abort();
    window.addEventListener('pagehide', leave);
    return () => {
      window.removeEventListener('pagehide', leave);
      leave();
    };
  }, []);

  const ask = async () => {
    const mine = new AbortController();
    waiting.current = mine;
    setProblem('');
    setWaiting(true);
    try {
      const outcome = await knockAndWait({
        sessionId: jam.sessionId,
        displayName: nameToPlayUnder(jam.account),
        token: jam.hasKey ? jam.token : null,
        signal: mine.signal,
      });
      if (outcome.status === 'admitted') {
        jam.admitted(outcome.token);
        onAdmitted();
      } else setProblem(ANSWERS[outcome.status]);
    } catch (error) {
      if (!mine.signal.aborted) setProblem(messageOf(error));
    }
    if (waiting.current === mine) giveUp();
  };
  return (
    <>
      {isWaiting ? (
        <p class="knocking" role="status" data-testid="knocking">
          You have asked the host. This page goes on by itself when they answer.
          <button type="button" data-testid="knock-cancel" onClick={giveUp}>
            Don’t wait
          </button>
        </p>
      ) : (
        <button type="button" class="primary" data-testid="knock-ask" onClick={() => void ask()}>
          Ask the host to let you in
        </button>
      )}
      <Problem testId="knock-problem">{problem}</Problem>
    </>
  );
}
