/** Making a session, from wherever on the page. */
import { createSession } from '../../../protocol/http/sessions.ts';
import { call } from '../../sdk/call.ts';
import { type Account, asAccount } from '../account.ts';
import { go } from '../router.ts';
import { rememberSession } from '../storage.ts';

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
