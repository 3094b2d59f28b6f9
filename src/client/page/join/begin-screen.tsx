/** Where a pattern's link leads those who want to play with it: a session that begins with its code. */
import { useEffect, useState } from 'preact/hooks';
import { unpack } from '../../pattern/packed.ts';
import { currentAccount } from '../account.ts';
import { MakeCard } from '../start/make-card.tsx';

export function BeginScreen({ packed }: { packed: string }) {
  const [code, setCode] = useState<string | null | undefined>(undefined);
  useEffect(() => {
    void unpack(packed).then(setCode);
  }, [packed]);
  if (code === undefined) return null;
  return (
    <main class="centre">
      {code === null ? (
        <section class="card" aria-labelledby="begin-heading">
          <h1 id="begin-heading">This link has no pattern in it</h1>
          <p class="dim">A part of it may have been cut off.</p>
          <a href="#/">To the start</a>
        </section>
      ) : (
        <MakeCard account={currentAccount()} code={code} />
      )}
    </main>
  );
}
