/** A pattern that plays before anything is asked. The player is loaded when it is first wanted. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { PLAYER_PATH, type Place, type Unheard } from '../../../protocol/player.ts';
import type { Player } from '../../player/player.ts';
import { withStop } from '../../sdk/sentence.ts';
import { keptVolume } from '../storage.ts';
import { Icon } from '../ui/icon.tsx';

type State = 'silent' | 'loading' | 'playing';

interface DemoProps {
  code: string;
  /** Where the player is. */
  playerPath?: string;
  /** What else can be done with it. */
  children?: ComponentChildren;
}

export function Demo({ code, playerPath = PLAYER_PATH, children }: DemoProps) {
  const [state, setState] = useState<State>('silent');
  const [places, setPlaces] = useState<readonly Place[]>([]);
  const [problem, setProblem] = useState('');
  const [unheard, setUnheard] = useState<readonly Unheard[]>([]);
  const player = useRef<Player | null>(null);
  const isWanted = useRef(false);
  useEffect(
    () => () => {
      isWanted.current = false;
      player.current?.dispose();
    },
    [],
  );

  const play = async () => {
    isWanted.current = true;
    setProblem('');
    setUnheard([]);
    setState('loading');
    try {
      player.current ??= await newPlayer(playerPath, setPlaces, setUnheard, () => setState('silent'));
      // It may have been stopped, or the page left, while it was loaded.
      if (!isWanted.current) return;
      const result = await player.current.evaluate(code);
      if (!isWanted.current) player.current.stop();
      else if (result.ok) setState('playing');
      else {
        setState('silent');
        setProblem(withStop(result.error.message));
      }
    } catch {
      setState('silent');
      setProblem('The player couldn’t be loaded. Reload the page to try again.');
    }
  };
  const stop = () => {
    isWanted.current = false;
    player.current?.stop();
    setState('silent');
  };

  const isSilent = state === 'silent';
  return (
    <figure class="demo" data-playing={state === 'playing'}>
      <section tabIndex={0} aria-label="An example pattern">
        <pre>
          <code>{marked(code, state === 'playing' ? places : [])}</code>
        </pre>
      </section>
      <figcaption>
        <button
          type="button"
          class="demo-play"
          data-testid="demo-play"
          aria-pressed={!isSilent}
          onClick={isSilent ? play : stop}
        >
          <Icon name={isSilent ? 'play' : 'stop'} />
          {isSilent ? 'Play it' : state === 'loading' ? 'Loading…' : 'Stop'}
        </button>
        {children}
        <span role="alert" class="problem">
          {problem}
        </span>
      </figcaption>
      <div role="status" data-testid="unheard">
        {state === 'playing' &&
          unheard.map(({ message }) => (
            <p class="dim" key={message}>
              {message}
            </p>
          ))}
      </div>
    </figure>
  );
}

async function newPlayer(
  path: string,
  onSounding: (places: readonly Place[]) => void,
  onUnheard: (sounds: readonly Unheard[]) => void,
  onStopped: () => void,
): Promise<Player> {
  const { Player } = await import('../../player/player.ts');
  const player = new Player({ path });
  player.setVolume(keptVolume());
  player.on('sounding', ({ places }) => onSounding(places));
  player.on('unheard', ({ sounds }) => onUnheard(sounds));
  player.on('stopped', onStopped);
  return player;
}

/** The code with what sounds marked. Places that overlap are marked once. */
function marked(code: string, places: readonly Place[]) {
  const parts = [];
  let at = 0;
  for (const { start, end } of [...places].sort((one, other) => one.start - other.start)) {
    if (start < at || end > code.length) continue;
    parts.push(code.slice(at, start), <mark key={start}>{code.slice(start, end)}</mark>);
    at = end;
  }
  parts.push(code.slice(at));
  return parts;
}
