/** The editor's extension for a shared text: edits go out, the room's changes come in. */
import type { Extension } from '@codemirror/state';
import { type EditorView, type PluginValue, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { HeldChanges } from './held-changes.ts';
import { peerLayers } from './peer-layers.ts';
import { peersOf, setPeers } from './peers.ts';
import type { CollaborativeDocument, RemoteChange } from './ports.ts';
import { originOf, remoteChange, remoteTransaction } from './remote-change.ts';

/**
 * How long the browser may take to show CodeMirror what an input event changed: two frames, with some room.
 * On touch devices CodeMirror reads it in a later frame, and drops it when it is updated in between.
 */
const UNREAD_INPUT_MS = 50;
/** How often is looked whether what is held may be made. */
const RELEASE_CHECK_MS = 30;
/**
 * A word stays composed on a touch keyboard for as long as the caret is in it, so a composition that rests is
 * interrupted. What is composed stays as text then.
 */
const COMPOSITION_REST_MS = 3_000;

/**
 * Binds an editor to `document`. The editor's state must be made with `document.text`, and after that its
 * text equals the document's at every moment. The exception is a change in a line in which this participant
 * is composing with an input method: the editor makes it when they have composed it.
 *
 * Undo and redo (CodeMirror's history, which the page brings) take only this participant's own edits.
 * The other participants are drawn with their names.
 */
export function collaboration(document: CollaborativeDocument): Extension {
  return [
    peersOf(document),
    peerLayers,
    ViewPlugin.define<Binding>((view) => new Binding(view, document), {
      eventObservers: {
        beforeinput() {
          this.inputSeen();
        },
      },
    }),
  ];
}

class Binding implements PluginValue {
  readonly #held = new HeldChanges();
  readonly #ends: (() => void)[];
  #unreadInputMs = Number.NEGATIVE_INFINITY;
  #lastInputMs = Number.NEGATIVE_INFINITY;
  #releaseTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly view: EditorView,
    private readonly document: CollaborativeDocument,
  ) {
    this.#ends = [
      document.onChange((change) => this.#receive(change)),
      document.onSelections(() => this.#showPeers()),
    ];
  }

  update(update: ViewUpdate): void {
    let isOwnSelection = false;
    for (const transaction of update.transactions) {
      const origin = originOf(transaction);
      if (origin) {
        this.document.edit(this.#held.rebase(transaction.changes), origin);
        this.#unreadInputMs = Number.NEGATIVE_INFINITY;
        this.#lastInputMs = performance.now();
      }
      const isRemote = transaction.annotation(remoteChange) !== undefined;
      isOwnSelection ||= origin !== null || (!isRemote && transaction.selection !== undefined);
    }
    if (!isOwnSelection) return;
    const { anchor, head } = update.state.selection.main;
    this.document.select(this.#held.mapPos(anchor), this.#held.mapPos(head));
  }

  destroy(): void {
    for (const end of this.#ends) end();
    if (this.#releaseTimer !== null) clearTimeout(this.#releaseTimer);
  }

  inputSeen(): void {
    this.#unreadInputMs = performance.now();
    this.#lastInputMs = this.#unreadInputMs;
  }

  #receive(change: RemoteChange): void {
    if (this.#held.isEmpty && !this.#mustHold(change)) {
      this.view.dispatch(remoteTransaction(change));
      this.#keepScroll();
      return;
    }
    this.#held.add(change);
    this.#releaseLater();
  }

  #mustHold({ changes }: RemoteChange): boolean {
    if (this.#isInputUnread) return true;
    if (!this.view.compositionStarted) return false;
    if (performance.now() - this.#lastInputMs > COMPOSITION_REST_MS) return false;
    const { doc, selection } = this.view.state;
    const line = doc.lineAt(selection.main.head);
    return changes.touchesRange(line.from, line.to) !== false;
  }

  get #isInputUnread(): boolean {
    return performance.now() - this.#unreadInputMs < UNREAD_INPUT_MS;
  }

  #releaseLater(): void {
    this.#releaseTimer ??= setTimeout(() => {
      this.#releaseTimer = null;
      for (const change of this.#held.take()) this.#receive(change);
      this.#showPeers();
    }, RELEASE_CHECK_MS);
  }

  /**
   * CodeMirror keeps what is read in its place when it next measures, and forgets to when another update
   * comes before that: a selection that follows its edit, say. This measures at once.
   */
  #keepScroll(): void {
    this.view.lineBlockAtHeight(0);
  }

  /** The peers’ positions are in the document’s text, so they wait for what is held. */
  #showPeers(): void {
    if (!this.#held.isEmpty || this.#isInputUnread) this.#releaseLater();
    else this.view.dispatch({ effects: setPeers.of(this.document.peers) });
  }
}
