import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, messageOf } from '../../sdk/call.ts';
import { type KnockOutcome, knockAndWait } from '../../sdk/knocker.ts';

const ANSWERS: Record<Exclude<KnockOutcome['status'], 'admitted'>, string> = {
  refused: 'The host doesn’t let you in.',
  host_away: 'The host has left. Try it again when they are back.',
  ended: 'The session has ended.',
  expired: 'The host hasn’t answered. You can ask again.',
};

export interface Knock {
  isWaiting: boolean;
  /** In words for people; empty when nothing went wrong. */
  problem: string;
  ask(displayName: string): Promise<void>;
  giveUp(): void;
}

interface KnockUse {
  sessionId: string;
  /** A session token or a user's token, of a caller who has one. */
  token: string | null;
  /** @param token of the session, which may be entered now; null: it can be entered without one. */
  onAdmitted(token: string | null): void;
}

/** Asks the hosts of a session to be let in, and waits for their answer as long as the page does. */
export function useKnock({ sessionId, token, onAdmitted }: KnockUse): Knock {
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

  const ask = async (displayName: string) => {
    const mine = new AbortController();
    waiting.current = mine;
    setProblem('');
    setWaiting(true);
    try {
      const outcome = await knockAndWait({ sessionId, displayName, token, signal: mine.signal });
      if (outcome.status === 'admitted') onAdmitted(outcome.token);
      else setProblem(ANSWERS[outcome.status]);
    } catch (error) {
      if (mine.signal.aborted) return;
      // The host has opened it to everyone meanwhile, or let this participant back in.
      if (error instanceof ApiError && error.code === 'conflict') onAdmitted(null);
      else setProblem(messageOf(error));
    }
    if (waiting.current === mine) giveUp();
  };
  return { isWaiting, problem, ask, giveUp };
}
