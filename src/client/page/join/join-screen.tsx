/** Where an invite link leads: to what, as what, and then: who are you? */
import { type InvitePreview, previewInvite } from '../../../protocol/http/coming-in.ts';
import { joinSession } from '../../../protocol/http/people.ts';
import { ApiError, call, messageOf } from '../../sdk/call.ts';
import { asAccount, currentAccount } from '../account.ts';
import { keyOfInvite } from '../entry.ts';
import { goInstead } from '../router.ts';
import {
  beginJoinAttempt,
  endJoinAttempt,
  forgetSessions,
  joinAttempt,
  rememberedName,
  rememberName,
  rememberSession,
} from '../storage.ts';
import { Problem } from '../ui/form.tsx';
import { useQuery } from '../ui/use-query.ts';
import { NameForm } from './name-form.tsx';
import { SignInOffer } from './sign-in-offer.tsx';

const ROLES = { 'co-author': 'a co-author: you can write and play', viewer: 'a viewer' } as const;

interface JoinScreenProps {
  /** Its secret. */
  invite: string;
  /** Another user has signed in. */
  onAccount(): void;
}

export function JoinScreen({ invite, onAccount }: JoinScreenProps) {
  const account = currentAccount();
  const key = keyOfInvite(invite, account);
  const { data, problem, refresh } = useQuery(invite, async (): Promise<Looked> => {
    try {
      return { preview: await call(previewInvite, { body: { invite_token: invite } }) };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) throw error;
      return { refusal: messageOf(error) };
    }
  });
  const join = async (displayName: string) => {
    const joined = await asAccount(account, (token) => joinBy(invite, displayName, token, key));
    rememberName(displayName);
    rememberSession({
      id: joined.session_id,
      token: joined.token,
      title: data?.preview?.title ?? null,
      subject: account?.subject ?? null,
      invite,
    });
    endJoinAttempt(invite);
    // In place of the invite's address, so that going back doesn't join once more.
    goInstead({ name: 'session', sessionId: joined.session_id });
  };
  // Who has come by it before may come back, though it is used up for others.
  const isKnown = key !== null || account !== null || joinAttempt(invite) !== null;
  const isRefused = data?.refusal !== undefined && !isKnown;
  if (data === null || isRefused) {
    return (
      <main class="centre">
        <section class="card" aria-labelledby="join-heading">
          <h1 id="join-heading">{isRefused ? 'This link doesn’t work any more' : 'You’re invited'}</h1>
          {isRefused ? (
            <p class="dim">Ask the person who sent it for another one.</p>
          ) : (
            <p class="dim" role="status" hidden={problem !== null}>
              Looking at the invite…
            </p>
          )}
          <Problem testId="form-problem">{data?.refusal ?? problem ?? ''}</Problem>
          {problem !== null && (
            <button type="button" onClick={() => void refresh()}>
              Try again
            </button>
          )}
          <a href="#/">To the start</a>
        </section>
      </main>
    );
  }
  return (
    <NameForm
      heading="You’re invited"
      action="Join the session"
      name={rememberedName() || account?.name || ''}
      below={account === null && <SignInOffer onSignedIn={onAccount} />}
      submit={join}
    >
      {data.preview && <Invitation preview={data.preview} />}
      <p class="dim">
        {account ? `You join with your account (${account.label}). ` : ''}The others will see the name that
        you give.
      </p>
    </NameForm>
  );
}

/**
 * @param userToken of the account, if there is one.
 * @param key to the session, from before; it may have become void.
 * @throws {ApiError}
 */
async function joinBy(invite: string, displayName: string, userToken: string | null, key: string | null) {
  const attempt = beginJoinAttempt(invite);
  const join = (token: string | null) =>
    call(joinSession, { token, body: { invite_token: invite, display_name: displayName, attempt } });
  try {
    return await join(userToken ?? key).catch((error: unknown) => {
      // A key is for nothing but coming back. Where it is void there is still the invite.
      if (userToken !== null || key === null || statusOf(error) !== 401) throw error;
      forgetSessions(({ token }) => token === key);
      return join(null);
    });
  } catch (error) {
    const status = statusOf(error);
    // Anything else may have worked all the same: the next try is the same attempt.
    if (status >= 400 && status < 500) endJoinAttempt(invite);
    throw error;
  }
}

function statusOf(error: unknown): number {
  return error instanceof ApiError ? error.status : 0;
}

/** What an invite leads to, or why it leads to nothing. */
interface Looked {
  preview?: InvitePreview;
  refusal?: string;
}

function Invitation({ preview }: { preview: InvitePreview }) {
  const { title, host_name: host, role, participant_count: count } = preview;
  return (
    <p data-testid="invitation">
      {host === undefined ? 'You are invited' : `${host} invites you`} to <strong>{title}</strong> as{' '}
      {ROLES[role]}.{' '}
      {count === 0
        ? 'No one is there right now.'
        : `${count} ${count === 1 ? 'person is' : 'people are'} there.`}
    </p>
  );
}
