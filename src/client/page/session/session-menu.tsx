/** The session's menu. Its items are loaded once the session is shown, what they open when it is opened. */
import { useRef, useState } from 'preact/hooks';
import { IconButton } from '../ui/icon.tsx';
import { lazy } from '../ui/lazy.tsx';
import type { MenuDialog } from './menu-items.tsx';

const MenuItems = lazy(async () => (await import('./menu-items.tsx')).MenuItems);
const MenuDialogs = lazy(async () => (await import('./menu-items.tsx')).MenuDialogs);

/** @param props.again shows the same session anew, for another person. */
export function SessionMenu({ again }: { again(): void }) {
  const [dialog, open] = useState<MenuDialog | null>(null);
  const [wasOpened, setOpened] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  return (
    <>
      <IconButton icon="more" label="More" class="menu-button" testId="menu" popovertarget="session-menu" />
      <div id="session-menu" class="menu" popover="auto" ref={menu} onBeforeToggle={() => setOpened(true)}>
        <MenuItems close={() => menu.current?.hidePopover()} open={open} wasOpened={wasOpened} />
      </div>
      {dialog && <MenuDialogs dialog={dialog} close={() => open(null)} again={again} />}
    </>
  );
}
