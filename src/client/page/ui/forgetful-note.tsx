/** Says that the browser keeps nothing, and what follows from it. */
import { useState } from 'preact/hooks';
import { isForgetful } from '../keeping.ts';
import { useValue } from './store.ts';

export function ForgetfulNote() {
  const isShown = useValue(isForgetful);
  const [isDismissed, setDismissed] = useState(false);
  return (
    <p class="banner forgetful" role="status" hidden={!isShown || isDismissed} data-testid="forgetful">
      {isShown && (
        <>
          Your browser’s storage for this page is blocked or full. All of it works, but when you close this
          tab or reload it, this browser may not know you any more: keep your invite link, or sign in again.{' '}
          <button type="button" class="small" onClick={() => setDismissed(true)}>
            All right
          </button>
        </>
      )}
    </p>
  );
}
