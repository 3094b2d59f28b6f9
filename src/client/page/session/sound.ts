/** What of a session is heard on this page: its controls, and what the editor shows of it. */
import { MAX_UNHEARD, type PlayerError, type SoundName, type Unheard } from '../../../protocol/player.ts';
import type { SoundingPlace, UnheardSound } from '../../editor/index.ts';
import type { Vocabulary } from '../../editor/writing.ts';
import { Player } from '../../player/player.ts';
import { SharedPlayback } from '../../player/shared-playback.ts';
import { withStop } from '../../sdk/sentence.ts';
import type { SessionClient } from '../../sdk/session-client.ts';
import { keepView, keepVolume, keptView, keptVolume, type View } from '../storage.ts';
import { shownTheme } from '../theme.ts';
import { Store } from '../ui/store.ts';
import { toast } from '../ui/toasts.tsx';
import { visualOf } from './visual.ts';

export type Signal = 'play' | 'stop';

export interface Hearing {
  /** What plays for all is to be heard here. */
  isListening: boolean;
  /** It is being loaded or evaluated. */
  isStarting: boolean;
  /** The participant has chosen whether to hear it: nothing has to call them to it any more. */
  isCallDone: boolean;
  /** From 0 to 1. */
  volume: number;
  /** The picture of what sounds. */
  view: View;
  /** Who pressed what last, in words; empty at first. */
  last: string;
}

/** What the editor shows of what plays. */
interface EditorSide {
  code(): string;
  showPlayed(code: string | null): void;
  showSounding(places: readonly SoundingPlace[]): void;
  showProblem(problem: { message: string; line: number } | null): void;
  showUnheard(sounds: readonly UnheardSound[]): readonly UnheardSound[];
  setVocabulary(names: Vocabulary): void;
}

export class Sound extends Store<Hearing> {
  /** Where the picture is. It has the player's frame, so it must stay where it was put. */
  readonly picture = document.createElement('div');
  /** Null until the player has said them. */
  readonly sounds = new Store<readonly SoundName[] | null>(null);
  readonly #client: SessionClient;
  readonly #player: Player;
  readonly #playback: SharedPlayback;
  readonly #editor: EditorSide;
  #isPlaying = false;
  /** What was said of the code that plays. */
  readonly #toldUnheard = new Set<string>();
  readonly #endTheme: () => void;

  constructor(client: SessionClient, editor: EditorSide) {
    const volume = keptVolume();
    super({
      isListening: false,
      isStarting: false,
      isCallDone: false,
      volume,
      view: keptView(),
      last: '',
    });
    this.#client = client;
    this.#editor = editor;
    this.picture.className = 'picture';
    this.#player = new Player({ container: this.picture });
    const playback = new SharedPlayback(client, this.#player);
    this.#playback = playback;
    playback.setVolume(volume);
    playback.on('change', () => {
      const { isListening, isStarting } = playback;
      this.set({ ...this.snapshot, isListening, isStarting });
    });
    playback.on('playing', (code) => this.#showPlayed(code));
    playback.on('sounding', (places) => editor.showSounding(places));
    playback.on('unheard', (sounds) => this.#showUnheard(sounds));
    playback.on('problem', (problem) => this.#showProblem(problem));
    playback.on('names', (names) => {
      this.sounds.set(names.sounds);
      editor.setVocabulary(names);
    });
    this.#endTheme = shownTheme.subscribe(() => this.#draw());
    this.#draw();
    client.on('play', ({ display_name }) => this.#pressed('play', display_name));
    client.on('stop', ({ display_name }) => this.#pressed('stop', display_name));
  }

  /** Plays or stops for everybody; where this participant can't, what they hear themselves. */
  press(kind: Signal): void {
    void this.#press(kind);
  }

  listen(isListening: boolean): void {
    this.#playback.listen(isListening);
    // Sound that ends by itself, with a lost player, may call again.
    if (!isListening) this.dismissCall();
  }

  /** The participant doesn't want to hear it now. */
  dismissCall(): void {
    this.set({ ...this.snapshot, isCallDone: true });
  }

  /** @param volume from 0 to 1. */
  setVolume(volume: number): void {
    this.#playback.setVolume(volume);
    keepVolume(volume);
    this.set({ ...this.snapshot, volume });
  }

  /** Shows another picture of what sounds, or none. */
  show(view: View): void {
    keepView(view);
    this.set({ ...this.snapshot, view });
    this.#draw();
  }

  /** Has the player say which sounds there are, also before anything plays. */
  askSounds(): void {
    this.#player.load();
  }

  /** Plays one sound once, for this participant alone. @param sound with a variation or without: `bd:2` */
  preview(sound: string, note?: number): void {
    this.#player.preview(sound, note);
  }

  /** The session is over, or has been left: nothing of it is heard any more. */
  silence(): void {
    this.#playback.listen(false);
  }

  dispose(): void {
    this.#endTheme();
    this.#playback.dispose();
  }

  #draw(): void {
    const { view } = this.snapshot;
    this.#player.show(view === 'none' ? null : visualOf(view));
  }

  async #press(kind: Signal): Promise<void> {
    const { role, connection } = this.#client.snapshot;
    const isOpen = connection.state === 'open';
    if (role === 'viewer' || !isOpen) {
      this.listen(kind === 'play' && isOpen);
      if (role !== 'viewer') toast('Not connected.', 'error');
      return;
    }
    if (kind === 'stop') this.#playback.stop();
    else if ((await this.#playback.play(this.#editor.code())) !== 'played') return;
    this.#pressed(kind, 'You');
  }

  #pressed(kind: Signal, name: string): void {
    this.set({ ...this.snapshot, last: `${name} pressed ${kind}` });
  }

  #showPlayed(code: string | null): void {
    this.#toldUnheard.clear();
    this.#editor.showPlayed(code);
    const begins = code !== null && !this.#isPlaying;
    this.#isPlaying = code !== null;
    if (begins && this.snapshot.volume === 0) toast('It plays, but the volume on this device is at 0.');
  }

  /** In the editor, or else in a notice: the text may be another one than what plays. */
  #showUnheard(sounds: readonly Unheard[]): void {
    const nowhere = this.#editor.showUnheard(sounds);
    for (const sound of sounds) {
      if (sound.kind === 'loading' || this.#toldUnheard.has(sound.message)) continue;
      if (this.#toldUnheard.size >= MAX_UNHEARD) return;
      this.#toldUnheard.add(sound.message);
      if (nowhere.includes(sound)) toast(sound.message);
    }
  }

  #showProblem(problem: { code: string; error: PlayerError } | null): void {
    if (!problem) {
      this.#editor.showProblem(null);
      return;
    }
    const { code, error } = problem;
    // A line of what plays is another one in the text, where that has been changed.
    if (error.line !== null && code === this.#editor.code()) {
      this.#editor.showProblem({ message: withStop(error.message), line: error.line });
    } else toast(wordsOf(error), 'error');
  }
}

/** What the player says of a pattern, with its line. */
const wordsOf = ({ line, message }: PlayerError) => (line === null ? message : `Line ${line}: ${message}`);
