/** A page of dead letters at a time, and trying them again. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { listDeadLetters, replayDeadLetter } from '../../protocol/http/operation.ts';
import type { RouteReply } from '../../protocol/http/route.ts';
import { ApiError, call, messageOf } from '../sdk/call.ts';

const LETTERS_A_PAGE = 20;

export type Letter = RouteReply<typeof listDeadLetters>['letters'][number];

type Loaded =
  | { kind: 'loading' }
  | { kind: 'failed'; message: string }
  | { kind: 'loaded'; letters: readonly Letter[]; next: string | null };

interface LettersOptions {
  secret: string;
  /** How many there are in all: when it changes, the page is read again. */
  total: number;
  onRefused(): void;
  /** Letters were dealt with. */
  onChanged(): void;
}

export interface Letters {
  page: Loaded;
  /** From 1. */
  pageNumber: number;
  /** Why a letter couldn't be replayed, by its id. */
  refusals: ReadonlyMap<string, string>;
  /** What came of the last replay; null before the first. */
  outcome: string | null;
  isReplaying: boolean;
  reload(): void;
  goForward(): void;
  goBack(): void;
  replay(letters: readonly Letter[]): Promise<void>;
}

export function useLetters({ secret, total, onRefused, onChanged }: LettersOptions): Letters {
  /** Of this page and those before it; the first page has none. */
  const [cursors, setCursors] = useState<readonly (string | undefined)[]>([undefined]);
  const [page, setPage] = useState<Loaded>({ kind: 'loading' });
  const [refusals, setRefusals] = useState<ReadonlyMap<string, string>>(new Map());
  const [outcome, setOutcome] = useState<string | null>(null);
  const [isReplaying, setReplaying] = useState(false);
  const cursor = cursors.at(-1);

  const isRefusal = useCallback(
    (error: unknown) => {
      const isRefused = error instanceof ApiError && error.status === 401;
      if (isRefused) onRefused();
      return isRefused;
    },
    [onRefused],
  );

  const load = useCallback(async () => {
    try {
      const query = { limit: LETTERS_A_PAGE, cursor };
      const { letters, next } = await call(listDeadLetters, { token: secret, query });
      // The last of this page are gone.
      if (letters.length === 0 && cursor !== undefined) setCursors((before) => before.slice(0, -1));
      else setPage({ kind: 'loaded', letters, next });
    } catch (error) {
      if (!isRefusal(error)) setPage({ kind: 'failed', message: messageOf(error) });
    }
  }, [secret, cursor, isRefusal]);

  // Another total means other letters.
  useEffect(() => void load(), [load, total]);

  const replay = async (letters: readonly Letter[]) => {
    if (isReplaying) return;
    setReplaying(true);
    const refused = new Map(refusals);
    let replayed = 0;
    for (const { id } of letters) {
      try {
        await call(replayDeadLetter, { token: secret, params: { letter_id: id } });
        replayed += 1;
        refused.delete(id);
      } catch (error) {
        if (isRefusal(error)) return;
        // Another operator was faster.
        if (error instanceof ApiError && error.status === 404) refused.delete(id);
        else refused.set(id, messageOf(error));
      }
    }
    const failed = letters.filter(({ id }) => refused.has(id)).length;
    setRefusals(refused);
    setOutcome(`${replayed} replayed, ${failed} refused.`);
    setReplaying(false);
    await load();
    onChanged();
  };

  return {
    page,
    pageNumber: cursors.length,
    refusals,
    outcome,
    isReplaying,
    reload: () => void load(),
    goForward() {
      if (page.kind === 'loaded' && page.next !== null) setCursors([...cursors, page.next]);
    },
    goBack: () => setCursors(cursors.length > 1 ? cursors.slice(0, -1) : cursors),
    replay,
  };
}
