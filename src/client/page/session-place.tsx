/** Loads what a session needs, and shows the session. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Entry } from './entry.ts';
import { claimTabIdentity, type TabIdentity } from './storage.ts';

/** After this long a page that can't show its session yet says why. */
const SLOW_MS = 500;

const load = () => import('./session/session-screen.tsx');

/** Fetches the session's part of the page, so that it is there when it is needed. */
export function preloadSession(): void {
  // Whether it came shows when it is needed.
  load().catch(() => {});
}

interface SessionPlaceProps {
  entry: Entry;
  /** Shows the same session anew, for another person or with another key. */
  again(): void;
}

type ScreenType = ComponentType<SessionPlaceProps & { tab: TabIdentity }>;

/** The entry counts as it is at first: another one comes with another key. */
export function SessionPlace({ entry: current, again }: SessionPlaceProps) {
  const [entry] = useState(current);
  const [loaded, setLoaded] = useState<{ Screen: ScreenType; tab: TabIdentity } | null>(null);
  const [hasFailed, setFailed] = useState(false);
  const [isSlow, setSlow] = useState(false);

  useEffect(() => {
    let isWanted = true;
    let isShown = false;
    const slow = setTimeout(() => setSlow(true), SLOW_MS);
    const claimed = claimTabIdentity(entry.sessionId);
    Promise.all([load(), claimed]).then(
      ([{ SessionScreen }, tab]) => {
        if (!isWanted) return;
        isShown = true;
        setLoaded({ Screen: SessionScreen, tab });
      },
      () => setFailed(true),
    );
    return () => {
      isWanted = false;
      clearTimeout(slow);
      // One that is shown releases it itself; one that couldn't be claimed has failed above.
      claimed.then(
        (tab) => isShown || tab.release(),
        () => {},
      );
    };
  }, [entry]);

  if (loaded) return <loaded.Screen entry={entry} tab={loaded.tab} again={again} />;
  if (hasFailed) {
    return (
      <main class="waiting">
        <p role="alert">A part of this page couldn’t be loaded. There may be a newer version of it.</p>
        <button type="button" class="primary" data-testid="reload" onClick={() => location.reload()}>
          Reload
        </button>
      </main>
    );
  }
  return isSlow ? (
    <p class="waiting" role="status">
      Your last page here is still closing, or this one is still loading. Your text comes with it…
    </p>
  ) : null;
}
