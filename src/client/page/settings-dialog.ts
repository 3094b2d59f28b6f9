/** What the host may change about the session. */
import {
  changeSession,
  endLive,
  endSession,
  getSession,
  setDiscoverable,
} from '../../protocol/http/sessions.ts';
import { MAX_TITLE_CHARS } from '../../protocol/index.ts';
import { call, messageOf } from '../sdk/call.ts';
import { ask, createDialog } from './dialog.ts';
import { button, el, field, labelledSwitch, setText } from './dom.ts';
import { submitForm } from './form.ts';

interface SettingsOptions {
  sessionId: string;
  /** The host's token, as it is now. */
  token(): string;
  /** The title, as far as the page knows it. */
  title(): string;
  onTitle(title: string): void;
}

export function createSettingsDialog(options: SettingsOptions) {
  /** The session, and the host's word for it. */
  const asHost = () => ({ params: { id: options.sessionId }, token: options.token() });
  // Here, as nothing outside of a modal dialog is heard.
  const note = el('p', { class: 'note', role: 'status', 'data-testid': 'settings-note' });
  const say = (text: string) => setText(note, text);
  const title = field('Title', {
    id: 'settings-title',
    required: true,
    maxlength: String(MAX_TITLE_CHARS),
    'data-testid': 'settings-title',
  });
  const rename = el(
    'form',
    { class: 'stack' },
    el(
      'div',
      { class: 'field-action' },
      title.row,
      el('button', { type: 'submit', 'data-testid': 'settings-rename' }, 'Rename'),
    ),
  );
  submitForm(rename, async () => {
    const wanted = title.input.value.trim();
    if (wanted === '') throw new Error('A title isn’t blank.');
    await call(changeSession, { ...asHost(), body: { title: wanted } });
    options.onTitle(wanted);
    say('Renamed.');
  });

  const discoverable = el('input', {
    type: 'checkbox',
    role: 'switch',
    disabled: true,
    'data-testid': 'settings-discoverable',
  });
  const problem = el('p', { class: 'problem', role: 'alert' });
  discoverable.addEventListener('change', async () => {
    const isWanted = discoverable.checked;
    discoverable.disabled = true;
    setText(problem, '');
    try {
      await call(setDiscoverable, { ...asHost(), body: { is_discoverable: isWanted } });
      say(isWanted ? 'Everyone may look in now.' : 'Only invited people are let in now.');
    } catch (error) {
      discoverable.checked = !isWanted;
      setText(problem, messageOf(error));
    } finally {
      discoverable.disabled = false;
    }
  });

  const load = async (): Promise<void> => {
    setText(problem, '');
    say('');
    const shown = options.title();
    title.input.value = shown;
    try {
      const session = await call(getSession, asHost());
      // Unless it has been typed into meanwhile.
      if (title.input.value === shown) title.input.value = session.title;
      discoverable.checked = session.is_discoverable;
      discoverable.disabled = false;
    } catch (error) {
      setText(problem, messageOf(error));
    }
  };
  const sendAway = () =>
    ask({
      heading: 'Send everyone away?',
      text: 'Everyone but you leaves at once, and all invite links are revoked. The session and its code stay yours.',
      action: 'Send everyone away',
      async run() {
        await call(endLive, asHost());
        discoverable.checked = false;
        say('Everyone else has left. Invites are revoked.');
      },
    });
  const end = () =>
    ask({
      heading: 'End the session?',
      text: 'It ends for everyone and can’t be opened again. Its code and history stay readable.',
      action: 'End the session',
      async run() {
        await call(endSession, asHost());
        element.close();
      },
    });
  const element = createDialog('settings', 'Session settings', [
    rename,
    labelledSwitch(
      discoverable,
      'Open to everyone',
      'It is listed on the start screen, and anyone may look in as a viewer.',
    ),
    problem,
    note,
    el(
      'div',
      { class: 'ending' },
      button('Send everyone away', { 'data-testid': 'settings-end-live', onclick: sendAway }),
      button('End the session', { class: 'danger', 'data-testid': 'settings-end', onclick: end }),
    ),
  ]);
  return {
    element,
    open() {
      element.showModal();
      void load();
    },
  };
}
