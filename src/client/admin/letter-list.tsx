/** What Postgres refused, with its reason; to be tried again once the reason is mended. */
import { useState } from 'preact/hooks';
import { type Discarding, DiscardQuestion } from './discard-question.tsx';
import { bytes, counted, duration } from './format.ts';
import { LETTER_ORDERS, type LetterOrder, ordered, sizeOf } from './letter-order.ts';
import { type Letter, type Letters, useLetters } from './use-letters.ts';

interface LetterListProps {
  secret: string;
  total: number;
  totalBytes: number;
  onRefused(): void;
  onChanged(): void;
}

export function LetterList({ total, totalBytes, ...options }: LetterListProps) {
  const letters = useLetters({ total, ...options });
  const { page, outcome } = letters;
  return (
    <section aria-labelledby="letters" data-testid="letters">
      <h2 id="letters">Dead letters</h2>
      <p class="dim">
        {counted(total, 'write')} that Postgres refused, {bytes(totalBytes)}. Mend the reason, then replay
        them, or discard what is worth nothing: they stay here until then.
      </p>
      <p role="status" data-testid="letters-outcome">
        {outcome}
      </p>
      {page.kind === 'loading' && <p>Loading…</p>}
      {page.kind === 'failed' && (
        <div role="alert">
          <p class="problem">{page.message}</p>
          <button type="button" onClick={letters.reload}>
            Try again
          </button>
        </div>
      )}
      {page.kind === 'loaded' &&
        (page.letters.length === 0 ? (
          <p data-testid="no-letters">There are none.</p>
        ) : (
          <LetterPage letters={letters} shown={page.letters} hasMore={page.next !== null} />
        ))}
    </section>
  );
}

interface LetterPageProps {
  letters: Letters;
  shown: readonly Letter[];
  hasMore: boolean;
}

function LetterPage({ letters, shown, hasMore }: LetterPageProps) {
  const [order, setOrder] = useState<LetterOrder>('age');
  const { isBusy, pageNumber, refusals, replay } = letters;
  const [discarding, setDiscarding] = useState<Discarding | null>(null);
  return (
    <>
      <div class="actions">
        <button type="button" aria-disabled={isBusy} onClick={() => replay(shown)} data-testid="replay-page">
          {isBusy ? 'Working…' : `Replay all ${shown.length} of this page`}
        </button>
        <label>
          Order of the page{' '}
          <select
            value={order}
            onChange={({ currentTarget }) => {
              setOrder(LETTER_ORDERS.find((name) => name === currentTarget.value) ?? 'age');
            }}
          >
            {LETTER_ORDERS.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ol class="letters">
        {ordered(shown, order).map((letter) => (
          <LetterItem
            key={letter.id}
            letter={letter}
            refusal={refusals.get(letter.id) ?? null}
            isBusy={isBusy}
            onReplay={() => replay([letter])}
            onDiscard={() =>
              setDiscarding({
                what: `this ${letter.kind === 'code' ? 'code' : 'message'}`,
                run: () => void letters.discard(letter),
              })
            }
            onDiscardSession={() =>
              setDiscarding({
                what: `all letters of session ${letter.session_id}`,
                run: () => void letters.discardSession(letter.session_id),
              })
            }
          />
        ))}
      </ol>
      {discarding && <DiscardQuestion discarding={discarding} onClose={() => setDiscarding(null)} />}
      {(pageNumber > 1 || hasMore) && (
        <nav class="actions" aria-label="Pages of dead letters">
          <button type="button" disabled={pageNumber === 1} onClick={letters.goBack}>
            Previous page
          </button>
          <span>Page {pageNumber}</span>
          <button type="button" disabled={!hasMore} onClick={letters.goForward}>
            Next page
          </button>
        </nav>
      )}
    </>
  );
}

interface LetterItemProps {
  letter: Letter;
  /** Why its last replay was refused; null for none. */
  refusal: string | null;
  isBusy: boolean;
  onReplay(): void;
  onDiscard(): void;
  onDiscardSession(): void;
}

function LetterItem({ letter, refusal, isBusy, onReplay, onDiscard, onDiscardSession }: LetterItemProps) {
  const { id, kind, session_id: sessionId, reason, at } = letter;
  const action = (testId: string, text: string, label: string, run: () => void) => (
    <button type="button" aria-disabled={isBusy} aria-label={label} onClick={run} data-testid={testId}>
      {text}
    </button>
  );
  return (
    <li data-testid="letter">
      <div>
        <strong>{reason.code}</strong> {reason.message}
        <div class="dim">
          {kind === 'code' ? 'Code' : 'A message'} of session <code>{sessionId}</code>,{' '}
          {bytes(sizeOf(letter))}, put aside{' '}
          <time dateTime={at}>{duration(Math.max(0, Date.now() - Date.parse(at)))}</time> ago
        </div>
        {refusal !== null && <p class="problem">Refused still: {refusal}</p>}
      </div>
      <div class="actions">
        {action('replay', 'Replay', `Replay ${id}`, onReplay)}
        {action('discard', 'Discard', `Discard ${id}`, onDiscard)}
        {sessionId !== '' &&
          action(
            'discard-session',
            'Discard the session’s',
            `Discard the session’s: ${sessionId}`,
            onDiscardSession,
          )}
      </div>
    </li>
  );
}
