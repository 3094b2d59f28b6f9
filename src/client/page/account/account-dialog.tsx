/** The account: its name and picture, what it allows, signing out everywhere, its download and its end. */
import { useState } from 'preact/hooks';
import {
  type Account as AccountReply,
  changeAccount,
  deleteAccount,
  getAccount,
  logoutEverywhere,
} from '../../../protocol/http/accounts.ts';
import { MAX_AVATAR_URL_CHARS, MAX_DISPLAY_NAME_CHARS } from '../../../protocol/limits.ts';
import { call } from '../../sdk/call.ts';
import { type Account, asAccount, forgetAccount } from '../account.ts';
import { go } from '../router.ts';
import { Dialog } from '../ui/dialog.tsx';
import { ActionButton, Field, Form, Problem, Switch, textOf } from '../ui/form.tsx';
import { ask } from '../ui/question.tsx';
import { dayOf } from '../ui/times.ts';
import { toast } from '../ui/toasts.tsx';
import { useAction } from '../ui/use-action.ts';
import { useQuery } from '../ui/use-query.ts';
import { AccountPicture, isShown } from './account-picture.tsx';
import { deleteAll } from './deletion.ts';
import { fetchExport, saveAs, sizeOf } from './download.ts';
import { noteProfile } from './sign-in.ts';

const PROVIDER_NAMES: Record<string, string> = { github: 'GitHub', google: 'Google', local: 'Local sign-in' };
const FILE_NAME = 'backbeat-account.json';

interface AccountDialogProps {
  account: Account;
  onClose(): void;
  /** The account has another name now, or is signed out. */
  onAccount(): void;
}

export function AccountDialog({ account, onClose, onAccount }: AccountDialogProps) {
  const { data, problem, refresh } = useQuery(account.subject, async () => {
    const { user } = await asAccount(account, (token) => call(getAccount, { token }));
    noteProfile(user);
    return user;
  });
  /** As it was changed here; null: as it was found. */
  const [changed, setChanged] = useState<AccountReply | null>(null);
  const user = changed ?? data;
  const change = async (body: Parameters<typeof changeAccount.body.parse>[0] & object) => {
    const reply = await asAccount(account, (token) =>
      call(changeAccount, { token, body: changeAccount.body.parse(body) }),
    );
    noteProfile(reply.user);
    setChanged(reply.user);
  };
  const close = () => {
    onClose();
    if (changed) onAccount();
  };
  const leave = (text: string) => {
    forgetAccount();
    toast(text);
    onClose();
    go({ name: 'start' });
    onAccount();
  };
  return (
    <Dialog id="account" heading="Your account" onClose={close}>
      {user === null ? (
        <>
          <p class="dim" role="status" hidden={problem !== null}>
            Looking…
          </p>
          <Problem>{problem ?? ''}</Problem>
          {problem !== null && (
            <button type="button" onClick={() => void refresh()}>
              Try again
            </button>
          )}
        </>
      ) : (
        <>
          <Who user={user} />
          <Profile user={user} change={change} />
          <Consent user={user} change={change} />
          <Download account={account} />
          {user.provider !== 'external' && <Everywhere account={account} leave={leave} />}
          <Deletion account={account} user={user} leave={leave} />
        </>
      )}
    </Dialog>
  );
}

