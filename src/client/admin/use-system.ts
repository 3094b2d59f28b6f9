/** The system as this page knows it: polled while the tab is shown, with what it was before. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { getSystemHistory, getSystemStatus } from '../../protocol/http/operation.ts';
import { ApiError, call } from '../sdk/call.ts';
import { Poller } from './poller.ts';
import { type Moment, momentOf, momentsOf, type SystemStatus, withMoments } from './series.ts';

const POLL_MS = 5_000;
const UNAUTHORIZED = 401;

export interface System {
  /** The newest answer; null before the first. */
  status: SystemStatus | null;
  /** What keeps the newest answer from being newer; null when nothing does. */
  problem: string | null;
  isPaused: boolean;
  moments: readonly Moment[];
  /** Asks now. */
  refresh(): void;
}

/** @param onRefused the secret isn't the server's any more. */
export function useSystem(secret: string, onRefused: () => void): System {
  const [status, setStatus] = useState<SystemStatus | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [moments, setMoments] = useState<readonly Moment[]>([]);
  const [isPaused, setPaused] = useState(document.hidden);
  const poller = useRef<Poller<SystemStatus> | null>(null);

  useEffect(() => {
    const polling = new Poller({
      ask: () => call(getSystemStatus, { token: secret }),
      everyMs: POLL_MS,
      onAnswer(answer) {
        setStatus(answer);
        setProblem(null);
        const moment = momentOf(answer);
        if (moment) setMoments((before) => withMoments(before, [moment]));
      },
      onFailure(error) {
        if (error instanceof ApiError && error.status === UNAUTHORIZED) onRefused();
        else setProblem(error instanceof Error ? error.message : String(error));
      },
    });
    poller.current = polling;
    const onVisibility = () => {
      setPaused(document.hidden);
      polling.setPaused(document.hidden);
    };
    document.addEventListener('visibilitychange', onVisibility);
    onVisibility();
    // Without it the plots begin when the page was opened.
    call(getSystemHistory, { token: secret }).then(
      ({ samples }) => setMoments((after) => withMoments(momentsOf(samples), after)),
      () => {},
    );
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      polling.stop();
    };
  }, [secret, onRefused]);

  const refresh = useCallback(() => poller.current?.askNow(), []);
  return { status, problem, isPaused, moments, refresh };
}
