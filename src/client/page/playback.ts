/** Play and stop: signals to the others, and a line that says who pressed last. */
import { el, setText } from './dom.ts';

export interface Playback {
  element: HTMLElement;
  /** A participant pressed play or stop; with `isMe` it is worded for this user. */
  pressed(kind: 'play' | 'stop', name: string, isMe: boolean): void;
  setEnabled(isEnabled: boolean): void;
}

export function createPlayback(press: (kind: 'play' | 'stop') => void): Playback {
  const button = (kind: 'play' | 'stop', text: string) =>
    el(
      'button',
      { type: 'button', class: `transport ${kind}`, 'data-testid': kind, onclick: () => press(kind) },
      el('span', { class: 'glyph', 'aria-hidden': 'true' }),
      text,
    );
  const play = button('play', 'Play');
  const stop = button('stop', 'Stop');
  const last = el('p', { class: 'playback-last', role: 'status', 'data-testid': 'playback' });
  const element = el('div', { class: 'playback', 'data-playing': 'false' }, play, stop, last);
  return {
    element,
    pressed(kind, name, isMe) {
      element.dataset.playing = String(kind === 'play');
      setText(last, `${isMe ? 'You' : name} pressed ${kind}`);
    },
    setEnabled(isEnabled) {
      play.disabled = !isEnabled;
      stop.disabled = !isEnabled;
    },
  };
}
