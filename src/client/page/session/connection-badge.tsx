/** How the connection is doing. What is offline says so at once, whatever the socket still believes. */
import { useEffect, useState } from 'preact/hooks';
import type { ConnectionState } from '../../sdk/connection.ts';
import { useSession } from './use-jam.ts';

const WORDS: Record<ConnectionState['state'], string> = {
  connecting: 'Connecting…',
  open: 'Live',
  reconnecting: 'Reconnecting…',
  refused: 'Refused',
  closed: 'Closed',
};

export function ConnectionBadge() {
  const connection = useSession((snapshot) => snapshot.connection);
  const isOnline = useOnline();
  const isOffline = connection.state === 'reconnecting' && !isOnline;
  return (
    <p
      class="connection"
      role="status"
      data-state={connection.state}
      data-testid="connection"
      title={'reason' in connection ? connection.reason : ''}
    >
      <span class="light" aria-hidden="true" />
      <span class="connection-word">
        {isOffline ? 'Offline: your text is safe here' : WORDS[connection.state]}
      </span>
    </p>
  );
}

function useOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    window.addEventListener('online', look);
    window.addEventListener('offline', look);
    return () => {
      window.removeEventListener('online', look);
      window.removeEventListener('offline', look);
    };
  }, []);
  return isOnline;
}
