/**
 * A session as this page has it: its client, its editor, what of it is heard, and what of the page is about
 * it. Components show it and call it; it knows none of them.
 */
import { changeOwnName } from '../../../protocol/http/people.ts';
import { getSession, leaveSession, listMessages, type Message } from '../../../protocol/http/sessions.ts';
import type { Strudel } from '../../../protocol/http/strudels.ts';
import { MAX_MESSAGES, type Role } from '../../../protocol/index.ts';
import { ApiError, call, messageOf } from '../../sdk/call.ts';
import type { ChatEntry } from '../../sdk/chat-log.ts';
import { personId } from '../../sdk/people.ts';
import { sentence } from '../../sdk/sentence.ts';
import { SessionClient, type Snapshot } from '../../sdk/session-client.ts';
import { type Account, currentAccount } from '../account.ts';
import type { Entry } from '../entry.ts';
import { go } from '../router.ts';
import { startSession } from '../start/new-session.ts';
import {
  forgetSessions,
  keepScratch,
  keptScratch,
  lastCode,
  rememberedName,
  rememberName,
  type TabIdentity,
  unacknowledgedStore,
  updateSession,
} from '../storage.ts';
import { Store } from '../ui/store.ts';
import { clearToasts, toast } from '../ui/toasts.tsx';
import { createEditor, type Editor, type Extras } from './editor.ts';
import { Leaving } from './leaving.ts';
import { Panels } from './panels.ts';
import { SessionKey } from './session-key.ts';
import { sharedText } from './shared-text.ts';
import { Sound } from './sound.ts';

/** What a change of one's role means. */
const NEW_ROLE: Record<Role, string> = {
  host: 'You are the host now.',
  'co-author': 'You are a co-author now: you can write, play and ask the AI.',
  viewer: 'You are a viewer now: you can read along, listen and chat.',
};

export class Jam {
  readonly client: SessionClient;
  readonly editor: Editor;
  readonly sound: Sound;
  readonly panels = new Panels();
  readonly key: SessionKey;
  readonly leaving: Leaving;
  /** Null until it is known. */
  readonly title: Store<string | null>;
  /** An answer of the AI is in the text, and can be taken back. */
  readonly hasAnswer = new Store(false);
  /** The keyboard is the editor's. */
  readonly isWriting = new Store(false);
  /** The participant whose caret is kept in sight; null: the editor stays where it is. */
  readonly following = new Store<string | null>(null);
  /** The code of an ended session, which is in the editor and in no room; null: it isn’t there. */
  readonly stored = new Store<string | null>(null);
  /** Its chat, which is in no room either. */
  readonly storedChat = new Store<readonly ChatEntry[]>([]);
  /** Grows when the AI says that it needs an own key. */
  readonly keysWanted = new Store(0);
  readonly #entry: Entry;
  readonly #tab: TabIdentity;
  #unfollow: (() => void) | null = null;
  #wasOver = false;

  constructor(entry: Entry, tab: TabIdentity) {
    this.#entry = entry;
    this.#tab = tab;
    this.key = new SessionKey(entry, () => this.client.reconnect());
    this.title = new Store(entry.title);
    this.client = new SessionClient({
      url: location.origin,
      sessionId: entry.sessionId,
      token: () => this.key.bearer(),
      ...(entry.displayName === null ? {} : { displayName: entry.displayName }),
      connectionId: tab.connectionId,
      store: unacknowledgedStore(tab.connectionId, () =>
        toast('This browser can’t keep unsaved edits over a reload.', 'error'),
      ),
    });
    this.sound = new Sound(this.client, {
      code: () => this.editor.code,
      showPlayed: (code) => this.editor.showPlayed(code),
      showSounding: (places) => this.editor.showSounding(places),
      showProblem: (problem) => this.editor.showProblem(problem),
      showUnheard: (sounds) => this.editor.showUnheard(sounds),
      setVocabulary: (names) => this.editor.setVocabulary(names),
    });
    this.editor = createEditor(
      sharedText(this.client, (text, isError) => toast(text, isError ? 'error' : undefined)),
      {
        loadExtras,
        onFocus: (isFocused) => this.isWriting.set(isFocused),
        onAnswer: () => this.hasAnswer.set(this.editor.hasAnswer),
        onOwnMove: () => this.following.set(null),
        play: () => this.sound.press('play'),
        stop: () => this.sound.press('stop'),
      },
    );
    this.leaving = new Leaving(this.client, entry.sessionId);
    this.#listen();
    document.title = entry.title ? `${entry.title} · Backbeat` : 'Backbeat';
    if (entry.title === null && this.key.isThere) void this.#showStored();
  }

