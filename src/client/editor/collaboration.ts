/** The editor's extension for a shared text: edits go out, the room's changes come in. */
import type { Extension } from '@codemirror/state';
import { EditorView, type PluginValue, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { storable } from '../../protocol/index.ts';
import { HeldChanges } from './held-changes.ts';
import { peersOf, setPeers } from './peers.ts';
import type { CollaborativeDocument, RemoteChange } from './ports.ts';
import { originOf, remoteChange, remoteTransaction } from './remote-change.ts';
import {
  forget,
  requestFor,
  roomChangesInHistory,
  stepAgain,
  stepOf,
  type Wish,
  wishesOf,
} from './room-changes.ts';

/** Until then input counts as unread when no frame is drawn, as in a tab in the background. */
const UNREAD_INPUT_MS = 1_000;
/** How long after a change had to be held it is tried again. */
const RETRY_MS = 30;
/**
 * A word stays composed on a touch keyboard for as long as the caret is in it. That is too long to hold back
 * the changes of others, so a composition that rests is ended. Choosing among candidates takes less time.
 */
const COMPOSITION_REST_MS = 5_000;

/**
 * Binds an editor to `document`. The editor's state must be made with `document.text`, and after that its
 * text equals the document's at every moment. The exception is a change in a line in which this participant
 * is composing with an input method: the editor makes it, and what follows it, when they have composed. What
 * arrives within a frame of composed input waits for that frame, too.
 *
 * Undo and redo (CodeMirror's history, which the page brings) take only this participant's own edits, and
 * what they asked the room for: that the room is asked to take back.
 * Where the other participants are is in the state; `peerLayers` draws them.
 */
export function collaboration(document: CollaborativeDocument): Extension {
  return [
    peersOf(document),
    roomChangesInHistory,
    // What is pasted or dropped may come from anywhere.
    EditorView.clipboardInputFilter.of(storable),
    ViewPlugin.define<Binding>((view) => new Binding(view, document), {
      eventObservers: {
        beforeinput({ inputType, isComposing }) {
          this.inputSeen(inputType === 'insertText' && !isComposing);
        },
        compositionend() {
          this.inputSeen(false);
        },
      },
    }),
  ];
}

class Binding implements PluginValue {
  readonly #held = new HeldChanges();
  readonly #ends: (() => void)[];
  #unreadInputMs: number | null = null;
  #lastInputMs = Number.NEGATIVE_INFINITY;
  #hasEndedComposition = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

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
        // With `EditContext` no other event tells of input.
        this.#noteInput();
      }
      for (const wish of wishesOf(transaction)) {
        // When this update is over, as the answer may come at once.
        queueMicrotask(() => this.#ask(wish));
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
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /**
   * The browser shows input before CodeMirror has read it: with composed text and on touch devices a frame
   * before. An update in between would drop it.
   * @param isPlain a letter from a keyboard, which CodeMirror reads at once unless it is waiting already.
   */
  inputSeen(isPlain: boolean): void {
    this.#noteInput();
    if (isPlain && !this.#isInputUnread) return;
    const seenMs = performance.now();
    this.#unreadInputMs = seenMs;
    // CodeMirror may ask for its frame after this one was asked for.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (this.#unreadInputMs === seenMs) this.#unreadInputMs = null;
      }),
    );
  }

  #noteInput(): void {
    this.#lastInputMs = performance.now();
    this.#hasEndedComposition = false;
  }

  /**
   * The change is held first in any case: the document has it, so that whatever is typed until the editor has
   * it, too, is rebased over it.
   */
  #receive(change: RemoteChange): void {
    this.#held.add(change);
    this.#makeHeld();
  }

  #makeHeld(): void {
    for (let next = this.#held.first; next; next = this.#held.first) {
      if (this.#mustHold(next)) {
        this.#makeHeldLater();
        return;
      }
      this.#held.removeFirst();
      this.view.dispatch(remoteTransaction(next));
      const step = stepOf(next);
      if (step) this.view.dispatch(step);
      this.#keepScroll();
    }
  }

  async #ask(wish: Wish): Promise<void> {
    const request = requestFor(this.view.state, wish);
    const asked = request && { ...request, changes: this.#held.moved(request.changes) };
    const outcome = await this.document.takeBack(asked);
    const next = request && (outcome === 'already' ? forget(request) : null);
    const again = outcome === 'failed' ? stepAgain(wish) : null;
    for (const spec of [next, again]) if (spec) this.view.dispatch(spec);
  }

  #makeHeldLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#makeHeld();
      this.#showPeers();
    }, RETRY_MS);
  }

  #mustHold({ changes }: RemoteChange): boolean {
    if (this.#isInputUnread) return true;
    if (!this.view.compositionStarted || this.#hasEndedComposition) return false;
    const { doc, selection } = this.view.state;
    const line = doc.lineAt(selection.main.head);
    if (changes.touchesRange(line.from, line.to) === false) return false;
    if (performance.now() - this.#lastInputMs > COMPOSITION_REST_MS) this.#endComposition();
    return true;
  }

  get #isInputUnread(): boolean {
    return this.#unreadInputMs !== null && performance.now() - this.#unreadInputMs < UNREAD_INPUT_MS;
  }

  /** Losing the focus ends a composition in every browser. Its text stays, and is read a frame later. */
  #endComposition(): void {
    this.inputSeen(false);
    this.#hasEndedComposition = true;
    this.view.contentDOM.blur();
    this.view.focus();
  }

  /**
   * CodeMirror keeps what is read in its place when it next measures. Another update before that, such as the
   * selection that follows an edit, makes it forget the place. So this measures at once.
   */
  #keepScroll(): void {
    this.view.lineBlockAtHeight(0);
  }

  /** The peers’ positions are in the document’s text, so they wait for what is held. */
  #showPeers(): void {
    if (!this.#held.isEmpty || this.#isInputUnread) this.#makeHeldLater();
    else this.view.dispatch({ effects: setPeers.of(this.document.peers) });
  }
}
