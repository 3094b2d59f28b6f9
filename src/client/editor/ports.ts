/**
 * What the editor needs of the session: a text that the room merges, and where the other participants are.
 *
 * Positions and lengths are UTF-16 code units, as CodeMirror counts them. Lines end with `\n` only.
 */
import type { ChangeSet, Text } from '@codemirror/state';

/** How an edit of this participant came about. */
export interface EditOrigin {
  source: 'typed' | 'paste' | 'loaded_strudel' | 'forked';
}

/**
 * A change by the room: another participant's edit, an AI's answer, a switch, the difference after a
 * reconnect. It is made on the local text as it is.
 */
export interface RemoteChange {
  changes: ChangeSet;
  /** Null when it came with a session's state. `id` is the one that the participant's selection has. */
  author: { id: string; name: string } | null;
  /** `ai` for an AI's answer, `loaded_strudel` for a switch; otherwise as in `EditOrigin`. */
  source?: string;
  /** The revision that it made; null when it came with a session's state. */
  rev: number | null;
  /** Of a change that takes back what the room changed at a revision (odd turns), or makes it again. */
  takesBack?: { rev: number; turn: number };
  /** This participant asked for it (an AI's answer, a switch): undoing takes it back as one step. */
  isOwnRequest: boolean;
}

/** What the room is asked for: to take back what it changed at a revision, or to make it again. */
export interface TakeBack {
  /** What does so in the local text. */
  changes: ChangeSet;
  rev: number;
  /** How often it was done and undone, this time included: the room takes each turn once. */
  turn: number;
  /** The change is to come as an own request. */
  isStep: boolean;
}

/** Where another participant is: a caret when both positions are equal, a selection otherwise. */
export interface PeerSelection {
  id: string;
  name: string;
  /** 0 to 11, assigned by the room. */
  color: number;
  anchor: number;
  head: number;
}

/** The shared text as this participant sees it. */
export interface CollaborativeDocument {
  /** The local text, own edits included. */
  readonly text: Text;
  /** Everybody else in the session, at positions of `text`. Those who haven't moved yet are at 0. */
  readonly peers: readonly PeerSelection[];
  /**
   * Takes an edit, made on `text`. The editor is in the middle of an update then: listeners must not be
   * called before this returns.
   */
  edit(changes: ChangeSet, origin: EditOrigin): void;
  /** Takes this participant's selection, in `text`. */
  select(anchor: number, head: number): void;
  /**
   * Asks the room to take back what it changed. Its change comes like any other.
   * @param request null: there is nothing to ask for, as it is done already or its text is gone.
   * @returns `already` where others have done so.
   */
  takeBack(request: TakeBack | null): Promise<'done' | 'already' | 'failed'>;
  /** `text` has the change already when a listener is called. @returns ends it. */
  onChange(listener: (change: RemoteChange) => void): () => void;
  /**
   * Calls with everybody else whenever a participant moved, joined or left. Between two calls positions move
   * with the text (`movePeers`). @returns ends it.
   */
  onSelections(listener: (peers: readonly PeerSelection[]) => void): () => void;
}
