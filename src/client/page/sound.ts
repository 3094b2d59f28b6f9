/**
 * What a session's page makes heard: the controls, what sounds marked in the editor, and what doesn't run.
 */
import type { PlayerError } from '../../protocol/player.ts';
import { Player } from '../player/player.ts';
import { SharedPlayback } from '../player/shared-playback.ts';
import { sentence } from '../sdk/sentence.ts';
import type { SessionClient, Snapshot } from '../sdk/session-client.ts';
import type { Editor } from './editor.ts';
import { createPlayback } from './playback.ts';
import type { Toasts } from './toasts.ts';

export interface SoundParts {
  client: SessionClient;
  /** Made after this: its keys press Play and Stop. */
  editor: () => Pick<Editor, 'code' | 'showPlayed' | 'showSounding' | 'showProblem'>;
  toasts: Pick<Toasts, 'show'>;
}

export function createSound({ client, editor, toasts }: SoundParts) {
  const playback = new SharedPlayback(client, new Player());
  const controls = createPlayback({
    press: (kind) => void press(kind),
    listen: (isListening) => playback.listen(isListening),
    setVolume: (volume) => playback.setVolume(volume),
  });

  /** For everybody; where this participant can't, what they hear themselves. */
  async function press(kind: 'play' | 'stop'): Promise<void> {
    const { role, connection } = client.snapshot;
    const isOpen = connection.state === 'open';
    if (role === 'viewer' || !isOpen) {
      playback.listen(kind === 'play' && isOpen);
      if (role !== 'viewer') toasts.show('Not connected.', 'error');
      return;
    }
    if (kind === 'stop') playback.stop();
    else if ((await playback.play(editor().code)) !== 'played') return;
    controls.pressed(kind, '', true);
  }

  function render(): void {
    const { isListening, isStarting } = playback;
    controls.render({ isPlaying: client.snapshot.transport !== null, isListening, isStarting });
  }

  playback.on('change', render);
  playback.on('playing', (code) => editor().showPlayed(code));
  playback.on('sounding', (places) => editor().showSounding(places));
  playback.on('problem', (problem) => {
    if (!problem) {
      editor().showProblem(null);
      return;
    }
    const { code, error } = problem;
    // A line of what plays is another one in the text, where that has been changed.
    if (error.line !== null && code === editor().code) {
      editor().showProblem({ message: sentence(error.message), line: error.line });
    } else toasts.show(wordsOf(error), 'error');
  });
  client.on('play', ({ display_name }) => controls.pressed('play', display_name, false));
  client.on('stop', ({ display_name }) => controls.pressed('stop', display_name, false));

  return {
    element: controls.element,
    press: (kind: 'play' | 'stop') => void press(kind),
    render({ role, connection: { state } }: Snapshot) {
      controls.setEnabled(state === 'open' && (role === 'host' || role === 'co-author'));
      render();
    },
    /** The session is over, or has been left: nothing of it is heard any more. */
    silence: () => playback.listen(false),
    dispose: () => playback.dispose(),
  };
}

/** What the player says of a pattern, with its line. */
const wordsOf = ({ line, message }: PlayerError) => (line === null ? message : `Line ${line}: ${message}`);
