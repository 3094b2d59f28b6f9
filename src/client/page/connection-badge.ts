/** How the connection is doing. */
import type { ConnectionState } from '../sdk/connection.ts';
import { el, setText } from './dom.ts';

const WORDS: Record<ConnectionState['state'], string> = {
  connecting: 'Connecting…',
  open: 'Live',
  reconnecting: 'Reconnecting…',
  refused: 'Refused',
  closed: 'Closed',
};

export function createConnectionBadge() {
  const label = el('span', {}, WORDS.connecting);
  const element = el(
    'p',
    { class: 'connection', role: 'status', 'data-state': 'connecting', 'data-testid': 'connection' },
    el('span', { class: 'light', 'aria-hidden': 'true' }),
    label,
  );
  return {
    element,
    render(connection: ConnectionState) {
      element.dataset.state = connection.state;
      element.title = 'reason' in connection ? connection.reason : '';
      setText(label, WORDS[connection.state]);
    },
  };
}
