/** What a session doesn't begin with: one part of the page, loaded for the first of it. */
export { MiniKeys } from './mini-keys.tsx';
export { NameDialog } from './name-dialog.tsx';
export { AiPanel } from './panels/ai-panel.tsx';
export { BeenHere } from './panels/been-here.tsx';
export { HistoryPanel } from './panels/history-panel.tsx';
export { LibraryPanel } from './panels/library-panel.tsx';
export { OlderMessages } from './panels/older-messages.tsx';
export { SoundsPanel } from './panels/sounds-panel.tsx';
export { SettingsDialog } from './settings-dialog.tsx';
export { ShareDialog } from './share-dialog.tsx';
