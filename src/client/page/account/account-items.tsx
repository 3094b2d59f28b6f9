/** The account in a session's menu: who is signed in, the account's dialog, signing in and out. */
import { getAccount, listProviders } from '../../../protocol/http/accounts.ts';
import { call } from '../../sdk/call.ts';
import { type Account, asAccount, currentAccount, isSignInOver, signedInAs, signOut } from '../account.ts';
import { go } from '../router.ts';
import { Icon } from '../ui/icon.tsx';
import { ask } from '../ui/question.tsx';
import { useValue } from '../ui/store.ts';
import { toast } from '../ui/toasts.tsx';
import { useQuery } from '../ui/use-query.ts';
import { AccountPicture } from './account-picture.tsx';
import { noteProfile } from './sign-in.ts';

interface AccountItemsProps {
  /** Whether the session was entered with this account, and is left with it. */
  isEnteredAs(account: Account): boolean;
  close(): void;
  open(dialog: 'account' | 'sign-in'): void;
}

export function AccountItems({ isEnteredAs, close, open }: AccountItemsProps) {
  // Also by another tab.
  const subject = useValue(signedInAs);
  const isOver = useValue(isSignInOver);
  const account = currentAccount();
  const openDialog = (dialog: 'account' | 'sign-in') => {
    close();
    open(dialog);
  };
  if (account === null) return <SignInItem signIn={() => openDialog('sign-in')} />;
  const leave = () => {
    close();
    const isEntered = isEnteredAs(account);
    ask({
      heading: 'Sign out?',
      text: isEntered
        ? 'You are in this session with your account, and leave it. What you wrote stays in it.'
        : 'You stay in this session: you are in it without your account.',
      action: 'Sign out',
      async run() {
        await signOut();
        if (isEntered) go({ name: 'start' });
        toast('You are signed out.');
      },
    });
  };
  return (
    <>
      {isOver ? (
        <li class="menu-account">
          <button type="button" data-testid="menu-sign-in" onClick={() => openDialog('sign-in')}>
            <Icon name="people" />
            Your sign-in has expired: sign in again
          </button>
        </li>
      ) : (
        <WhoItem key={subject} account={account} openAccount={() => openDialog('account')} />
      )}
      <li>
        <button type="button" data-testid="menu-sign-out" onClick={leave}>
          <Icon name="leave" />
          Sign out
        </button>
      </li>
    </>
  );
}

function WhoItem({ account, openAccount }: { account: Account; openAccount(): void }) {
  // Its name is known at once; a picture is nice to have.
  const { data } = useQuery(account.subject, async () => {
    const { user } = await asAccount(account, (token) => call(getAccount, { token }));
    noteProfile(user);
    return user;
  });
  const label = data?.name || account.label;
  return (
    <li class="menu-account">
      <button type="button" data-testid="menu-account" onClick={openAccount}>
        <AccountPicture label={label} address={data?.avatar_url} alt="" testId="menu-account-picture" />
        <span class="menu-who">
          <strong>{label}</strong>
          <span class="hint">Your account</span>
        </span>
      </button>
    </li>
  );
}

/** Where there is a provider to sign in with; a token that is pasted is for the start. */
function SignInItem({ signIn }: { signIn(): void }) {
  const { data, problem } = useQuery('', () => call(listProviders, {}));
  // What the problem is says the dialog, which offers another try.
  if (problem === null && !data?.providers.length) return null;
  return (
    <li class="menu-account">
      <button type="button" data-testid="menu-sign-in" onClick={signIn}>
        <Icon name="people" />
        Sign in
      </button>
    </li>
  );
}
