/** The editor with what stands above and below it. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { lazy } from '../ui/lazy.tsx';
import { useValue } from '../ui/store.ts';
import { isOverIn, mayWrite } from './jam.ts';
import { ListenCall } from './listen-call.tsx';
import { Picture } from './picture.tsx';
import { SaveBar } from './save-bar.tsx';
import { useJam, useSession } from './use-jam.ts';

const MiniKeys = lazy(async () => (await import('./later.ts')).MiniKeys);

/** Where fingers type: there is no keyboard with all of mini-notation's signs on it. */
const TOUCH = '(pointer: coarse)';

export function EditorPane() {
  const { editor, isWriting } = useJam();
  const place = useRef<HTMLDivElement>(null);
  const isWatching = useSession(({ role, connection }) => role === 'viewer' && !isOverIn(connection));
  const mayType = useSession(({ role, connection }) => mayWrite(role) && !isOverIn(connection));
  const isTyping = useValue(isWriting);
  useLayoutEffect(() => {
    place.current?.append(editor.element);
  }, [editor]);
  return (
    <section class="editor-column" aria-label="Pattern">
      <p class="viewer-note" hidden={!isWatching} data-testid="viewer-note">
        You are watching: only the host and co-authors can edit.
      </p>
      <div class="editor-place" ref={place} />
      <ListenCall />
      {isTyping && mayType && matchMedia(TOUCH).matches && <MiniKeys />}
      <Picture />
      <SaveBar />
    </section>
  );
}
