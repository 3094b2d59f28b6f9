/** Where the other participants are, as a part of the editor's state. */
import {
  type ChangeSet,
  EditorSelection,
  type EditorState,
  StateEffect,
  StateField,
} from '@codemirror/state';
import type { CollaborativeDocument, PeerSelection } from './ports.ts';
import { remoteChange } from './remote-change.ts';

/** A peer as it is drawn. */
export interface ShownPeer extends PeerSelection {
  /** Grows whenever they moved by themselves: then their name shows anew. */
  moves: number;
}

/** Whose edit a change is. */
export interface PeerEdit {
  authorId: string | undefined;
  source?: string | undefined;
}

/**
 * Moves selections with the text, each as its owner's editor moves it.
 * @param edit whose edit `changes` are: their caret goes to the end of what they put in, until their next
 *   selection arrives. Leave it out for an edit of this participant.
 */
export function movePeers<T extends PeerSelection>(
  peers: readonly T[],
  changes: ChangeSet,
  edit: PeerEdit = { authorId: undefined },
): readonly T[] {
  if (changes.empty || peers.length === 0) return peers;
  const movedId = idOfMoved(edit);
  return peers.map((peer) => {
    if (peer.id === movedId) {
      const at = endOfEdit(changes, peer.head);
      return { ...peer, anchor: at, head: at };
    }
    const { anchor, head } = EditorSelection.range(peer.anchor, peer.head).map(changes);
    return { ...peer, anchor, head };
  });
}

/** An AI's answer or a switch is no work of its author's caret. */
function idOfMoved({ authorId, source }: PeerEdit): string | undefined {
  return source === undefined || source === 'typed' || source === 'paste' ? authorId : undefined;
}

/** Of an edit in several places the one at the caret counts, else the last one. */
function endOfEdit(changes: ChangeSet, head: number): number {
  let end = 0;
  let isAtHead = false;
  changes.iterChanges((fromA, toA, _fromB, toB) => {
    if (isAtHead) return;
    isAtHead = fromA <= head && head <= toA;
    end = toB;
  });
  return end;
}

/** Replaces all peers. */
export const setPeers = StateEffect.define<readonly PeerSelection[]>();

const peersField = StateField.define<readonly ShownPeer[]>({
  create: () => [],
  update(peers, transaction) {
    let shown = peers;
    if (transaction.docChanged) {
      const remote = transaction.annotation(remoteChange);
      const edit = { authorId: remote?.author?.id, source: remote?.source };
      const movedId = idOfMoved(edit);
      shown = movePeers(peers, transaction.changes, edit).map((peer) =>
        peer.id === movedId ? { ...peer, moves: peer.moves + 1 } : peer,
      );
    }
    for (const effect of transaction.effects) {
      if (effect.is(setPeers)) shown = updated(shown, effect.value, transaction.state.doc.length);
    }
    return shown;
  },
});

function updated(
  shown: readonly ShownPeer[],
  peers: readonly PeerSelection[],
  length: number,
): readonly ShownPeer[] {
  const before = new Map(shown.map((peer) => [peer.id, peer]));
  return peers.map((peer) => {
    const [anchor, head] = [Math.min(peer.anchor, length), Math.min(peer.head, length)];
    const old = before.get(peer.id);
    const hasMoved = old?.anchor !== anchor || old.head !== head;
    return { ...peer, anchor, head, moves: (old?.moves ?? 0) + (hasMoved ? 1 : 0) };
  });
}

/**
 * The field, with those who are in the session when the editor is made.
 * @throws {RangeError} from the state's creation, when that isn't made with the document's text.
 */
export function peersOf(document: CollaborativeDocument) {
  return peersField.init(({ doc }) => {
    if (!doc.eq(document.text)) throw new RangeError('the editor must begin with the document’s text');
    return updated([], document.peers, doc.length);
  });
}

/** The other participants, as the editor shows them now. */
export function shownPeers(state: EditorState): readonly ShownPeer[] {
  return state.field(peersField, false) ?? [];
}
