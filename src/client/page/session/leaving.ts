/** What isn't sent yet when the page goes: kept for the next visit, and the browser asks before. */
import type { ChatEntry } from '../../sdk/chat-log.ts';
import type { SessionClient } from '../../sdk/session-client.ts';
import { keepLastCode, keepUnsent, type Unsent, unsentOf } from '../storage.ts';
import { Store } from '../ui/store.ts';

export class Leaving {
  /** What an earlier page of this browser left unsent; null: nothing. */
  readonly unsent = new Store<(Unsent & { connectionId: string }) | null>(null);
  readonly #client: SessionClient;
  readonly #sessionId: string;
  #isGuarded = false;

  constructor(client: SessionClient, sessionId: string) {
    this.#client = client;
    this.#sessionId = sessionId;
    window.addEventListener('pagehide', this.#keep);
    document.addEventListener('visibilitychange', this.#see);
    client.setHidden(document.hidden);
    void this.#findUnsent();
  }

  /** The session is left, or the page goes on without it. */
  close(): void {
    window.removeEventListener('pagehide', this.#keep);
    window.removeEventListener('beforeunload', holdOn);
    document.removeEventListener('visibilitychange', this.#see);
    this.#keep();
  }

  /** While something isn't sent yet, the browser asks before it closes the page. */
  guard(): void {
    const isGuarded = this.#client.hasUnacknowledged;
    if (isGuarded === this.#isGuarded) return;
    this.#isGuarded = isGuarded;
    if (isGuarded) window.addEventListener('beforeunload', holdOn);
    else window.removeEventListener('beforeunload', holdOn);
  }

  /** The participant has seen to the text that was left unsent. */
  dismissUnsent(): void {
    const { snapshot } = this.unsent;
    if (snapshot) keepUnsent(this.#sessionId, snapshot.connectionId, null);
    void this.#findUnsent();
  }

  /** Also for the next visit: a tab's own storage goes with the tab. */
  readonly #keep = () => {
    const client = this.#client;
    client.keep();
    const { code, chat } = client.snapshot;
    keepLastCode(this.#sessionId, code);
    keepUnsent(
      this.#sessionId,
      client.connectionId,
      client.hasUnacknowledged ? unsentNow(code, chat, client) : null,
    );
  };

  readonly #see = () => {
    this.#client.setHidden(document.hidden);
    // Phones end hidden pages without a word.
    if (document.hidden) this.#keep();
  };

  async #findUnsent(): Promise<void> {
    // What this tab had left it sends by itself.
    keepUnsent(this.#sessionId, this.#client.connectionId, null);
    const found = await unsentOf(this.#sessionId);
    this.unsent.set(found ? { ...found.unsent, connectionId: found.connectionId } : null);
  }
}

function holdOn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** What a client has that the room hasn't acknowledged, for its author to copy. */
function unsentNow(code: string, chat: readonly ChatEntry[], { hasPendingEdits }: SessionClient) {
  const said = chat.filter(({ status }) => status === 'pending' || status === 'sent');
  return { code: hasPendingEdits ? code : null, chat: said.map(({ text }) => text) };
}