function Who({ user: { name, email, avatar_url, provider, created_at } }: { user: AccountReply }) {
  /** The picture that couldn't be shown. */
  const [broken, setBroken] = useState<string | null>(null);
  const label = name || email || 'No name yet';
  return (
    <div class="account-who">
      <AccountPicture
        label={label}
        address={avatar_url}
        alt="As others see you"
        testId="account-picture"
        onBroken={setBroken}
      />
      <div>
        <p>
          <strong data-testid="account-title">{label}</strong>
        </p>
        <p class="hint">
          {[
            email !== label && email,
            PROVIDER_NAMES[provider] ?? 'Another service',
            `since ${dayOf(created_at)}`,
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
        {avatar_url !== undefined && (broken === avatar_url || !isShown(avatar_url)) && (
          <p class="hint">This page shows pictures of GitHub and Google only.</p>
        )}
      </div>
    </div>
  );
}

interface ChangingProps {
  user: AccountReply;
  change(body: object): Promise<void>;
}

function Profile({ user, change }: ChangingProps) {
  const [note, setNote] = useState('');
  return (
    <>
      <Form
        action="Save"
        submitTestId="account-save"
        draft="account"
        submit={async (fields) => {
          setNote('');
          const name = textOf(fields, 'name');
          const picture = textOf(fields, 'picture');
          if (picture !== '' && !/^https:\/\/\S+$/i.test(picture)) {
            throw new Error('A picture’s address begins with https://.');
          }
          await change({ ...(name === '' ? {} : { name }), avatar_url: picture || null });
          setNote('Saved.');
        }}
      >
        <Field
          label="Name"
          id="account-name-field"
          name="name"
          required
          maxLength={MAX_DISPLAY_NAME_CHARS}
          defaultValue={user.name}
          autocomplete="nickname"
          data-testid="account-name-field"
        />
        <Field
          label="Address of your picture"
          id="account-picture-field"
          name="picture"
          type="text"
          inputMode="url"
          maxLength={MAX_AVATAR_URL_CHARS}
          placeholder="https://…"
          defaultValue={user.avatar_url ?? ''}
          data-testid="account-picture-field"
        />
      </Form>
      <p class="note" role="status" data-testid="account-note">
        {note}
      </p>
    </>
  );
}

function Consent({ user, change }: ChangingProps) {
  const action = useAction();
  /** As it was switched, until that is done or has failed; null: as it is. */
  const [wanted, setWanted] = useState<boolean | null>(null);
  const consent = (isOn: boolean) =>
    action.act(async () => {
      setWanted(isOn);
      try {
        await change({ training_consent: isOn });
      } finally {
        setWanted(null);
      }
    });
  return (
    <>
      <Switch
        label="My work may train models"
        hint="Whether what you make may be used to train AI. Off unless you switch it on."
        testId="account-training"
        isOn={wanted ?? user.training_consent}
        isDisabled={action.isBusy}
        onSwitch={(isOn) => void consent(isOn)}
      />
      <Problem>{action.problem}</Problem>
    </>
  );
}

function Download({ account }: { account: Account }) {
  const action = useAction();
  const [progress, setProgress] = useState('');
  const run = async () => {
    setProgress('Gathering…');
    try {
      const file = await asAccount(account, (token) =>
        fetchExport(token, (bytes) => setProgress(`${sizeOf(bytes)} so far…`)),
      );
      saveAs(file, FILE_NAME);
      setProgress(`Downloaded: ${sizeOf(file.size)}.`);
    } catch (error) {
      setProgress('');
      throw error;
    }
  };
  return (
    <section class="account-part">
      <h3>Everything of yours</h3>
      <p class="hint">Your sessions, strudels and what you said, as one file of JSON.</p>
      <ActionButton action={action} testId="account-download" run={run}>
        Download everything
      </ActionButton>
      <p class="hint" role="status" data-testid="account-progress">
        {progress}
      </p>
      <Problem testId="account-download-problem">{action.problem}</Problem>
    </section>
  );
}

interface LeavingProps {
  account: Account;
  /** @param text what is said of it. */
  leave(text: string): void;
}

function Everywhere({ account, leave }: LeavingProps) {
  const signOutEverywhere = () =>
    ask({
      heading: 'Sign out everywhere?',
      text: 'Every browser and device that is signed in to your account is signed out, this one too, and out of its sessions.',
      action: 'Sign out everywhere',
      async run() {
        await asAccount(account, (token) => call(logoutEverywhere, { token }));
        leave('You are signed out everywhere.');
      },
    });
  return (
    <section class="account-part">
      <h3>Signed in elsewhere</h3>
      <p class="hint">If you have lost a device, or forgot to sign out of one.</p>
      <button type="button" data-testid="account-everywhere" onClick={signOutEverywhere}>
        Sign out everywhere
      </button>
    </section>
  );
}

/** What is to be typed where the account has neither a name nor an email address. */
const CONFIRM_WORD = 'delete';

function Deletion({ account, user, leave }: LeavingProps & { user: AccountReply }) {
  const [progress, setProgress] = useState('');
  const word = user.name || user.email || CONFIRM_WORD;
  return (
    <details class="account-part">
      <summary data-testid="account-delete">Delete the account…</summary>
      <div class="stack">
        <p class="hint">
          Your sessions end for everyone and are deleted, and so are your strudels. What you said in other
          people’s sessions stays there without your name. It can’t be undone: download everything first.
        </p>
        <Form
          action="Delete it all"
          isDangerous
          submitTestId="account-delete-submit"
          submit={async (fields) => {
            const confirm = textOf(fields, 'confirm');
            if (confirm !== word.trim()) throw new Error(`That isn’t “${word}”. Nothing was deleted.`);
            await deleteAll(
              () =>
                asAccount(
                  account,
                  async (token) => (await call(deleteAccount, { token, body: { confirm } })).remaining,
                ),
              (remaining) => setProgress(`${remaining} ${remaining === 1 ? 'session' : 'sessions'} to go…`),
            );
            leave('Your account is deleted.');
          }}
        >
          <Field
            label={`Type “${word}” to confirm`}
            id="account-confirm"
            name="confirm"
            required
            data-testid="account-confirm"
          />
        </Form>
        <p class="hint" role="status" data-testid="account-delete-progress">
          {progress}
        </p>
      </div>
    </details>
  );
}
