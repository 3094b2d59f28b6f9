/** A session: the editor, the panels beside it, and how things stand. */
import { createSession, getSession, leaveSession } from '../../protocol/http/sessions.ts';
import type { Strudel } from '../../protocol/http/strudels.ts';
import type { CollaborativeDocument } from '../editor/index.ts';
import { call, messageOf } from '../sdk/call.ts';
import { sentence } from '../sdk/sentence.ts';
import { SessionClient, type Snapshot } from '../sdk/session-client.ts';
import { currentAccount } from './account.ts';
import { openSignIn } from './account-dialog.ts';
import { createAiPanel } from './ai-panel.ts';
import { createChatPanel } from './chat-panel.ts';
import { createConnectionBadge } from './connection-badge.ts';
import { ask } from './dialog.ts';
import { el, setText } from './dom.ts';
import { createEditor, type Editor } from './editor.ts';
import type { Entry } from './entry.ts';
import { createInviteDialog } from './invite-dialog.ts';
import { keptTurns } from './kept-turns.ts';
import { createOfferedText } from './offered-text.ts';
import { createPeoplePanel } from './people-panel.ts';
import type { Route } from './router.ts';
import { createSaveState } from './save-state.ts';
import { createSessionActions } from './session-actions.ts';
import { createSessionNotice } from './session-notice.ts';
import { createSettingsDialog } from './settings-dialog.ts';
import { createSideTabs } from './side-tabs.ts';
import { createSound } from './sound.ts';
import {
  forgetSessions,
  keepScratch,
  keptScratch,
  rememberedName,
  rememberSession,
  type TabIdentity,
  unacknowledgedStore,
  updateSession,
} from './storage.ts';
import { createStrudelsPanel } from './strudels-panel.ts';
import type { Toasts } from './toasts.ts';

/** What the room's trouble means to the people in it. */
const TROUBLE: Record<string, string> & { storage_unavailable: string } = {
  buffer_unavailable:
    'The buffer is out of reach. Edits go straight to Postgres, which takes a little longer.',
  storage_unavailable:
    'Storage is out of reach. What is pending is kept here, and saved as soon as storage is back.',
};

/** What a change of one's role means. */
const NEW_ROLE = {
  host: 'You are the host now.',
  'co-author': 'You are a co-author now: you can write, play and ask the AI.',
  viewer: 'You are a viewer now: you can read along and chat.',
} as const;

export interface SessionScreen {
  element: HTMLElement;
  close(): void;
}

export interface SessionScreenOptions {
  toasts: Toasts;
  go(route: Route): void;
  /** Shows the same session anew, for another person or with another key. */
  again(): void;
}

