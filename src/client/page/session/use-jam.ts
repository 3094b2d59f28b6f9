/** The session that a component is about. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Snapshot } from '../../sdk/session-client.ts';
import { useStore } from '../ui/store.ts';
import type { Jam } from './jam.ts';

export const JamContext = createContext<Jam | null>(null);

/** @throws {Error} outside of a session. */
export function useJam(): Jam {
  const jam = useContext(JamContext);
  if (!jam) throw new Error('this component belongs into a session');
  return jam;
}

/** What a component needs of the session's newest snapshot; it is drawn again when that is another value. */
export function useSession<Selected>(
  select: (snapshot: Snapshot) => Selected,
  isEqual?: (one: Selected, other: Selected) => boolean,
): Selected {
  return useStore(useJam().client, select, isEqual);
}
