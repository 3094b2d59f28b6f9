/**
 * Modal dialogs: the browser's own element, which keeps focus inside, closes on Escape and gives focus back.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { IconButton } from './icon.tsx';

interface DialogProps {
  /** Names its heading; unique in the page. */
  id: string;
  heading: string;
  /** It was closed, by whatever means: from now on it isn't to be drawn. */
  onClose(): void;
  children: ComponentChildren;
}

/** Open as long as it is drawn. */
export function Dialog({ id, heading, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Focus goes back to where it came from only when a dialog is closed, not when it is removed.
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={`${id}-heading`}
      data-testid={`${id}-dialog`}
      onClose={onClose}
      onMouseDown={(event) => {
        // A press on the backdrop has the dialog for its target; inside there is always something else.
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={`${id}-heading`}>{heading}</h2>
          <IconButton
            icon="close"
            label="Close"
            testId={`${id}-close`}
            onClick={() => dialog.current?.close()}
          />
        </div>
        {children}
      </div>
    </dialog>
  );
}
