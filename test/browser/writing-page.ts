/**
 * The page of `writing.ts`: one editor with all that helps with writing, in a shadow root as the session's
 * page has it, on a room in memory in which another participant types.
 */
import { EditorView, lineNumbers } from '@codemirror/view';
import { collaboration, flashes, hangingIndent, wrapping } from '../../src/client/editor/index.ts';
import {
  type Formatted,
  formatCode,
  insertKey,
  openFind,
  setVocabulary,
  type Vocabulary,
} from '../../src/client/editor/writing.ts';
import { base } from '../../src/client/page/session/editor.ts';
import { extras } from '../../src/client/page/session/editor-extras.ts';
import { look } from '../../src/client/page/session/editor-look.ts';
import { HeldNetwork, MergingRoom } from '../support/merging-room.ts';

class Desk {
  readonly #element = document.querySelector('#editor') as HTMLElement;
  readonly #root = this.#element.attachShadow({ mode: 'open' });
  #view: EditorView | null = null;
  #network = new HeldNetwork();
  #room = new MergingRoom('', this.#network.channel);

  /** @param marked the text, with `|` where the caret is */
  open(marked: string): void {
    this.#view?.destroy();
    this.#network = new HeldNetwork();
    this.#room = new MergingRoom(marked.replace('|', ''), this.#network.channel);
    const joined = this.#room.join('Ana');
    this.#room.join('Ben');
    this.#network.deliverAll();
    this.#view = new EditorView({
      root: this.#root,
      parent: this.#root,
      doc: joined.text,
      selection: { anchor: Math.max(0, marked.indexOf('|')) },
      extensions: [
        lineNumbers(),
        extras,
        base,
        look,
        EditorView.theme({ '&': { height: '100%' } }),
        wrapping,
        hangingIndent,
        EditorView.contentAttributes.of({ 'aria-label': 'Pattern code' }),
        collaboration(joined),
        flashes,
      ],
    });
    this.#view.focus();
  }

  /** The text, with `|` where the caret is. */
  get text(): string {
    const { doc, selection } = this.view.state;
    const { head } = selection.main;
    return `${doc.sliceString(0, head)}|${doc.sliceString(head)}`;
  }

  get view(): EditorView {
    if (!this.#view) throw new Error('there is no editor');
    return this.#view;
  }

  /** As a paste. */
  replace(text: string): void {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  knows(vocabulary: Vocabulary): void {
    setVocabulary(this.view, vocabulary);
  }

  /** Ben puts something in. */
  ben(from: number, insert: string): void {
    this.#room.change({ from, insert }, 'typed', 'Ben');
    this.#network.deliverAll();
  }

  format(): Promise<Formatted> {
    return formatCode(this.view);
  }

  key(key: string): boolean {
    return insertKey(this.view, key);
  }

  find(): void {
    openFind(this.view);
  }
}

declare global {
  interface Window {
    desk: Desk;
  }
}

window.desk = new Desk();
