/**
 * The screen behind a session's plain address for a user without an account or a key to the session. What is
 * public it reads off the public list; of any other session, and of none, it says the same.
 */
import { useEffect } from 'preact/hooks';
import { listLiveSessions } from '../../../protocol/http/sessions.ts';
import { MAX_PAGE_ENTRIES } from '../../../protocol/limits.ts';
import { call } from '../../sdk/call.ts';
import { rememberedName, rememberName, rememberSession } from '../storage.ts';
import { Problem } from '../ui/form.tsx';
import { useQuery } from '../ui/use-query.ts';
import { KnockWaiting } from './knock-waiting.tsx';
import { NameForm } from './name-form.tsx';
import { SignInOffer } from './sign-in-offer.tsx';
import { useKnock } from './use-knock.ts';

interface NameScreenProps {
  sessionId: string;
  /** The session may be entered now: by an account, a key, or a name alone. */
  onEntry(): void;
}

export function NameScreen({ sessionId, onEntry }: NameScreenProps) {
  const { data, problem } = useQuery(sessionId, () =>
    call(listLiveSessions, { query: { limit: MAX_PAGE_ENTRIES } }),
  );
  const listed = data?.sessions.find(({ id }) => id === sessionId);
  const entersAtOnce = listed !== undefined && rememberedName() !== '';
  useEffect(() => {
    if (entersAtOnce) onEntry();
  }, [entersAtOnce]);
  if ((data === null && problem === null) || entersAtOnce) {
    return (
      <main class="centre">
        <p class="dim" role="status">
          Looking at the session…
        </p>
      </main>
    );
  }
  return listed ? (
    <LookIn title={listed.title} onEntry={onEntry} />
  ) : (
    <AskToJoin sessionId={sessionId} onEntry={onEntry} />
  );
}

function LookIn({ title, onEntry }: { title: string; onEntry(): void }) {
  return (
    <NameForm
      heading="Look in"
      action="Look in"
      name=""
      submit={async (name) => {
        rememberName(name);
        onEntry();
      }}
    >
      <p class="dim">
        <strong>{title}</strong> is open to everyone. The others will see the name that you give.
      </p>
    </NameForm>
  );
}

/** Also for a session that is public and too far down the list: who asks there comes in at once. */
function AskToJoin({ sessionId, onEntry }: NameScreenProps) {
  const { isWaiting, problem, ask, giveUp } = useKnock({
    sessionId,
    token: null,
    onAdmitted(token) {
      if (token !== null) rememberSession({ id: sessionId, token, title: null, subject: null, invite: null });
      onEntry();
    },
  });
  return (
    <NameForm
      heading="Ask to join"
      action="Ask to join"
      name={rememberedName()}
      instead={isWaiting ? <KnockWaiting giveUp={giveUp} /> : null}
      below={<SignInOffer onSignedIn={onEntry} />}
      submit={async (name) => {
        rememberName(name);
        // Its answer may take minutes: the form has done its part.
        void ask(name);
      }}
    >
      {!isWaiting && (
        <p class="dim" data-testid="ask-why">
          To join, you need an invite link, or the host has to let you in. They will see the name that you
          give.
        </p>
      )}
      <Problem testId="knock-problem">{problem}</Problem>
    </NameForm>
  );
}
