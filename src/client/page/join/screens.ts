/** The screens between the start and a session: one part of the page, loaded where an address asks for it. */
export { BeginScreen } from './begin-screen.tsx';
export { JoinScreen } from './join-screen.tsx';
export { NameScreen } from './name-screen.tsx';
