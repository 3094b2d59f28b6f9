/** Starts a session under a name and a title. */
import { MAX_DISPLAY_NAME_CHARS, MAX_TITLE_CHARS } from '../../../protocol/limits.ts';
import type { Account } from '../account.ts';
import { rememberedName, rememberName } from '../storage.ts';
import { Field, Form, textOf } from '../ui/form.tsx';
import { FIRST_CODE } from './first-code.ts';
import { startSession } from './new-session.ts';

interface MakeCardProps {
  account: Account | null;
  /** What the session begins with. */
  code?: string;
}

export function MakeCard({ account, code = FIRST_CODE }: MakeCardProps) {
  return (
    <section class="card" aria-labelledby="make-heading">
      <h2 id="make-heading">Start a session</h2>
      <Form
        labelledBy="make-heading"
        action="Start"
        submitTestId="make-submit"
        draft="make"
        submit={async (fields) => {
          const displayName = textOf(fields, 'name');
          await startSession({ account, displayName, title: textOf(fields, 'title'), code });
          rememberName(displayName);
        }}
      >
        <Field
          label="Your name"
          id="make-name"
          name="name"
          required
          maxLength={MAX_DISPLAY_NAME_CHARS}
          defaultValue={rememberedName() || account?.name || ''}
          autocomplete="nickname"
          data-testid="make-name"
        />
        <Field
          label="Session title"
          id="make-title"
          name="title"
          maxLength={MAX_TITLE_CHARS}
          placeholder="Friday jam"
          data-testid="make-title"
        />
      </Form>
      <p class="hint">
        {account
          ? 'It is kept under your account: you can come back to it from anywhere.'
          : 'No account needed. Without one, only this browser can come back to it as the host.'}
      </p>
    </section>
  );
}
