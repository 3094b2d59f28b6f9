/** Making a session, from wherever on the page. */
import { createSession } from '../../../protocol/http/sessions.ts';
import { call } from '../../sdk/call.ts';
import { type Account, asAccount, currentAccount } from '../account.ts';
import { go } from '../router.ts';
import { rememberedName, rememberName, rememberSession } from '../storage.ts';
import { toast } from '../ui/toasts.tsx';
import { nameToPlayUnder } from './made-up-name.ts';

export interface NewSession {
  account: Account | null;
  displayName: string;
  code: string;
  /** By default the server's own for sessions without one. */
  title?: string;
}

/**
 * Makes a session, remembers that this browser may enter it, and goes there.
 * @throws {ApiError}
 */
export async function startSession({ account, displayName, code, title = '' }: NewSession): Promise<void> {
  const made = await asAccount(account, (token) =>
    call(createSession, { token, body: { code, title, display_name: displayName } }),
  );
  rememberSession({
    id: made.id,
    token: made.token,
    title: made.title,
    subject: account?.subject ?? null,
    invite: null,
  });
  go({ name: 'session', sessionId: made.id });
}

/**
 * The same for who isn't asked for a name. One that is made up is told.
 * @throws {ApiError}
 */
export async function startAtOnce(session: Pick<NewSession, 'code' | 'title'>): Promise<void> {
  const account = currentAccount();
  const displayName = nameToPlayUnder(account);
  const isKnown = displayName === rememberedName() || displayName === account?.name;
  await startSession({ account, displayName, ...session });
  rememberName(displayName);
  if (!isKnown) toast(`You are “${displayName}” here. Change your name under People.`);
}
