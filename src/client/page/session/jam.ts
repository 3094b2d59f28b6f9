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
import { type Account, accountToken, currentAccount, isSignInOver, renewedToken } from '../account.ts';
import type { Entry } from '../entry.ts';
import { go } from '../router.ts';
import { startSession } from '../start/new-session.ts';
import {
  forgetSessions,
  keepLastCode,
  keepScratch,
  keepUnsent,
  keptScratch,
  knownSessions,
  lastCode,
  rememberedName,
  rememberName,
  rememberSession,
  storedUserToken,
  type TabIdentity,
  type Unsent,
  unacknowledgedStore,
  unsentOf,
  updateSession,
} from '../storage.ts';
import { Store } from '../ui/store.ts';
import { clearToasts, toast } from '../ui/toasts.tsx';
import { createEditor, type Editor, type Extras } from './editor.ts';
import { Panels } from './panels.ts';
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
  /** What an earlier page of this browser left unsent; null: nothing. */
  readonly unsent = new Store<(Unsent & { connectionId: string }) | null>(null);
  /**
   * The key that the server takes no more: the account's, or one to this session; null: it took it.
   * `renewing`: the account's, which may be renewed.
   */
  readonly lostKey = new Store<'account' | 'session' | 'renewing' | null>(null);
  readonly #entry: Entry;
  readonly #tab: TabIdentity;
  /** A session token, with which the API is asked; the room gives one to who came without. */
  #key: string | null;
  /** Who enters by the account's own token, as long as there is no other. */
  #byAccount: Account | null;
  /** The account's token was renewed since the room last took it. */
  #isRenewed = false;
  #unfollow: (() => void) | null = null;
  #wasOver = false;
  #isGuarded = false;

  constructor(entry: Entry, tab: TabIdentity) {
    this.#entry = entry;
    this.#tab = tab;
    this.#key = entry.token;
    this.#byAccount = entry.token === null ? entry.account : null;
    this.title = new Store(entry.title);
    this.client = new SessionClient({
      url: location.origin,
      sessionId: entry.sessionId,
      token: () => this.#bearer(),
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
    this.#listen();
    document.title = entry.title ? `${entry.title} · Backbeat` : 'Backbeat';
    if (entry.title === null && this.hasKey) void this.#showStored();
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
    return this.#key ?? (this.#byAccount && storedUserToken()) ?? '';
  }

  get hasKey(): boolean {
    return this.#key !== null || this.#byAccount !== null;
  }

  async #bearer(): Promise<string | null> {
    if (this.#byAccount === null) return this.#key;
    // What can't be renewed the room refuses, which is told then.
    return accountToken(this.#byAccount).catch(() => storedUserToken());
  }

  /** Ends it for this page; nothing of it is heard any more. */
  close(): void {
    window.removeEventListener('online', this.#reconnect);
    window.removeEventListener('offline', this.#reconnect);
    window.removeEventListener('pagehide', this.#keep);
    window.removeEventListener('beforeunload', holdOn);
    document.removeEventListener('visibilitychange', this.#see);
    this.#keep();
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
      if (this.hasKey) await call(leaveSession, { token: this.token, params: { id: this.sessionId } });
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
  /** Also for the next visit: a tab's own storage goes with the tab. */
  readonly #keep = () => {
    const { client, sessionId } = this;
    client.keep();
    const { code, chat } = client.snapshot;
    keepLastCode(sessionId, code);
    keepUnsent(
      sessionId,
      client.connectionId,
      client.hasUnacknowledged ? unsentNow(code, chat, client) : null,
    );
  };
  readonly #see = () => {
    this.client.setHidden(document.hidden);
    // Phones end hidden pages without a word.
    if (document.hidden) this.#keep();
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
    window.addEventListener('pagehide', this.#keep);
    document.addEventListener('visibilitychange', this.#see);
    client.setHidden(document.hidden);
    void this.#findUnsent();
  }

  async #findUnsent(): Promise<void> {
    // What this tab had left it sends by itself.
    keepUnsent(this.sessionId, this.client.connectionId, null);
    const found = await unsentOf(this.sessionId);
    this.unsent.set(found ? { ...found.unsent, connectionId: found.connectionId } : null);
  }

  /** The participant has seen to the text that was left unsent. */
  dismissUnsent(): void {
    const { snapshot } = this.unsent;
    if (snapshot) keepUnsent(this.sessionId, snapshot.connectionId, null);
    void this.#findUnsent();
  }

  /** This participant has a session token now, and may come back with it. */
  admitted(token: string): void {
    this.#key = token;
    this.#byAccount = null;
    rememberSession({
      id: this.sessionId,
      token,
      title: this.title.snapshot,
      subject: this.subject,
      // It may be a new one in the place of an old one, by which an invite leads back here.
      invite: knownSessions().find(({ id }) => id === this.sessionId)?.invite ?? null,
    });
    if (this.title.snapshot === null) void this.#showStored();
  }

  /** What the editor may, and what is to be said once when the session is over. */
  #follow({ role, connection }: Snapshot): void {
    const isOver = isOverIn(connection);
    if (connection.state === 'open') this.#isRenewed = false;
    this.#guard(this.client.hasUnacknowledged);
    this.editor.setReadOnly(!mayWrite(role) || isOver);
    if (isOver === this.#wasOver) return;
    this.#wasOver = isOver;
    if (!isOver) return;
    this.sound.silence();
    clearToasts();
    const status = connection.state === 'refused' ? connection.refusal.status : null;
    if (status === 401) this.#loseKey();
    if ((status === 401 || status === 403) && this.editor.code === '') this.#showLast();
    if (status === 410 && this.editor.code === '') void this.#showStored();
    // A key to what is no more only clutters the list; a participant who was removed may be let in again.
    if (connection.state === 'closed' && connection.cause === 'gone') {
      forgetSessions(({ id }) => id === this.sessionId);
    }
  }

  /** While something isn't sent yet, the browser asks before it closes the page. */
  #guard(isGuarded: boolean): void {
    if (isGuarded === this.#isGuarded) return;
    this.#isGuarded = isGuarded;
    if (isGuarded) window.addEventListener('beforeunload', holdOn);
    else window.removeEventListener('beforeunload', holdOn);
  }

  /** The server doesn't take the key any more: one to this session is of no use, and an account may do. */
  #loseKey(): void {
    if (this.#byAccount !== null) {
      void this.#renew(this.#byAccount);
      return;
    }
    if (this.#key === null) return;
    this.lostKey.set('session');
    forgetSessions(({ id }) => id === this.sessionId);
    this.#key = null;
    this.#byAccount = this.account;
    if (this.#byAccount === null) return;
    this.lostKey.set(null);
    // Not while the client tells of its refusal.
    queueMicrotask(() => this.client.reconnect());
  }

  /** The account's token isn't good any more: once another one is tried. */
  async #renew({ isOwn }: Account): Promise<void> {
    const stale = storedUserToken();
    if (!isOwn || stale === null || this.#isRenewed) {
      this.lostKey.set('account');
      isSignInOver.set(true);
      return;
    }
    this.#isRenewed = true;
    this.lostKey.set('renewing');
    try {
      await renewedToken(stale);
      this.lostKey.set(null);
      this.client.reconnect();
    } catch (error) {
      this.lostKey.set('account');
      // Out of reach isn't over: the next attempt may do.
      if (error instanceof ApiError && error.status === 401) isSignInOver.set(true);
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
    if (!this.hasKey) return;
    try {
      const session = await call(getSession, {
        token: (await this.#bearer()) ?? '',
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

function holdOn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** What a client has that the room hasn't acknowledged, for its author to copy. */
function unsentNow(code: string, chat: readonly ChatEntry[], { hasPendingEdits }: SessionClient) {
  const said = chat.filter(({ status }) => status === 'pending' || status === 'sent');
  return { code: hasPendingEdits ? code : null, chat: said.map(({ text }) => text) };
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
