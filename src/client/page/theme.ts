/** Light or dark: as the device has it, unless this browser's user has chosen. `boot.ts` applies it first. */
import { browserKeeper } from './keeping.ts';
import { Store } from './ui/store.ts';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'backbeat:theme';

const isDarkDevice = matchMedia('(prefers-color-scheme: dark)');

/** What is shown. */
export const shownTheme = new Store<'light' | 'dark'>(shown());
isDarkDevice.addEventListener('change', () => shownTheme.set(shown()));

export function keptTheme(): Theme {
  const { theme: chosen } = document.documentElement.dataset;
  return THEMES.find((theme) => theme === chosen) ?? 'auto';
}

/** Shows it from now on, and remembers it. */
export function chooseTheme(theme: Theme): void {
  browserKeeper.set(KEY, theme);
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  shownTheme.set(shown());
}

function shown(): 'light' | 'dark' {
  const theme = keptTheme();
  if (theme !== 'auto') return theme;
  return isDarkDevice.matches ? 'dark' : 'light';
}