export function sessionScreen(entry: Entry, tab: TabIdentity, options: SessionScreenOptions): SessionScreen {
  const { toasts, go, again } = options;
  const { sessionId } = entry;
  /** With what the API is asked; the room gives a key to who came without. */
  let key = entry.token;
  const token = (): string => key ?? '';
  const account = currentAccount();
  const client = new SessionClient({
    url: location.origin,
    sessionId,
    token: () => key,
    ...(entry.displayName === null ? {} : { displayName: entry.displayName }),
    connectionId: tab.connectionId,
    store: unacknowledgedStore(tab.connectionId, () =>
      toasts.show('This browser can’t keep unsaved edits over a reload.', 'error'),
    ),
  });

  let titleText = entry.title;
  const sound = createSound({ client, editor: () => editor, toasts });
  const editor: Editor = createEditor(sharedText(client), {
    onAnswer: () => render(client.snapshot),
    play: () => sound.press('play'),
    stop: () => sound.press('stop'),
  });
  const signIn = () => openSignIn(again);

  const chat = createChatPanel((text) => client.chat(text) !== null);
  const people = createPeoplePanel({ sessionId, token, say: (text, kind) => toasts.show(text, kind) });
  const ai = createAiPanel({
    ask(query, own) {
      if (client.snapshot.connection.state !== 'open') toasts.show('Not connected.', 'error');
      return client.ask(query, own ?? {}) !== null;
    },
    use: (code) => editor.replace(code, 'typed'),
    takeBack: () => editor.takeBackAnswer(),
  });
  const strudels = createStrudelsPanel({
    account,
    signIn,
    content: () => ({ code: editor.code, conversation_history: keptTurns(client.snapshot.conversation) }),
    load: (strudel) => switchTo(strudel),
    say: (text, kind) => toasts.show(text, kind),
  });
  const side = createSideTabs({ name: 'people', label: 'People', panel: people.element }, [
    { name: 'chat', label: 'Chat', panel: chat.element },
    { name: 'ai', label: 'AI', panel: ai.element },
    { name: 'strudels', label: 'Strudels', panel: strudels.element },
  ]);

  const saveState = createSaveState();
  const offered = createOfferedText(() => client.dismissOffer());
  const connection = createConnectionBadge();
  const title = el('h1', { class: 'session-title', 'data-testid': 'title' }, entry.title || 'Session');
  const invites = createInviteDialog(sessionId, token);
  const settings = createSettingsDialog({
    sessionId,
    token,
    title: () => titleText ?? '',
    onTitle: setTitle,
  });
  const actions = createSessionActions({
    invite: () => invites.open(),
    settings: () => settings.open(),
    leave: () =>
      ask({
        heading: 'Leave the session?',
        text: 'You can come back as long as its host keeps you in.',
        action: 'Leave',
        async run() {
          if (key !== null) await call(leaveSession, { token: key, params: { id: sessionId } });
          go({ name: 'start' });
        },
      }),
  });
  const banner = el('p', { class: 'banner', role: 'alert', hidden: true, 'data-testid': 'degraded' });
  const notice = createSessionNotice({
    retry: () => client.reconnect(),
    signIn,
    hasKey: () => key !== null,
    code: () => editor.code,
    startAgain,
  });
  const viewerNote = el(
    'p',
    { class: 'viewer-note', hidden: true, 'data-testid': 'viewer-note' },
    'You are watching: only the host and co-authors can edit.',
  );

  const element = el(
    'div',
    { class: 'session' },
    el(
      'header',
      { class: 'top' },
      el(
        'a',
        { href: '#/', class: 'brand', 'aria-label': 'Backbeat, to the start' },
        el('img', { src: '/favicon.svg', alt: '', width: '26', height: '26' }),
      ),
      title,
      connection.element,
      sound.element,
      actions.element,
    ),
    banner,
    notice.element,
    offered.element,
    el(
      'main',
      { class: 'work' },
      el(
        'section',
        { class: 'editor-column', 'aria-label': 'Pattern' },
        viewerNote,
        editor.element,
        saveState.element,
      ),
      side.element,
    ),
    invites.element,
    settings.element,
  );

  function render(snapshot: Snapshot): void {
    const { role, degraded } = snapshot;
    const { state } = snapshot.connection;
    const isOver = state === 'closed' || state === 'refused';
    const isWriter = role === 'host' || role === 'co-author';
    connection.render(snapshot.connection);
    notice.render(snapshot.connection);
    saveState.render(snapshot);
    offered.render(snapshot.offered);
    people.render(isOver ? { ...snapshot, role: null } : snapshot);
    chat.render(snapshot.chat, !isOver, snapshot.participants);
    ai.render(snapshot, editor.hasAnswer);
    strudels.render(snapshot);
    side.setAvailable('ai', isWriter);
    editor.setReadOnly(!isWriter || isOver);
    sound.render(snapshot);
    actions.render(isOver ? null : role);
    viewerNote.hidden = role !== 'viewer' || isOver;
    banner.hidden = degraded === null || isOver;
    if (degraded) setText(banner, TROUBLE[degraded.reason] ?? TROUBLE.storage_unavailable);
  }

  function setTitle(text: string): void {
    titleText = text;
    setText(title, text);
    document.title = `${text} · Backbeat`;
    updateSession(sessionId, { title: text });
  }

  async function switchTo(strudel: Strudel | null): Promise<void> {
    // Who came without an account could only switch to public ones: the room doesn't know him.
    if (strudel && !strudel.is_public && entry.account === null) {
      editor.replace(strudel.code, 'loaded_strudel');
      return;
    }
    const { strudelId, code } = client.snapshot;
    if (strudelId === null) keepScratch(sessionId, code);
    const scratch = strudel === null ? keptScratch(sessionId) : null;
    await client.switchStrudel(strudel?.id ?? null, scratch === null ? {} : { code: scratch });
  }

  async function startAgain(): Promise<void> {
    const made = await call(createSession, {
      token: account?.token,
      body: {
        code: editor.code,
        title: titleText ?? '',
        display_name: client.snapshot.displayName ?? (rememberedName() || account?.name || 'Anonymous'),
      },
    });
    rememberSession({
      id: made.id,
      token: made.token,
      title: made.title,
      subject: account?.subject ?? null,
      invite: null,
    });
    go({ name: 'session', sessionId: made.id });
  }

  /**
   * The title, which an invite's link doesn't tell; and of an ended session the code, which no room shows any
   * more.
   */
  async function showStored(): Promise<void> {
    if (key === null) return;
    try {
      const session = await call(getSession, { token: key, params: { id: sessionId } });
      setTitle(session.title);
      if (client.snapshot.connection.state === 'refused') editor.show(session.code);
      render(client.snapshot);
    } catch (error) {
      // Of a session that refuses one, nothing else is to be expected.
      if (client.snapshot.connection.state === 'refused') return;
      toasts.show(`The title is missing: ${messageOf(error)}`, 'error');
    }
  }

  client.subscribe(render);
  client.on('change', ({ by, isOwnRequest }) => {
    if (by?.source === 'ai') {
      const whose = isOwnRequest ? 'Your' : `${by.display_name}’s`;
      if (side.shown !== 'ai') toasts.show(`${whose} answer from the AI is in the editor.`);
    } else if (by?.strudel_id !== undefined && by.strudel_id !== null && !isOwnRequest) {
      toasts.show(`${by.display_name} switched to a saved strudel.`);
    }
  });
  client.on('role', ({ role }) => toasts.show(NEW_ROLE[role]));
  client.on('token', (given) => {
    key = given;
    rememberSession({
      id: sessionId,
      token: given,
      title: titleText,
      subject: entry.account?.subject ?? null,
      invite: null,
    });
    if (titleText === null) void showStored();
  });
  client.on('chat', () => side.mark('chat'));
  client.on('agentResponse', () => side.mark('ai'));
  client.on('error', ({ error, message, request_id }) => {
    // What the room is merely too busy for is sent again without anybody's doing.
    if (error === 'too_many_requests') return;
    // What went wrong with a question shows beside it.
    if (client.snapshot.conversation.some(({ id }) => id === request_id)) {
      if (error === 'ai_unavailable') ai.offerOwnKey();
      return;
    }
    toasts.show(sentence(message), 'error');
  });

  let wasOver = false;
  client.subscribe(({ connection: { state, ...why } }) => {
    const isOver = state === 'closed' || state === 'refused';
    if (isOver === wasOver) return;
    wasOver = isOver;
    if (!isOver) return;
    sound.silence();
    for (const dialog of [invites.element, settings.element]) dialog.close();
    toasts.clear();
    if ('refusal' in why && why.refusal.status === 410 && editor.code === '') void showStored();
    // A key to what is no more only clutters the list; a participant who was removed may be let in again.
    if ('cause' in why && why.cause === 'gone') forgetSessions(({ id }) => id === sessionId);
  });

  render(client.snapshot);
  document.title = titleText ? `${titleText} · Backbeat` : 'Backbeat';
  if (entry.title === null && key !== null) void showStored();

  const reconnect = () => {
    if (client.snapshot.connection.state === 'reconnecting') client.reconnect();
  };
  const keep = () => client.keep();
  window.addEventListener('online', reconnect);
  window.addEventListener('pagehide', keep);

  return {
    element,
    close() {
      window.removeEventListener('online', reconnect);
      window.removeEventListener('pagehide', keep);
      client.close();
      sound.dispose();
      editor.destroy();
      tab.release();
      document.title = 'Backbeat';
    },
  };
}

/** The client's text as the editor wants it. */
function sharedText(client: SessionClient): CollaborativeDocument {
  return {
    get text() {
      return client.text;
    },
    get peers() {
      return client.selections;
    },
    edit(changes, { source }) {
      client.change(changes, { source });
    },
    select: (anchor, head) => client.select(anchor, head),
    onChange: (listener) =>
      client.on('change', ({ source, ...change }) =>
        listener(source === undefined ? change : { ...change, source }),
      ),
    onSelections: (listener) => client.on('selections', listener),
  };
}
