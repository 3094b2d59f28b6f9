/** Play and stop for everybody; whether and how loud this participant hears it; and who pressed last. */
import { button, el, setText } from './dom.ts';
import { keepVolume, keptVolume } from './storage.ts';

type Signal = 'play' | 'stop';

export interface PlaybackActions {
  press(kind: Signal): void;
  listen(isListening: boolean): void;
  /** @param volume from 0 to 1. */
  setVolume(volume: number): void;
}

export interface PlaybackState {
  /** Something plays for all. */
  isPlaying: boolean;
  isListening: boolean;
  /** It is being loaded or evaluated. */
  isStarting: boolean;
}

export function createPlayback({ press, listen, setVolume }: PlaybackActions) {
  const transport = (kind: Signal, text: string, keys: string) =>
    button(
      text,
      {
        class: `transport ${kind}`,
        'data-testid': kind,
        title: `${text} for everybody (${keys})`,
        onclick: () => press(kind),
      },
      el('span', { class: 'glyph', 'aria-hidden': 'true' }),
    );
  const play = transport('play', 'Play', 'Ctrl or ⌘ and Enter');
  const stop = transport('stop', 'Stop', 'Ctrl or ⌘ and .');
  const listening = button('Listen', {
    class: 'listen',
    'data-testid': 'listen',
    'aria-pressed': 'false',
    title: 'Hear what plays, on this device',
    onclick: () => listen(listening.getAttribute('aria-pressed') !== 'true'),
  });
  const volume = el('input', {
    type: 'range',
    min: '0',
    max: '100',
    value: String(Math.round(keptVolume() * 100)),
    class: 'volume',
    'aria-label': 'Volume on this device',
    'data-testid': 'volume',
    oninput: () => {
      setVolume(volume.valueAsNumber / 100);
      keepVolume(volume.valueAsNumber / 100);
    },
  });
  const last = el('p', { class: 'playback-last', role: 'status', 'data-testid': 'playback' });
  const element = el(
    'div',
    { class: 'playback', 'data-playing': 'false' },
    play,
    stop,
    listening,
    volume,
    last,
  );
  setVolume(volume.valueAsNumber / 100);
  return {
    element,
    /** A participant pressed play or stop; with `isMe` it is worded for this user. */
    pressed(kind: Signal, name: string, isMe: boolean) {
      setText(last, `${isMe ? 'You' : name} pressed ${kind}`);
    },
    render({ isPlaying, isListening, isStarting }: PlaybackState) {
      element.dataset.playing = String(isPlaying);
      element.dataset.starting = String(isStarting);
      listening.setAttribute('aria-pressed', String(isListening));
      // What can be heard and isn't is what a participant who joined is to find.
      listening.dataset.missing = String(isPlaying && !isListening);
    },
    setEnabled(isEnabled: boolean) {
      play.disabled = !isEnabled;
      stop.disabled = !isEnabled;
    },
  };
}
