/** Patterns to take from: examples for everybody, and saved strudels. */
import { EXAMPLES } from '../../../examples/index.ts';
import { mayWrite } from '../jam.ts';
import { useJam, useSession } from '../use-jam.ts';
import { StrudelsPanel } from './strudels-panel.tsx';

/** @param again shows the session anew, for a user who has signed in. */
export function LibraryPanel({ again }: { again(): void }) {
  return (
    <>
      <StrudelsPanel again={again} />
      <details class="examples">
        <summary data-testid="examples">Examples</summary>
        <ExampleList />
      </details>
    </>
  );
}

function ExampleList() {
  const { editor } = useJam();
  const canLoad = useSession(({ role, connection }) => mayWrite(role) && connection.state === 'open');
  return (
    <ul class="strudels">
      {EXAMPLES.map(({ id, title, says, code }) => (
        <li key={id} class="strudel">
          <p class="strudel-title">
            <strong>{title}</strong>
          </p>
          <p class="dim">{says}</p>
          <div class="strudel-actions">
            <button
              type="button"
              class="small"
              disabled={!canLoad}
              aria-label={`Use ${title}`}
              data-testid="example-use"
              onClick={() => editor.replace(code, 'loaded_strudel')}
            >
              Use it
            </button>
          </div>
        </li>
      ))}
    </ul>
  );
}
