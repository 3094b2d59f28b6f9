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
        Where a session is open to everyone you can look in at once; elsewhere you can ask its host to let you
        in. The others will see the name that you give.
      </p>
    </NameForm>
  );
}
