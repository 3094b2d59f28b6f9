/**
 * Says in words that something plays which this participant doesn't hear yet. It stands below the code, where
 * it covers nothing and moves nothing that is pressed.
 */
import { Icon, IconButton } from '../ui/icon.tsx';
import { useStore } from '../ui/store.ts';
import { isOverIn } from './jam.ts';
import { useJam, useSession } from './use-jam.ts';

const FINGER = '(pointer: coarse)';

export function ListenCall() {
  const { sound } = useJam();
  const isMissing = useStore(sound, ({ isListening, isCallDone }) => !isListening && !isCallDone);
  const isPlaying = useSession(({ transport, connection }) => transport !== null && !isOverIn(connection));
  const player = useSession(({ transport, participants, self }) => {
    const by = transport?.by ?? '';
    // After a reload one's own pattern goes on, and isn't heard here.
    return participants.some(({ display_name }, index) => display_name === by && index !== self) ? by : null;
  });
  const isCalling = isMissing && isPlaying;
  return (
    <>
      {/* Without a name: another one who presses Play is nothing to say again. */}
      <p class="visually-hidden" role="status" data-testid="listen-said">
        {isCalling && 'Music plays that you don’t hear yet. Press Listen.'}
      </p>
      {isCalling && (
        <div class="listen-call" data-testid="listen-call">
          <button
            type="button"
            class="listen-call-press"
            data-testid="listen-call-press"
            // The editor keeps the focus, and so a phone its keyboard.
            onMouseDown={(event) => event.preventDefault()}
            onClick={(event) => {
              passFocusOn(event.currentTarget);
              sound.listen(true);
            }}
          >
            <Icon name="listen" />
            <span class="listen-call-who">{player === null ? 'Music plays' : `${player} plays`}</span>{' '}
            <span class="listen-call-how">· {matchMedia(FINGER).matches ? 'Tap' : 'Click'} to listen</span>
          </button>
          <IconButton
            icon="close"
            label="Not now"
            testId="listen-call-dismiss"
            onMouseDown={(event) => event.preventDefault()}
            onClick={(event) => {
              passFocusOn(event.currentTarget);
              sound.dismissCall();
            }}
          />
        </div>
      )}
    </>
  );
}

/** What has the focus goes: Listen, which stays, is what it was about. */
function passFocusOn(button: Element): void {
  if (document.activeElement === button) document.getElementById('listen')?.focus();
}
