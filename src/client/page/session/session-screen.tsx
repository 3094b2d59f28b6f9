/** A session: the editor, the panels beside it, and how things stand. */
import { useEffect, useState } from 'preact/hooks';
import type { Entry } from '../entry.ts';
import type { TabIdentity } from '../storage.ts';
import { lazy } from '../ui/lazy.tsx';
import { useValue } from '../ui/store.ts';
import { DegradedBanner } from './degraded-banner.tsx';
import { EditorPane } from './editor-pane.tsx';
import { isOverIn, Jam } from './jam.ts';
import { KnockList } from './knock-list.tsx';
import { SidePanels } from './side-panels.tsx';
import { TopBar } from './top-bar.tsx';
import { TroubleBanner } from './trouble-banner.tsx';
import { JamContext, useJam, useSession } from './use-jam.ts';

const SessionNotice = lazy(async () => (await import('./notices.ts')).SessionNotice);
const OfferedTextNotice = lazy(async () => (await import('./notices.ts')).OfferedTextNotice);

interface SessionScreenProps {
  entry: Entry;
  tab: TabIdentity;
  /** Shows the same session anew, for another person or with another key. */
  again(): void;
}

/** The entry and the tab count as they are at first. */
export function SessionScreen({ entry, tab, again }: SessionScreenProps) {
  const [jam] = useState(() => new Jam(entry, tab));
  useEffect(() => () => jam.close(), [jam]);
  return (
    <JamContext.Provider value={jam}>
      <div class="session">
        <TopBar again={again} />
        <TroubleBanner />
        <DegradedBanner />
        <Notices again={again} />
        <KnockList />
        <main class="work">
          <EditorPane />
          <SidePanels again={again} />
        </main>
      </div>
    </JamContext.Provider>
  );
}

function Notices({ again }: { again(): void }) {
  const isOver = useSession(({ connection }) => isOverIn(connection));
  const isOffered = useSession(({ offered }) => offered !== null);
  const isUnsent = useValue(useJam().leaving.unsent) !== null;
  return (
    <>
      {isOver && <SessionNotice again={again} />}
      {(isOffered || isUnsent) && <OfferedTextNotice />}
    </>
  );
}
