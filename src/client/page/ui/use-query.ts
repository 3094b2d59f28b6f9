import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../../sdk/call.ts';

export interface Query<T> {
  /** The newest answer; null before the first. */
  data: T | null;
  /** Why there is no newer one; null when it came. */
  problem: string | null;
  /** Asks again. A slow answer doesn't replace a newer one. */
  refresh(): Promise<void>;
}

/**
 * Something that is asked of the API when a component is first drawn.
 * @param key what the question is about: another key asks again, and what was answered before is dropped.
 */
export function useQuery<T>(key: string, ask: () => Promise<T>): Query<T> {
  const [state, setState] = useState<{ data: T | null; problem: string | null }>({
    data: null,
    problem: null,
  });
  const asked = useRef(0);
  const newest = useRef(ask);
  newest.current = ask;
  const refresh = useCallback(async () => {
    asked.current += 1;
    const mine = asked.current;
    try {
      const data = await newest.current();
      if (mine === asked.current) setState({ data, problem: null });
    } catch (error) {
      if (mine === asked.current) setState(({ data }) => ({ data, problem: messageOf(error) }));
    }
  }, []);
  // Another key is another question.
  useEffect(() => {
    setState({ data: null, problem: null });
    void refresh();
    return () => {
      asked.current += 1;
    };
  }, [key, refresh]);
  return { ...state, refresh };
}
