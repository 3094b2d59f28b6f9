/** A page of dead letters at a time, and trying them again. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import {
  discardDeadLetter,
  discardDeadLetters,
  listDeadLetters,
  replayDeadLetter,
} from '../../protocol/http/operation.ts';
import type { RouteReply } from '../../protocol/http/route.ts';
import { ApiError, call, messageOf } from '../sdk/call.ts';

const LETTERS_A_PAGE = 20;

export type Letter = RouteReply<typeof listDeadLetters>['letters'][number];

type Loaded =
  | { kind: 'loading' }
  | { kind: 'failed'; message: string }
  | {
      kind: 'loaded';
      letters: readonly Letter[];
      next: string | null;
      /** When the server read them. */
      at: string;
    };

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
  /** What came of the last replay or discard; null before the first. */
  outcome: string | null;
  /** Letters are being replayed or discarded. */
  isBusy: boolean;
  reload(): void;
  goForward(): void;
  goBack(): void;
  replay(letters: readonly Letter[]): Promise<void>;
  /** Removes a letter for good. */
  discard(letter: Letter): Promise<void>;
  /** Removes all letters of a session that were there when the page was read, for good. */
  discardSession(sessionId: string): Promise<void>;
}

export function useLetters({ secret, total, onRefused, onChanged }: LettersOptions): Letters {
  /** Of this page and those before it; the first page has none. */
  const [cursors, setCursors] = useState<readonly (string | undefined)[]>([undefined]);
  const [page, setPage] = useState<Loaded>({ kind: 'loading' });
  const [refusals, setRefusals] = useState<ReadonlyMap<string, string>>(new Map());
  const [outcome, setOutcome] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
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
      const { letters, next, at } = await call(listDeadLetters, { token: secret, query });
      // The last of this page are gone.
      if (letters.length === 0 && cursor !== undefined) setCursors((before) => before.slice(0, -1));
      else setPage({ kind: 'loaded', letters, next, at });
    } catch (error) {
      if (!isRefusal(error)) setPage({ kind: 'failed', message: messageOf(error) });
    }
  }, [secret, cursor, isRefusal]);

  // Another total means other letters.
  useEffect(() => void load(), [load, total]);

  const replay = async (letters: readonly Letter[]) => {
    if (isBusy) return;
    setBusy(true);
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
    await settle();
  };

  const settle = async () => {
    setBusy(false);
    await load();
    onChanged();
  };

  /** @param remove removes some, and says how many and whether there are more. */
  const discardAll = async (remove: () => Promise<{ discarded: number; has_more: boolean }>) => {
    if (isBusy) return;
    setBusy(true);
    let gone = 0;
    try {
      for (let hasMore = true; hasMore; ) {
        const reply = await remove();
        gone += reply.discarded;
        hasMore = reply.has_more;
      }
      setOutcome(`${gone} discarded.`);
    } catch (error) {
      if (isRefusal(error)) return;
      setOutcome(`${gone} discarded; then: ${messageOf(error)}`);
    }
    await settle();
  };
  const discard = ({ id }: Letter) =>
    discardAll(() => call(discardDeadLetter, { token: secret, params: { letter_id: id } }));
  const discardSession = async (sessionId: string) => {
    if (page.kind !== 'loaded') return;
    const body = { session_id: sessionId, until: page.at };
    await discardAll(() => call(discardDeadLetters, { token: secret, body }));
  };

  return {
    page,
    pageNumber: cursors.length,
    refusals,
    outcome,
    isBusy,
    reload: () => void load(),
    goForward() {
      if (page.kind === 'loaded' && page.next !== null) setCursors([...cursors, page.next]);
    },
    goBack: () => setCursors(cursors.length > 1 ? cursors.slice(0, -1) : cursors),
    replay,
    discard,
    discardSession,
  };
}
