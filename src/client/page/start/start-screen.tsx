/** The first screen: hear a pattern, make a session, join one, look into one, or go back to one. */
import { useEffect } from 'preact/hooks';
import { currentAccount } from '../account.ts';
import { preloadSession } from '../session-place.tsx';
import { lazy } from '../ui/lazy.tsx';
import { AccountBar } from './account-bar.tsx';
import { Hero } from './hero.tsx';
import { JoinCard } from './join-card.tsx';
import { LiveList } from './live-list.tsx';
import { MakeCard } from './make-card.tsx';

/** Then the start itself has loaded. */
const PRELOAD_AFTER_MS = 1_500;

const YourSessions = lazy(async () => (await import('./returning.ts')).YourSessions);
const BrowserSessions = lazy(async () => (await import('./returning.ts')).BrowserSessions);
const ExampleList = lazy(async () => (await import('./example-list.tsx')).ExampleList);

/** @param onAccount another user has signed in, or out. */
export function StartScreen({ onAccount }: { onAccount(): void }) {
  const account = currentAccount();
  useEffect(() => {
    // Most who come here enter a session next.
    const timer = setTimeout(preloadSession, PRELOAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="start">
      <header class="start-top">
        <AccountBar account={account} onAccount={onAccount} />
      </header>
      <main class="start-main">
        <Hero />
        <div class="cards">
          <MakeCard account={account} />
          <div class="card-column">
            <JoinCard />
            <LiveList />
          </div>
        </div>
        {account && <YourSessions account={account} />}
        <BrowserSessions account={account} />
        <ExampleList />
        <footer class="about-strudel">
          <p>
            Patterns are written in{' '}
            <a href="https://strudel.cc/" rel="noopener noreferrer">
              Strudel
            </a>
            , a language for music that is made of cycles: <code>s("bd hh")</code> plays a bass drum and a
            hi-hat in each.
          </p>
        </footer>
      </main>
    </div>
  );
}
