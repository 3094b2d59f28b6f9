/** Play and stop for everybody, and whether and how loud this participant hears it. */
import { Icon, IconButton } from '../ui/icon.tsx';
import { useValue } from '../ui/store.ts';
import { isOverIn, mayWrite } from './jam.ts';
import { useJam, useSession } from './use-jam.ts';

/** A cycle is a bar of four beats, as most patterns have it. */
const BEATS_A_CYCLE = 4;

export function TransportControls() {
  const { sound } = useJam();
  const { isListening, isStarting, volume } = useValue(sound);
  const transport = useSession((snapshot) => snapshot.transport);
  const canPress = useSession(({ role, connection }) => connection.state === 'open' && mayWrite(role));
  const isOver = useSession(({ connection }) => isOverIn(connection));
  if (isOver) return null;
  const isPlaying = transport !== null;
  return (
    <div class="playback" data-playing={isPlaying} data-starting={isStarting}>
      <button
        type="button"
        class="play"
        data-testid="play"
        title="Play what is written, for everybody (Ctrl or ⌘ and Enter)"
        disabled={!canPress}
        onClick={() => sound.press('play')}
      >
        <Icon name="play" />
        <span>{isPlaying ? 'Update' : 'Play'}</span>
      </button>
      <IconButton
        icon="stop"
        class="stop"
        label="Stop for everybody (Ctrl or ⌘ and .)"
        testId="stop"
        disabled={!canPress}
        onClick={() => sound.press('stop')}
      />
      <button
        type="button"
        id="listen"
        class="listen"
        data-testid="listen"
        aria-pressed={isListening}
        title="Hear what plays, on this device"
        // What can be heard and isn't is what a participant who joined is to find.
        data-missing={isPlaying && !isListening}
        onClick={() => sound.listen(!isListening)}
      >
        <Icon name="listen" />
        <span>Listen</span>
      </button>
      <input
        type="range"
        class="volume"
        min="0"
        max="100"
        value={Math.round(volume * 100)}
        aria-label="Volume on this device"
        data-testid="volume"
        onInput={(event) => sound.setVolume(event.currentTarget.valueAsNumber / 100)}
      />
      <span class="tempo">
        {transport && (
          <span title={`${transport.cps.toFixed(3)} cycles a second`} data-testid="tempo">
            {Math.round(transport.cps * 60 * BEATS_A_CYCLE)} bpm
          </span>
        )}
      </span>
    </div>
  );
}