  get sessionId(): string {
    return this.#entry.sessionId;
  }

  /** Of the account that it was entered with; null without one. */
  get subject(): string | null {
    return this.#entry.account?.subject ?? null;
  }

  /** The account that is signed in, whether or not it is the one that is here. */
  get account(): Account | null {
    return currentAccount();
  }

  /** What the API is asked with; empty without a key, which it refuses. */
  get token(): string {
    return this.key.token;
  }

  /** Ends it for this page; nothing of it is heard any more. */
  close(): void {
    window.removeEventListener('online', this.#reconnect);
    window.removeEventListener('offline', this.#reconnect);
    this.leaving.close();
    // That it closes now is nothing to tell.
    this.#unfollow?.();
    this.client.close();
    this.sound.dispose();
    this.editor.destroy();
    this.#tab.release();
    document.title = 'Backbeat';
  }

  setTitle(title: string): void {
    this.title.set(title);
    document.title = `${title} · Backbeat`;
    updateSession(this.sessionId, { title });
  }

  /** Changes the name that the others see. @throws in words for people. */
  async changeName(name: string): Promise<void> {
    const { token } = await call(changeOwnName, {
      token: this.token,
      params: { id: this.sessionId },
      body: { display_name: name },
    });
    rememberName(name);
    this.client.useToken(token);
    this.admitted(token);
  }

  async leave(): Promise<void> {
    try {
      if (this.key.isThere) await call(leaveSession, { token: this.token, params: { id: this.sessionId } });
    } catch (error) {
      // Offline one may leave, too: the room notices it by the closed connection.
      if (!(error instanceof ApiError)) throw error;
    }
    go({ name: 'start' });
  }

  /**
   * Makes the session about a strudel, or about its scratch code (null).
   * @throws in words for people.
   */
  async switchTo(strudel: Strudel | null): Promise<void> {
    // Without an account one can only switch to public ones: the room doesn't know whose the others are.
    if (strudel && !strudel.is_public && this.#entry.account === null) {
      this.editor.replace(strudel.code, 'loaded_strudel');
      return;
    }
    const { strudelId, code } = this.client.snapshot;
    if (strudelId === null) keepScratch(this.sessionId, code);
    const scratch = strudel === null ? keptScratch(this.sessionId) : null;
    await this.client.switchStrudel(strudel?.id ?? null, scratch === null ? {} : { code: scratch });
  }

  /**
   * A new session with this one's title and the code as it stands here.
   * @throws in words for people.
   */
  async startAgain(): Promise<void> {
    const { displayName } = this.client.snapshot;
    await startSession({
      account: this.account,
      code: this.editor.code,
      title: this.title.snapshot ?? '',
      displayName: displayName ?? (rememberedName() || this.account?.name || 'Anonymous'),
    });
  }

  /** Keeps a participant's caret in sight; the same one again, or null: not any more. */
  follow(id: string | null): void {
    this.following.set(this.following.snapshot === id ? null : id);
    this.#revealFollowed();
  }

  readonly #reconnect = () => {
    const { state } = this.client.snapshot.connection;
    if (state === 'reconnecting' || state === 'open') this.client.reconnect();
  };
  #listen(): void {
    const { client } = this;
    this.#unfollow = client.subscribe((snapshot) => this.#follow(snapshot));
    this.#follow(client.snapshot);
    client.on('selections', () => this.#revealFollowed());
    client.on('change', ({ by, isOwnRequest }) => {
      if (by?.source === 'ai') {
        const whose = isOwnRequest ? 'Your' : `${by.display_name}’s`;
        if (this.panels.snapshot.shown !== 'ai') toast(`${whose} answer from the AI is in the editor.`);
      } else if (by?.strudel_id !== undefined && by.strudel_id !== null && !isOwnRequest) {
        toast(`${by.display_name} switched to a saved strudel.`);
      }
    });
    client.on('role', ({ role }) => toast(NEW_ROLE[role]));
    client.on('token', (token) => this.admitted(token));
    client.on('chat', () => this.panels.mark('chat'));
    client.on('agentResponse', () => this.panels.mark('ai'));
    client.on('error', ({ error, message, request_id }) => {
      // What the room is merely too busy for is sent again by itself.
      if (error === 'too_many_requests') return;
      // What went wrong with a question shows beside it.
      if (client.snapshot.conversation.some(({ id }) => id === request_id)) {
        if (error === 'ai_unavailable') this.keysWanted.set(this.keysWanted.snapshot + 1);
        return;
      }
      toast(sentence(message), 'error');
    });
    window.addEventListener('online', this.#reconnect);
    window.addEventListener('offline', this.#reconnect);
  }

  /** This participant has a session token now, and may come back with it. */
  admitted(token: string): void {
    this.key.take(token, this.title.snapshot);
    if (this.title.snapshot === null) void this.#showStored();
  }

  /** What the editor may, and what is to be said once when the session is over. */
  #follow({ role, connection }: Snapshot): void {
    const isOver = isOverIn(connection);
    if (connection.state === 'open') this.key.accepted();
    this.leaving.guard();
    this.editor.setReadOnly(!mayWrite(role) || isOver);
    if (isOver === this.#wasOver) return;
    this.#wasOver = isOver;
    if (!isOver) return;
    this.sound.silence();
    clearToasts();
    const status = connection.state === 'refused' ? connection.refusal.status : null;
    if (status === 401) this.key.refused();
    if ((status === 401 || status === 403) && this.editor.code === '') this.#showLast();
    if (status === 410 && this.editor.code === '') void this.#showStored();
    // A key to what is no more only clutters the list; a participant who was removed may be let in again.
    if (connection.state === 'closed' && connection.cause === 'gone') {
      forgetSessions(({ id }) => id === this.sessionId);
    }
  }

  /** The code as this tab saw it before its reload: it is all that the participant has of it. */
  #showLast(): void {
    const code = lastCode(this.sessionId);
    if (code === null || code === '') return;
    this.editor.show(code);
    this.stored.set(code);
  }

  #revealFollowed(): void {
    const id = this.following.snapshot;
    if (id === null) return;
    const { participants } = this.client.snapshot;
    const peer = this.client.selections.find((one) => one.id === id);
    if (peer) this.editor.reveal(peer.head);
    else if (!participants.some((one) => personId(one) === id)) this.following.set(null);
  }

  async #showStoredChat(): Promise<void> {
    const { messages } = await call(listMessages, {
      params: { id: this.sessionId },
      token: this.token,
      query: { limit: MAX_MESSAGES, type: 'chat' },
    });
    this.storedChat.set(messages.map(storedEntry));
  }

