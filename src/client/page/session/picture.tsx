/** What sounds, as a picture below the code: the piano roll or the oscilloscope. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useStore } from '../ui/store.ts';
import { useJam } from './use-jam.ts';

export function Picture() {
  const { sound } = useJam();
  const view = useStore(sound, (hearing) => hearing.view);
  const isHeard = useStore(sound, (hearing) => hearing.isListening);
  const place = useRef<HTMLDivElement>(null);
  // It stays in the page as long as the session does: a frame that is moved loads anew.
  useLayoutEffect(() => {
    place.current?.append(sound.picture);
  }, [sound]);
  const isShown = isHeard && view !== 'none';
  return (
    <div class="picture-place" data-shown={isShown}>
      <div ref={place} />
      {isShown && (
        <button
          type="button"
          class="picture-view"
          data-testid="view"
          onClick={() => sound.show(view === 'roll' ? 'scope' : 'roll')}
        >
          <span>{view === 'roll' ? 'Show wave' : 'Show notes'}</span>
        </button>
      )}
    </div>
  );
}
