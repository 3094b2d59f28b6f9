/** Asks for the secret, then shows the system. */
import { useCallback, useState } from 'preact/hooks';
import { Dashboard } from './dashboard.tsx';
import { keepSecret, readSecret } from './secret.ts';
import { SignIn } from './sign-in.tsx';

export function App() {
  const [secret, setSecret] = useState(readSecret);
  /** Why the secret is asked for again. */
  const [reason, setReason] = useState<string | null>(null);
  const onSignedIn = useCallback((given: string) => {
    keepSecret(given);
    setReason(null);
    setSecret(given);
  }, []);
  const forget = useCallback((why: string | null) => {
    keepSecret(null);
    setReason(why);
    setSecret(null);
  }, []);
  const onRefused = useCallback(() => forget('The server refuses the secret now: it was changed.'), [forget]);
  const onForget = useCallback(() => forget(null), [forget]);
  if (secret === null) return <SignIn reason={reason} onSignedIn={onSignedIn} />;
  return <Dashboard secret={secret} onRefused={onRefused} onForget={onForget} />;
}
