/** What those see on the start who have been here before. */
export { BrowserSessions } from './browser-sessions.tsx';
export { YourSessions } from './your-sessions.tsx';