  /**
   * The title, which an invite's link doesn't tell; and of an ended session the code, which no room shows any
   * more.
   */
  async #showStored(): Promise<void> {
    if (!this.key.isThere) return;
    try {
      const session = await call(getSession, {
        token: (await this.key.bearer()) ?? '',
        params: { id: this.sessionId },
      });
      this.setTitle(session.title);
      if (this.client.snapshot.connection.state !== 'refused') return;
      this.editor.show(session.code);
      this.stored.set(session.code);
      await this.#showStoredChat();
    } catch (error) {
      // Of a session that refuses one, nothing else is to be expected.
      if (this.client.snapshot.connection.state === 'refused') return;
      toast(`The title is missing: ${messageOf(error)}`, 'error');
    }
  }
}

/** It can't be gone on with from this page. */
export function isOverIn({ state }: Snapshot['connection']): boolean {
  return state === 'closed' || state === 'refused';
}

/** A message of the chat as the HTTP API has it. */
export function storedEntry({
  id,
  displayName,
  userID,
  avatarURL,
  content,
  createdAt,
  position,
}: Message): ChatEntry {
  return {
    id,
    displayName,
    userId: userID ?? null,
    avatarUrl: avatarURL ?? null,
    text: content,
    atMs: Date.parse(createdAt),
    position,
    status: 'received',
  };
}

export function mayWrite(role: Role | null): boolean {
  return role === 'host' || role === 'co-author';
}

async function loadExtras(): Promise<Extras | null> {
  try {
    return await import('./editor-extras.ts');
  } catch {
    toast(
      'Colours, completion and the others’ carets couldn’t be loaded. Reload the page to have them.',
      'error',
    );
    return null;
  }
}
