/** The signs of mini-notation, which a phone's keyboard hides behind others. */
import { MINI_KEYS } from '../../editor/writing.ts';
import { useJam } from './use-jam.ts';

export function MiniKeys() {
  const { editor } = useJam();
  return (
    <div class="mini-keys" role="toolbar" aria-label="Signs of mini-notation" data-testid="mini-keys">
      {MINI_KEYS.map(({ key, name }) => (
        <button
          key={key}
          type="button"
          aria-label={name}
          title={name}
          // The editor keeps the focus, and so the phone its keyboard.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => void editor.insertKey(key)}
        >
          {key}
        </button>
      ))}
    </div>
  );
}
