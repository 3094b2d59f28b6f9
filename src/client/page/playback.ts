/** Play and stop: signals to the others, and a line that says who pressed last. */
import { button, el, setText } from './dom.ts';

type Signal = 'play' | 'stop';

export function createPlayback(press: (kind: Signal) => void) {
  const transport = (kind: Signal, text: string) =>
    button(
      text,
      { class: `transport ${kind}`, 'data-testid': kind, onclick: () => press(kind) },
      el('span', { class: 'glyph', 'aria-hidden': 'true' }),
    );
  const play = transport('play', 'Play');
  const stop = transport('stop', 'Stop');
  const last = el('p', { class: 'playback-last', role: 'status', 'data-testid': 'playback' });
  const element = el('div', { class: 'playback', 'data-playing': 'false' }, play, stop, last);
  return {
    element,
    /** A participant pressed play or stop; with `isMe` it is worded for this user. */
    pressed(kind: Signal, name: string, isMe: boolean) {
      element.dataset.playing = String(kind === 'play');
      setText(last, `${isMe ? 'You' : name} pressed ${kind}`);
    },
    setEnabled(isEnabled: boolean) {
      play.disabled = !isEnabled;
      stop.disabled = !isEnabled;
    },
  };
}
