/**
 * What is above the editor: the session's title, what plays, the participants, and what can be done about it.
 */
import { useState } from 'preact/hooks';
import { Icon } from '../ui/icon.tsx';
import { lazyDialog } from '../ui/lazy.tsx';
import { Logo } from '../ui/logo.tsx';
import { useValue } from '../ui/store.ts';
import { ConnectionBadge } from './connection-badge.tsx';
import { isOverIn } from './jam.ts';
import { PeopleBar } from './people-bar.tsx';
import { SessionMenu } from './session-menu.tsx';
import { TransportControls } from './transport-controls.tsx';
import { useJam, useSession } from './use-jam.ts';

const ShareDialog = lazyDialog(async () => (await import('./later.ts')).ShareDialog);

/** @param props.again shows the same session anew, for another person. */
export function TopBar({ again }: { again(): void }) {
  const jam = useJam();
  const title = useValue(jam.title);
  const isOver = useSession(({ connection }) => isOverIn(connection));
  const [isSharing, setSharing] = useState(false);
  return (
    <header class="top">
      <a href="#/" class="brand" aria-label="Backbeat, to the start">
        <Logo size={26} />
      </a>
      <h1 class="session-title" data-testid="title" title={title ?? ''}>
        {title || 'Session'}
      </h1>
      <ConnectionBadge />
      <TransportControls />
      <PeopleBar />
      {!isOver && (
        <button type="button" class="share" data-testid="invite" onClick={() => setSharing(true)}>
          <Icon name="share" />
          <span>Share</span>
        </button>
      )}
      <SessionMenu again={again} />
      {isSharing && !isOver && <ShareDialog onClose={() => setSharing(false)} />}
    </header>
  );
}
