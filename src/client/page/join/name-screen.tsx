/** The screen behind a session's plain address for a user who isn't known to this browser. */
import { rememberName } from '../storage.ts';
import { NameForm } from './name-form.tsx';

/** @param onNamed the name is remembered. */
export function NameScreen({ onNamed }: { onNamed(): void }) {
  return (
    <NameForm
      heading="Look in"
      action="Look in"
      name=""
      submit={async (name) => {
        rememberName(name);
        onNamed();
      }}
    >
      <p class="dim">
        You don’t need an invite where a session is open to everyone. The others will see you under this name.
      </p>
    </NameForm>
  );
}
