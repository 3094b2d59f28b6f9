/** The form that takes the flush secret, and asks the server whether it is the right one. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { getSystemStatus } from '../../protocol/http/operation.ts';
import { ApiError, call, messageOf } from '../sdk/call.ts';

interface SignInProps {
  /** Why it is asked for again; null at first. */
  reason: string | null;
  onSignedIn(secret: string): void;
}

function refusalOf(error: unknown): string {
  if (error instanceof ApiError && error.status === 401)
    return 'This is not the flush secret of this server. It is the value of FLUSH_SECRET.';
  return messageOf(error);
}

export function SignIn({ reason, onSignedIn }: SignInProps) {
  const [problem, setProblem] = useState(reason);
  const [isAsking, setAsking] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const submit = async (event: Event) => {
    event.preventDefault();
    const secret = input.current?.value.trim() ?? '';
    if (secret === '' || isAsking) return;
    setAsking(true);
    setProblem(null);
    try {
      await call(getSystemStatus, { token: secret });
      onSignedIn(secret);
    } catch (error) {
      setProblem(refusalOf(error));
      setAsking(false);
      input.current?.select();
    }
  };

  return (
    <main class="sign-in">
      <h1>Backbeat: operation</h1>
      <form onSubmit={submit}>
        <label for="secret">Flush secret</label>
        <input
          id="secret"
          ref={input}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-invalid={problem !== null}
          aria-describedby="secret-help secret-problem"
          data-testid="secret"
        />
        <p id="secret-help" class="dim">
          The value of FLUSH_SECRET. This tab keeps it until it is closed.
        </p>
        <p id="secret-problem" class="problem" role="alert" data-testid="secret-problem">
          {problem}
        </p>
        <button type="submit" class="primary" aria-disabled={isAsking} data-testid="sign-in">
          {isAsking ? 'Asking the server…' : 'Open'}
        </button>
      </form>
    </main>
  );
}
