/** The start screen's lists: public sessions, the user's own, and those that only this browser knows of. */
import {
  createSession,
  getSession,
  type LiveSession,
  listLiveSessions,
  listSessions,
  type Session,
} from '../../protocol/http/sessions.ts';
import { call, messageOf } from '../sdk/call.ts';
import type { Account } from './account.ts';
import { button, dayOf, el, headed, setText } from './dom.ts';
import { usableSessions } from './entry.ts';
import { type Route, routeHash } from './router.ts';
import { type KnownSession, rememberedName, rememberSession } from './storage.ts';

const LIVE_SHOWN = 8;
const LIVE_INTERVAL_MS = 15_000;
const MINE_SHOWN = 50;
const UNTITLED = 'Untitled session';

/** What is going on in public, kept up to date while it is looked at. */
export function liveNow(): { element: HTMLElement; close(): void } {
  const list = el('ul', { class: 'rows', 'data-testid': 'live-sessions' });
  const note = el('p', { class: 'dim', role: 'status' }, 'Looking…');
  const element = headed('section', 'live', 'card', 'Live now', note, list);
  const refresh = async (): Promise<void> => {
    if (document.hidden) return;
    try {
      const { sessions } = await call(listLiveSessions, { query: { limit: LIVE_SHOWN } });
      list.replaceChildren(...sessions.map(liveRow));
      note.hidden = sessions.length > 0;
      setText(
        note,
        'There are no public sessions right now. A host can open a session to everyone in its settings.',
      );
    } catch (error) {
      note.hidden = false;
      setText(note, messageOf(error));
    }
  };
  const timer = setInterval(refresh, LIVE_INTERVAL_MS);
  document.addEventListener('visibilitychange', refresh);
  void refresh();
  return {
    element,
    close() {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refresh);
    },
  };
}

function liveRow({ id, title, host_name: host, participant_count: count }: LiveSession): HTMLElement {
  return el(
    'li',
    {},
    linkTo(id, title),
    host === undefined ? null : el('span', { class: 'dim' }, `by ${host}`),
    el('span', { class: 'count' }, count === 1 ? '1 here' : `${count} here`),
  );
}

/** A signed-in user's own sessions: those that go on to go back to, ended ones to start again from. */
export function yourSessions(account: Account, go: (route: Route) => void): HTMLElement {
  const note = el('p', { class: 'dim', role: 'status' }, 'Looking…');
  const groups = el('div', { class: 'groups', 'data-testid': 'my-sessions' });
  const load = async (): Promise<void> => {
    try {
      const { token } = account;
      const { sessions } = await call(listSessions, { token, query: { limit: MINE_SHOWN } });
      note.hidden = sessions.length > 0;
      setText(note, 'None yet. The first one you start will be here.');
      const restart = (id: string) => startAgain(id, account, go);
      groups.replaceChildren(
        ...group('Going on', sessions.filter((session) => session.is_active).map(activeRow)),
        ...group(
          'Ended',
          sessions.filter((session) => !session.is_active).map((session) => endedRow(session, restart)),
        ),
      );
    } catch (error) {
      setText(note, messageOf(error));
    }
  };
  void load();
  return headed('section', 'mine', 'card lists', 'Your sessions', note, groups);
}

function group(heading: string, rows: HTMLElement[]): HTMLElement[] {
  if (rows.length === 0) return [];
  return [el('div', {}, el('h3', {}, heading), el('ul', { class: 'rows' }, ...rows))];
}

function activeRow(session: Session): HTMLElement {
  return el(
    'li',
    { 'data-session': session.id },
    linkTo(session.id, session.title),
    session.is_discoverable ? el('span', { class: 'badge' }, 'public') : null,
    el('time', {}, dayOf(session.last_activity)),
  );
}

function endedRow(session: Session, restart: (id: string) => Promise<void>): HTMLElement {
  const problem = el('span', { class: 'problem', role: 'alert' });
  const again = button('Start again', { class: 'small' });
  again.addEventListener('click', async () => {
    again.disabled = true;
    try {
      await restart(session.id);
    } catch (error) {
      setText(problem, messageOf(error));
      again.disabled = false;
    }
  });
  return el(
    'li',
    { 'data-session': session.id },
    linkTo(session.id, session.title),
    problem,
    el('time', {}, dayOf(session.last_activity)),
    again,
  );
}

/** A new session with the title and the code of one that has ended. */
async function startAgain(id: string, account: Account, go: (route: Route) => void): Promise<void> {
  const { token, subject } = account;
  const { title, code } = await call(getSession, { token, params: { id } });
  const body = { title, code, display_name: rememberedName() || account.name };
  const made = await call(createSession, { token, body });
  rememberSession({ id: made.id, token: made.token, title: made.title, subject, invite: null });
  go({ name: 'session', sessionId: made.id });
}

/** Sessions that this browser has a key to, and that aren't an account's. Null when there are none. */
export function browserSessions(account: Account | null): HTMLElement | null {
  const sessions = usableSessions(account).filter(({ subject }) => subject === null);
  if (sessions.length === 0) return null;
  const row = ({ id, title, enteredAtMs }: KnownSession) =>
    el('li', {}, linkTo(id, title), el('time', {}, dayOf(enteredAtMs)));
  const heading = account ? 'Been there, not signed in' : 'Been there';
  return headed('nav', 'recent', 'card lists', heading, el('ul', { class: 'rows' }, ...sessions.map(row)));
}

function linkTo(sessionId: string, title: string | null): HTMLElement {
  const href = routeHash({ name: 'session', sessionId });
  return el('a', { href, class: 'row-main' }, title || UNTITLED);
}
