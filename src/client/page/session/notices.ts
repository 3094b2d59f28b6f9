/** What most sessions never say: loaded for the first of it. */
export { KnockRow } from './knock-row.tsx';
export { OfferedTextNotice } from './offered-text.tsx';
export { SessionNotice } from './session-notice.tsx';
