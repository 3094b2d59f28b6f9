import { useEffect, useState } from 'preact/hooks';
import { EMBEDDED_PLAYER_PATH } from '../../protocol/player.ts';
import { Demo } from '../page/start/demo.tsx';
import { unpack } from './packed.ts';

type Found = { packed: string; code: string } | 'nothing' | null;

export function PatternPage() {
  const [found, setFound] = useState<Found>(null);
  useEffect(() => {
    const look = async () => {
      const packed = location.hash.slice(1);
      const code = await unpack(packed);
      setFound(code === null ? 'nothing' : { packed, code });
    };
    void look();
    window.addEventListener('hashchange', look);
    return () => window.removeEventListener('hashchange', look);
  }, []);
  if (found === null) return null;
  if (found === 'nothing') {
    return (
      <main class="pattern">
        <p role="alert">This link has no pattern in it. A part of it may have been cut off.</p>
        <a href="/" target="_blank" rel="noopener">
          To Backbeat
        </a>
      </main>
    );
  }
  return (
    <main class="pattern">
      <h1 class="visually-hidden">A pattern</h1>
      <Demo key={found.packed} code={found.code} playerPath={EMBEDDED_PLAYER_PATH}>
        <a href={`/#/begin/${found.packed}`} target="_blank" rel="noopener" data-testid="pattern-jam">
          Jam with it
        </a>
      </Demo>
    </main>
  );
}
