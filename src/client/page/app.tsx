/** Shows the screen that the address names. */
import { useCallback, useEffect, useMemo, useReducer, useState } from 'preact/hooks';
import { signedInAs } from './account.ts';
import { entryOf } from './entry.ts';
import { parseRoute } from './router.ts';
import { SessionPlace } from './session-place.tsx';
import { StartScreen } from './start/start-screen.tsx';
import { hasTextOf } from './storage.ts';
import { ForgetfulNote } from './ui/forgetful-note.tsx';
import { lazy } from './ui/lazy.tsx';
import { QuestionPlace } from './ui/question.tsx';
import { useValue } from './ui/store.ts';
import { ToastPlace } from './ui/toasts.tsx';

const ways = () => import('./join/screens.ts');
const JoinScreen = lazy(async () => (await ways()).JoinScreen);
const BeginScreen = lazy(async () => (await ways()).BeginScreen);
const NameScreen = lazy(async () => (await ways()).NameScreen);
// At once, where it will be shown. Whether it came shows then.
if (parseRoute(location.hash).name === 'join') ways().catch(() => {});

export function App() {
  return (
    <>
      <Screen />
      <ForgetfulNote />
      <QuestionPlace />
      <ToastPlace />
    </>
  );
}

function Screen() {
  const [hash, setHash] = useState(location.hash);
  /** Grows when the same address is to be shown anew, for another person or with another key. */
  const [time, again] = useReducer((count: number) => count + 1, 0);
  const showAgain = useCallback(() => again(undefined), []);
  /** The session that this visitor was found to need no more for than their name. */
  const [openSession, setOpenSession] = useState<string | null>(null);
  useEffect(() => {
    const onHash = () => setHash(location.hash);
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);
  const route = useMemo(() => parseRoute(hash), [hash]);
  // Also by another tab.
  const subject = useValue(signedInAs);
  const key = `${hash} ${time} ${subject}`;
  if (route.name === 'start') return <StartScreen key={key} onAccount={showAgain} />;
  if (route.name === 'join') return <JoinScreen key={key} invite={route.inviteToken} onAccount={showAgain} />;
  if (route.name === 'begin') return <BeginScreen key={key} packed={route.packed} />;
  const entry = entryOf(route.sessionId);
  const { sessionId } = route;
  // A name alone is enough where the session is open, or where this browser has text of it to show.
  const isByName = entry.displayName !== null && (openSession === sessionId || hasTextOf(sessionId));
  if (entry.token === null && entry.account === null && !isByName) {
    const enter = () => {
      setOpenSession(sessionId);
      showAgain();
    };
    return <NameScreen key={key} sessionId={sessionId} onEntry={enter} />;
  }
  // A session that was entered without an account goes on when an account signs in.
  const sessionKey = `${hash} ${time} ${entry.account?.subject}`;
  return <SessionPlace key={sessionKey} entry={entry} again={showAgain} />;
}
