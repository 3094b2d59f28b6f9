/** Who is signed in. */
import { useState } from 'preact/hooks';
import { type Account, isSignInOver, signOut } from '../account.ts';
import { ActionButton, Problem } from '../ui/form.tsx';
import { lazyDialog } from '../ui/lazy.tsx';
import { useValue } from '../ui/store.ts';
import { useAction } from '../ui/use-action.ts';

const AccountDialog = lazyDialog(async () => (await import('../account/later.ts')).AccountDialog);
const SignInDialog = lazyDialog(async () => (await import('../account/later.ts')).SignInDialog);

interface AccountBarProps {
  account: Account | null;
  /** Another user has signed in, or out. */
  onAccount(): void;
}

export function AccountBar({ account, onAccount }: AccountBarProps) {
  const [dialog, setDialog] = useState<'sign-in' | 'account' | null>(null);
  const leaving = useAction();
  const isOver = useValue(isSignInOver);
  const close = () => setDialog(null);
  const signIn = dialog === 'sign-in' && <SignInDialog onClose={close} onSignedIn={onAccount} />;
  if (account === null) {
    return (
      <div class="account" data-testid="account">
        <span class="dim account-hint">Sign in to keep your sessions and strudels.</span>
        <button type="button" data-testid="sign-in" onClick={() => setDialog('sign-in')}>
          Sign in
        </button>
        {signIn}
      </div>
    );
  }
  const leave = async () => {
    await signOut();
    onAccount();
  };
  return (
    <div class="account" data-testid="account">
      {isOver ? (
        <>
          <span role="alert" data-testid="sign-in-over">
            Your sign-in as {account.label} has expired.
          </span>
          <button type="button" class="primary" data-testid="sign-in" onClick={() => setDialog('sign-in')}>
            Sign in again
          </button>
          {signIn}
        </>
      ) : (
        <>
          <span class="account-name">
            <span class="account-hint">Signed in as </span>
            <strong data-testid="account-name">{account.label}</strong>
          </span>
          <button type="button" data-testid="account-open" onClick={() => setDialog('account')}>
            Account
          </button>
          {dialog === 'account' && <AccountDialog account={account} onClose={close} onAccount={onAccount} />}
        </>
      )}
      <ActionButton action={leaving} testId="sign-out" run={leave}>
        Sign out
      </ActionButton>
      <Problem>{leaving.problem}</Problem>
    </div>
  );
}
