/** An editor without a view, bound to a document as `collaboration` binds one. */
import { history, redo, undo } from '@codemirror/commands';
import {
  type ChangeSpec,
  EditorState,
  type Extension,
  type Transaction,
  type TransactionSpec,
} from '@codemirror/state';
import { peersOf, setPeers } from '../../src/client/editor/peers.ts';
import type { CollaborativeDocument } from '../../src/client/editor/ports.ts';
import { originOf, remoteTransaction } from '../../src/client/editor/remote-change.ts';
import {
  bringAnswerAgain,
  dismissAnswer,
  requestFor,
  roomChangesInHistory,
  stepOf,
  takeBackAnswer,
  wishesOf,
} from '../../src/client/editor/room-changes.ts';

export class StateEditor {
  state: EditorState;

  constructor(
    readonly document: CollaborativeDocument,
    extensions: Extension = [],
  ) {
    this.state = EditorState.create({
      doc: document.text,
      extensions: [history(), peersOf(document), roomChangesInHistory, extensions],
    });
    document.onChange((change) => {
      this.#apply(this.state.update(remoteTransaction(change)));
      const step = stepOf(change);
      if (step) this.dispatch(step);
    });
    document.onSelections((peers) => this.#apply(this.state.update({ effects: setPeers.of(peers) })));
  }

  get text(): string {
    return this.state.doc.toString();
  }

  /** As a user's input or a command dispatches it. */
  dispatch(spec: TransactionSpec): void {
    this.#apply(this.state.update(spec));
  }

  change(changes: ChangeSpec): void {
    this.dispatch({ changes, userEvent: 'input' });
  }

  /** Types at the caret. */
  type(text: string): void {
    this.dispatch({ ...this.state.replaceSelection(text), userEvent: 'input.type' });
  }

  undo(): boolean {
    return undo(this.#target);
  }

  redo(): boolean {
    return redo(this.#target);
  }

  takeBackAnswer(): boolean {
    return takeBackAnswer(this.#target);
  }

  bringAnswerAgain(): boolean {
    return bringAnswerAgain(this.#target);
  }

  dismissAnswer(): boolean {
    return dismissAnswer(this.#target);
  }

  get #target() {
    return { state: this.state, dispatch: (transaction: Transaction) => this.#apply(transaction) };
  }

  #apply(transaction: Transaction): void {
    this.state = transaction.state;
    const origin = originOf(transaction);
    if (origin) this.document.edit(transaction.changes, origin);
    for (const wish of wishesOf(transaction)) void this.document.takeBack(requestFor(this.state, wish));
    if (origin || transaction.selection) {
      const { anchor, head } = this.state.selection.main;
      this.document.select(anchor, head);
    }
    if (!this.state.doc.eq(this.document.text)) throw new Error('the editor’s text isn’t the document’s');
  }
}
