/** A session: the editor, the chat, the people, and how things stand. */
import { getTitle } from '../api.ts';
import { SessionClient, type Snapshot } from '../session-client.ts';
import { createChatPanel } from './chat-panel.ts';
import { createConnectionBadge } from './connection-badge.ts';
import { el, setText } from './dom.ts';
import { createEditor } from './editor.ts';
import { createInviteDialog } from './invite-dialog.ts';
import { createPeoplePanel, personId } from './people-panel.ts';
import { createPlayback } from './playback.ts';
import { createSaveState } from './save-state.ts';
import { createSideTabs } from './side-tabs.ts';
import { type KnownSession, rememberSession, type TabIdentity, unacknowledgedStore } from './storage.ts';
import type { Toasts } from './toasts.ts';

/** What the room's trouble means to the people in it. */
const TROUBLE: Record<string, string> & { storage_unavailable: string } = {
  buffer_unavailable:
    'The buffer is out of reach. Edits go straight to Postgres, which takes a little longer.',
  storage_unavailable:
    'Storage is out of reach. What is pending is kept here, and saved as soon as storage is back.',
};

export interface SessionScreen {
  element: HTMLElement;
  close(): void;
}

export function sessionScreen(session: KnownSession, tab: TabIdentity, toasts: Toasts): SessionScreen {
  const client = new SessionClient({
    url: location.origin,
    sessionId: session.id,
    token: session.token,
    connectionId: tab.connectionId,
    store: unacknowledgedStore(tab.connectionId, () =>
      toasts.show('This browser can’t keep unsaved edits over a reload.', 'error'),
    ),
  });

  let unsent: string | null = null;
  const editor = createEditor({
    onEdit(code, details) {
      const wasUnsent = unsent;
      unsent = null;
      // An error event sets it, when the text can't be sent.
      client.edit(code, details);
      if (wasUnsent !== unsent) render(client.snapshot);
    },
    onCursor: (line, col) => client.cursor(line, col),
  });
  const chat = createChatPanel((text) => client.chat(text) !== null);
  const people = createPeoplePanel();
  const saveState = createSaveState();
  const connection = createConnectionBadge();
  const playback = createPlayback((kind) => {
    const isSent = kind === 'play' ? client.play() : client.stop();
    if (isSent) playback.pressed(kind, '', true);
    else toasts.show('Not connected.', 'error');
  });
  const invites = createInviteDialog(session.id, session.token);
  const inviteButton = el(
    'button',
    { type: 'button', 'data-testid': 'invite', hidden: true, onclick: () => invites.open() },
    'Invite',
  );
  const title = el('h1', { class: 'session-title', 'data-testid': 'title' }, session.title || 'Session');
  const banner = el('p', { class: 'banner', role: 'alert', hidden: true, 'data-testid': 'degraded' });
  const notice = createNotice(() => client.reconnect());
  const viewerNote = el(
    'p',
    { class: 'viewer-note', hidden: true },
    'You are watching: only the host and co-authors can edit.',
  );
  const side = createSideTabs(chat.element, people.element);

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
      playback.element,
      inviteButton,
    ),
    banner,
    notice.element,
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
      side,
    ),
    invites.element,
  );

  function render(snapshot: Snapshot): void {
    const { role, degraded } = snapshot;
    const mayWrite = role === 'host' || role === 'co-author';
    connection.render(snapshot.connection);
    notice.render(snapshot.connection);
    saveState.render(snapshot, unsent);
    people.render(snapshot);
    chat.render(snapshot.chat);
    // Until the room's text is there, whatever one typed would replace it.
    editor.setReadOnly(!mayWrite);
    playback.setEnabled(mayWrite && snapshot.connection.state === 'open');
    inviteButton.hidden = role !== 'host';
    viewerNote.hidden = role !== 'viewer';
    banner.hidden = degraded === null;
    if (degraded) setText(banner, TROUBLE[degraded.reason] ?? TROUBLE.storage_unavailable);
  }

  client.subscribe(render);
  client.on('code', ({ code, by }) => {
    unsent = null;
    editor.setCode(code);
    if (by?.cursor_line !== undefined && by.cursor_col !== undefined) {
      editor.showCursor({
        id: personId(by),
        name: by.display_name,
        line: by.cursor_line,
        col: by.cursor_col,
      });
    }
  });
  client.on('cursor', (cursor) =>
    editor.showCursor({
      id: personId(cursor),
      name: cursor.display_name,
      line: cursor.line,
      col: cursor.col,
    }),
  );
  client.on('left', (person) => editor.hideCursor(personId(person)));
  client.on('play', ({ display_name }) => playback.pressed('play', display_name, false));
  client.on('stop', ({ display_name }) => playback.pressed('stop', display_name, false));
  client.on('error', ({ error, message }) => {
    // What the room is merely too busy for is sent again without anybody's doing.
    if (error === 'too_many_requests') return;
    if (editor.code !== client.snapshot.code) unsent = `Not saved: ${message}`;
    toasts.show(message, 'error');
  });

  // A restored edit is there before the room has said anything.
  editor.setCode(client.snapshot.code);
  render(client.snapshot);
  if (session.title === null) void showTitle(session, title, toasts);

  const reconnect = () => {
    if (client.snapshot.connection.state === 'reconnecting') client.reconnect();
  };
  window.addEventListener('online', reconnect);

  return {
    element,
    close() {
      window.removeEventListener('online', reconnect);
      client.close();
      editor.destroy();
      tab.release();
    },
  };
}

/** An invite's link doesn't tell the title, so whoever came by one asks for it. */
async function showTitle(session: KnownSession, heading: HTMLElement, toasts: Toasts): Promise<void> {
  try {
    const title = await getTitle(session.id, session.token);
    setText(heading, title);
    rememberSession({ ...session, title });
  } catch (error) {
    toasts.show(`The title is missing: ${error instanceof Error ? error.message : String(error)}`, 'error');
  }
}

function createNotice(retry: () => void) {
  const text = el('p', {});
  const again = el('button', { type: 'button', onclick: retry }, 'Try again');
  const element = el(
    'div',
    { class: 'notice', role: 'alert', hidden: true, 'data-testid': 'notice' },
    text,
    again,
    el('a', { href: '#/' }, 'To the start'),
  );
  return {
    element,
    render(connection: Snapshot['connection']): void {
      element.hidden = connection.state !== 'refused' && connection.state !== 'closed';
      if (connection.state === 'refused')
        setText(text, `The room doesn’t let you in: ${connection.refusal.message}`);
      if (connection.state === 'closed') setText(text, `The session is closed: ${connection.reason}`);
    },
  };
}
