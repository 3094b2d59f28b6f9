/** What keeps the live connection from opening, and what can be done about it. */
import type { Trouble } from '../../sdk/refusal.ts';
import { sentence } from '../../sdk/sentence.ts';
import { useSession } from './use-jam.ts';

export function TroubleBanner() {
  const trouble = useSession(({ connection }) => ('trouble' in connection ? connection.trouble : undefined));
  return (
    <p class="banner" role="alert" hidden={!trouble} data-testid="trouble" data-kind={trouble?.kind}>
      {trouble && wordsOf(trouble)}
    </p>
  );
}

function wordsOf(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'blocked':
      return (
        'The server answers, but the live connection (a WebSocket) doesn’t open. Something in between may ' +
        'block it: a company’s proxy, a VPN or a browser extension. Switch it off, try another network, or ask ' +
        `for WebSockets to ${location.host} to be allowed. This page keeps trying.`
      );
    case 'busy':
      return `${sentence(trouble.message)} This page keeps trying.`;
    case 'unreachable':
      return 'The server can’t be reached. Check your connection; this page keeps trying.';
  }
}
