/** What the host may change about the session. */
import { useState } from 'preact/hooks';
import {
  changeSession,
  endLive,
  endSession,
  getSession,
  setDiscoverable,
} from '../../../protocol/http/sessions.ts';
import { MAX_TITLE_CHARS } from '../../../protocol/limits.ts';
import { call } from '../../sdk/call.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Field, Form, Problem, Switch, textOf } from '../ui/form.tsx';
import { ask } from '../ui/question.tsx';
import { useAction } from '../ui/use-action.ts';
import { useQuery } from '../ui/use-query.ts';
import { useJam } from './use-jam.ts';

export function SettingsDialog({ onClose }: { onClose(): void }) {
  const jam = useJam();
  // Here, as nothing outside of a modal dialog is heard.
  const [note, setNote] = useState('');
  /** The session, and the host's word for it. */
  const asHost = () => ({ params: { id: jam.sessionId }, token: jam.token });
  const session = useQuery(jam.sessionId, () => call(getSession, asHost()));
  /** As it was changed here; null: as it was found. */
  const [isOpen, setOpen] = useState<boolean | null>(null);
  const opening = useAction();

  const rename = async (fields: FormData) => {
    const wanted = textOf(fields, 'title');
    if (wanted === '') throw new Error('A title isn’t blank.');
    await call(changeSession, { ...asHost(), body: { title: wanted } });
    jam.setTitle(wanted);
    setNote('Renamed.');
  };
  const openToAll = (isWanted: boolean) =>
    opening.act(async () => {
      setOpen(isWanted);
      try {
        await call(setDiscoverable, { ...asHost(), body: { is_discoverable: isWanted } });
        setNote(isWanted ? 'Everyone may look in now.' : 'Only invited people are let in now.');
      } catch (error) {
        setOpen(!isWanted);
        throw error;
      }
    });
  const sendAway = () =>
    ask({
      heading: 'Send everyone away?',
      text: 'Everyone but you leaves at once, and all invite links are revoked. The session and its code stay yours.',
      action: 'Send everyone away',
      async run() {
        await call(endLive, asHost());
        setOpen(false);
        setNote('Everyone else has left. Invites are revoked.');
      },
    });
  const end = () =>
    ask({
      heading: 'End the session?',
      text: 'It ends for everyone and can’t be opened again. Its code and history stay readable.',
      action: 'End the session',
      async run() {
        await call(endSession, asHost());
        onClose();
      },
    });
  return (
    <Dialog id="settings" heading="Session settings" onClose={onClose}>
      <Form
        action="Rename"
        submitTestId="settings-rename"
        isInline
        draft={`title:${jam.sessionId}`}
        submit={rename}
      >
        <Field
          label="Title"
          id="settings-title"
          name="title"
          required
          maxLength={MAX_TITLE_CHARS}
          defaultValue={jam.title.snapshot ?? ''}
          data-testid="settings-title"
        />
      </Form>
      <Switch
        label="Open to everyone"
        hint="It is listed on the start screen, and anyone may look in as a viewer."
        testId="settings-discoverable"
        isOn={isOpen ?? session.data?.is_discoverable ?? false}
        isDisabled={session.data === null || opening.isBusy}
        onSwitch={(isWanted) => void openToAll(isWanted)}
      />
      <Problem>{opening.problem || (session.problem ?? '')}</Problem>
      <p class="note" role="status" data-testid="settings-note">
        {note}
      </p>
      <div class="ending">
        <button type="button" data-testid="settings-end-live" onClick={sendAway}>
          Send everyone away
        </button>
        <button type="button" class="danger" data-testid="settings-end" onClick={end}>
          End the session
        </button>
      </div>
    </Dialog>
  );
}
