/** What the session's menu holds: what can be done about the session, and the page. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { pack } from '../../pattern/packed.ts';
import { currentAccount, signedInAs } from '../account.ts';
import type { View } from '../storage.ts';
import { chooseTheme, keptTheme, THEMES, type Theme } from '../theme.ts';
import { copyText } from '../ui/clipboard.tsx';
import { Icon, type IconName } from '../ui/icon.tsx';
import { lazy, lazyDialog } from '../ui/lazy.tsx';
import { ask } from '../ui/question.tsx';
import { useStore, useValue } from '../ui/store.ts';
import { toast } from '../ui/toasts.tsx';
import { isOverIn, mayWrite } from './jam.ts';
import { useJam, useSession } from './use-jam.ts';

const THEME_WORDS: Record<Theme, string> = { auto: 'as the device', light: 'light', dark: 'dark' };

const VIEW_WORDS: Record<View, string> = { roll: 'notes', scope: 'the wave', none: 'nothing' };
const NEXT_VIEW: Record<View, View> = { roll: 'scope', scope: 'none', none: 'roll' };

const LEAVING = {
  host:
    'The session goes on without you, and what plays goes on for the others. You stay its host: you find it ' +
    'on the start page when you come back. After a long pause it ends by itself, and its code stays yours. ' +
    'To end it for everyone now, open Session settings.',
  guest:
    'The session goes on without you. You find it on the start page, and can come back as long as its host ' +
    'keeps you in.',
};

const accountPart = () => import('../account/later.ts');
const AccountItems = lazy(async () => (await accountPart()).AccountItems);
const AccountDialog = lazyDialog(async () => (await accountPart()).AccountDialog);
const SignInDialog = lazyDialog(async () => (await accountPart()).SignInDialog);
const SettingsDialog = lazyDialog(async () => (await import('./later.ts')).SettingsDialog);

export type MenuDialog = 'settings' | 'account' | 'sign-in';

interface MenuItemsProps {
  close(): void;
  open(dialog: MenuDialog): void;
  /** The menu is open, or has been: before that nothing is asked of the server. */
  wasOpened: boolean;
}

export function MenuItems({ close, open, wasOpened }: MenuItemsProps) {
  const jam = useJam();
  const role = useSession((snapshot) => (isOverIn(snapshot.connection) ? null : snapshot.role));
  const isWriter = mayWrite(role);
  const view = useStore(jam.sound, (hearing) => hearing.view);
  const [theme, setTheme] = useState(keptTheme);
  const leave = () =>
    ask({
      heading: 'Leave the session?',
      text: LEAVING[role === 'host' ? 'host' : 'guest'],
      action: 'Leave',
      run: () => jam.leave(),
    });
  const copy = async () => {
    const isCopied = await copyText(jam.editor.code);
    toast(
      isCopied ? 'The code is copied.' : 'This browser doesn’t let the page copy.',
      isCopied ? 'info' : 'error',
    );
  };
  const format = async () => {
    const formatted = await jam.editor.format();
    if (formatted === 'unchanged') toast('It is formatted already.');
    else if (formatted !== 'formatted') toast(formatted.error, 'error');
  };
  const share = async (what: 'link' | 'frame') => {
    const link = `${location.origin}/pattern#${await pack(jam.editor.code)}`;
    const frame = `<iframe src="${link}" allow="autoplay" width="640" height="360" title="A pattern"></iframe>`;
    const isCopied = await copyText(what === 'link' ? link : frame);
    const done = what === 'link' ? 'A link to this pattern is copied.' : 'The HTML is copied.';
    toast(isCopied ? done : 'This browser doesn’t let the page copy.', isCopied ? 'info' : 'error');
  };
  const nextTheme = () => {
    const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
    chooseTheme(next);
    setTheme(next);
  };
  const item = (icon: IconName, testId: string, run: () => void, label: ComponentChildren) => (
    <li>
      <button
        type="button"
        data-testid={testId}
        onClick={() => {
          close();
          run();
        }}
      >
        <Icon name={icon} />
        {label}
      </button>
    </li>
  );
  return (
    <ul>
      {role === 'host' && item('settings', 'settings', () => open('settings'), 'Session settings')}
      {item('copy', 'copy-code', () => void copy(), 'Copy the code')}
      {isWriter && item('format', 'format', () => void format(), 'Format the code')}
      {item('find', 'find', () => void jam.editor.find(), 'Find and replace')}
      {item('link', 'pattern-link', () => void share('link'), 'Copy a link to this pattern')}
      {item('embed', 'pattern-embed', () => void share('frame'), 'Copy HTML to embed it')}
      {item(
        'download',
        'download-code',
        () => download(jam.editor.code, jam.title.snapshot),
        'Download as a file',
      )}
      <li>
        <button type="button" data-testid="picture" onClick={() => jam.sound.show(NEXT_VIEW[view])}>
          <Icon name="sounds" />
          Below the code: {VIEW_WORDS[view]}
        </button>
      </li>
      <li>
        <button type="button" data-testid="theme" onClick={nextTheme}>
          <Icon name="theme" />
          Colours: {THEME_WORDS[theme]}
        </button>
      </li>
      {role !== null && item('leave', 'leave', leave, 'Leave the session')}
      {wasOpened && (
        <AccountItems isEnteredAs={({ subject }) => jam.subject === subject} close={close} open={open} />
      )}
    </ul>
  );
}

interface MenuDialogsProps {
  dialog: MenuDialog;
  close(): void;
  again(): void;
}

/** What the menu opens. It stays when the menu is closed. */
export function MenuDialogs({ dialog, close, again }: MenuDialogsProps) {
  const isHost = useSession(({ role, connection }) => role === 'host' && !isOverIn(connection));
  // Also by another tab.
  useValue(signedInAs);
  const account = currentAccount();
  if (dialog === 'settings') return isHost ? <SettingsDialog onClose={close} /> : null;
  if (dialog === 'sign-in') return <SignInDialog onClose={close} onSignedIn={again} />;
  // The session goes on as it is under another name, until it is entered again.
  return account && <AccountDialog account={account} onClose={close} onAccount={() => {}} />;
}

/** Saves the code under the session's title. */
function download(code: string, title: string | null): void {
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = `${(title ?? '').replace(/[^\p{L}\p{N} _-]+/gu, '').trim() || 'pattern'}.js`;
  link.click();
  URL.revokeObjectURL(address);
}
