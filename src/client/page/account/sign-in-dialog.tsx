/** Signing in, with a provider if the server has one, or with a token. */
import { useEffect, useRef } from 'preact/hooks';
import { listProviders, type Provider, signInPath } from '../../../protocol/http/accounts.ts';
import { call } from '../../sdk/call.ts';
import { tabKeeper } from '../keeping.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Form, Labelled, Problem, textOf } from '../ui/form.tsx';
import { useQuery } from '../ui/use-query.ts';
import { keepReturn, returnPathOf } from './return-address.ts';
import { signInWithToken } from './sign-in.ts';
import { typedFields } from './typed.ts';

interface SignInDialogProps {
  onClose(): void;
  /** Signed in with a token: the page is still the same. */
  onSignedIn(): void;
}

export function SignInDialog({ onClose, onSignedIn }: SignInDialogProps) {
  const { data, problem, refresh } = useQuery('', () => call(listProviders, {}));
  const providers = data?.providers ?? [];
  const isKnown = data !== null || problem !== null;
  const form = (
    <TokenForm
      hasFocus={providers.length === 0}
      signedIn={() => {
        onClose();
        onSignedIn();
      }}
    />
  );
  return (
    <Dialog id="sign-in" heading="Sign in" onClose={onClose}>
      <p class="dim" role="status" hidden={isKnown}>
        Looking how one can sign in here…
      </p>
      {problem !== null && (
        <>
          <Problem>{problem}</Problem>
          <button type="button" onClick={() => void refresh()}>
            Try again
          </button>
        </>
      )}
      {providers.length > 0 && (
        <>
          <p class="dim">
            Your sessions and strudels are then yours on every device. Then you are back here.
          </p>
          <ul class="stack">
            {providers.map((provider) => (
              <li key={provider.id}>
                <ProviderLink provider={provider} />
              </li>
            ))}
          </ul>
        </>
      )}
      {isKnown &&
        (providers.length === 0 ? (
          form
        ) : (
          <details>
            <summary data-testid="use-token">Use a token</summary>
            {form}
          </details>
        ))}
    </Dialog>
  );
}

function ProviderLink({ provider: { id, name, is_local } }: { provider: Provider }) {
  const link = (
    <a
      class={is_local ? 'button provider' : 'button primary provider'}
      href={signInPath(id, returnPathOf(location.hash))}
      data-testid={`sign-in-${id}`}
      onClick={() => keepReturn(tabKeeper, { hash: location.hash, typed: typedFields(), atMs: Date.now() })}
    >
      {is_local ? 'Sign in as anybody' : `Sign in with ${name}`}
    </a>
  );
  if (!is_local) return link;
  return (
    <div class="local-sign-in">
      <p>
        <strong>{name}: anybody can be anybody.</strong> It is there on this machine only, for development.
      </p>
      {link}
    </div>
  );
}

function TokenForm({ hasFocus, signedIn }: { hasFocus: boolean; signedIn(): void }) {
  const token = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (hasFocus) token.current?.focus();
  }, []);
  return (
    <Form
      action="Sign in"
      submitTestId="sign-in-submit"
      submit={async (fields) => {
        await signInWithToken(textOf(fields, 'token'));
        signedIn();
      }}
    >
      <Labelled for="sign-in-token" label="Your token">
        <textarea
          id="sign-in-token"
          name="token"
          ref={token}
          rows={4}
          required
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          data-testid="sign-in-token"
        />
      </Labelled>
      <p class="hint">
        It stays in this browser. In development, make one with
        <code class="command">npm run token -- --sub ana --name Ana</code>
      </p>
    </Form>
  );
}
