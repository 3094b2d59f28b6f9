/** Asks before dead letters are discarded: they are all that is left of what people wrote. */
import { useEffect, useRef } from 'preact/hooks';

export interface Discarding {
  /** What is to go, such as "this letter". */
  what: string;
  run(): void;
}

interface DiscardQuestionProps {
  discarding: Discarding;
  onClose(): void;
}

export function DiscardQuestion({ discarding, onClose }: DiscardQuestionProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Enter keeps them.
    keep.current?.focus();
    // The browser gives focus back only when a dialog is closed, not when it is removed.
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="question"
      aria-labelledby="discard-heading"
      aria-describedby="discard-text"
      onClose={onClose}
      data-testid="discard-dialog"
    >
      <h2 id="discard-heading">Discard {discarding.what}?</h2>
      <p id="discard-text">
        Postgres has nothing of it. It is gone for good then, and can’t be replayed. The log keeps how much it
        was, not what.
      </p>
      <div class="actions">
        <button type="button" ref={keep} onClick={() => dialog.current?.close()} data-testid="discard-no">
          Keep
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            discarding.run();
            dialog.current?.close();
          }}
          data-testid="discard-yes"
        >
          Discard
        </button>
      </div>
    </dialog>
  );
}
