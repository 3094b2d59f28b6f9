import { useCallback, useRef, useState } from 'preact/hooks';
import { messageOf } from '../../sdk/call.ts';

/** After so long it is said why nothing has happened yet. */
const SLOW_MS = 4_000;

/** Something that takes time and may fail: its button is disabled meanwhile, and what went wrong is shown. */
export interface Action {
  isBusy: boolean;
  /** It takes longer than it should. */
  isSlow: boolean;
  /** In words for people; empty when nothing went wrong. */
  problem: string;
  /** Runs it, unless it is under way. What it throws becomes the problem. */
  act(run: () => Promise<void>): Promise<void>;
}

export function useAction(): Action {
  const [isBusy, setBusy] = useState(false);
  const [isSlow, setSlow] = useState(false);
  const [problem, setProblem] = useState('');
  const isRunning = useRef(false);
  const act = useCallback(async (run: () => Promise<void>) => {
    if (isRunning.current) return;
    isRunning.current = true;
    setBusy(true);
    setProblem('');
    const slow = setTimeout(() => setSlow(true), SLOW_MS);
    try {
      await run();
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      clearTimeout(slow);
      isRunning.current = false;
      setBusy(false);
      setSlow(false);
    }
  }, []);
  return { isBusy, isSlow, problem, act };
}
