import { useState } from 'preact/hooks';
import { lazyDialog } from '../ui/lazy.tsx';

const SignInDialog = lazyDialog(async () => (await import('../account/later.ts')).SignInDialog);

/** For those who have an account, and don't use it yet in this browser. */
export function SignInOffer({ onSignedIn }: { onSignedIn(): void }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="link" data-testid="join-sign-in" onClick={() => setOpen(true)}>
        Have an account? Sign in
      </button>
      {isOpen && <SignInDialog onClose={() => setOpen(false)} onSignedIn={onSignedIn} />}
    </>
  );
}
