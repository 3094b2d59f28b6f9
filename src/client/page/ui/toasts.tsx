/** Short notices that go away by themselves. Screen readers hear them as they come. */
import { IconButton } from './icon.tsx';
import { Store, useValue } from './store.ts';

const SHOWN_MS = 6_000;
const SHOWN_AT_ONCE = 3;

export type ToastKind = 'info' | 'error';

interface Toast {
  id: number;
  text: string;
  kind: ToastKind;
}

const shown = new Store<readonly Toast[]>([]);
let made = 0;

/** Shows a notice; the same one isn't shown twice at a time. */
export function toast(text: string, kind: ToastKind = 'info'): void {
  if (shown.snapshot.some((other) => other.text === text)) return;
  const id = made++;
  shown.set([...shown.snapshot, { id, text, kind }].slice(-SHOWN_AT_ONCE));
  setTimeout(() => dismiss(id), SHOWN_MS);
}

/** Takes all notices away: something else says it all now. */
export function clearToasts(): void {
  shown.set([]);
}

function dismiss(id: number): void {
  if (shown.snapshot.some((one) => one.id === id)) shown.set(shown.snapshot.filter((one) => one.id !== id));
}

/** Where notices are shown: once in the page. */
export function ToastPlace() {
  return (
    <div class="toasts" role="status" aria-live="polite" data-testid="toasts">
      {useValue(shown).map(({ id, text, kind }) => (
        <div key={id} class={`toast toast-${kind}`}>
          <span>{text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
