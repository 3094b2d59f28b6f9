/**
 * The page of `editing.ts`: two editors on a room in memory, mounted as the session's page mounts its own.
 * It is bundled for the browser, and answers the test through `window.bench`.
 */
import { EditorView, lineNumbers } from '@codemirror/view';
import {
  answerMarks,
  collaboration,
  hangingIndent,
  newestAnswer,
  peerColor,
  shownPeers,
  takeBackAnswer,
  wrapping,
} from '../../src/client/editor/index.ts';
import { base } from '../../src/client/page/session/editor.ts';
import { extras } from '../../src/client/page/session/editor-extras.ts';
import { look } from '../../src/client/page/session/editor-look.ts';
import { type Channel, MergingRoom, type RoomDocument } from '../support/merging-room.ts';

export interface Scenario {
  code: string;
  /** One way, in milliseconds. */
  latencyMs?: number;
  jitterMs?: number;
  /** Who else is in the room, without an editor here. */
  others?: string[];
  /** False: Chromium for Android takes input as it did before it had `EditContext`. */
  hasEditContext?: boolean;
}

class Bench {
  room = new MergingRoom('', () => () => {});
  editors: { view: EditorView; document: RoomDocument }[] = [];
  others: RoomDocument[] = [];
  #inFlight = 0;

  open({ code, latencyMs = 0, jitterMs = 0, others = [], hasEditContext = true }: Scenario): void {
    for (const { view } of this.editors) view.destroy();
    Reflect.set(EditorView, 'EDIT_CONTEXT', hasEditContext);
    document.body.replaceChildren();
    this.room = new MergingRoom(code, () => this.#channel(latencyMs, jitterMs));
    this.others = others.map((name) => this.room.join(name));
    this.editors = ['Ana', 'Ben'].map((name) => {
      const joined = this.room.join(name);
      const element = document.createElement('div');
      element.className = 'editor';
      element.id = name;
      document.body.append(element);
      const root = element.attachShadow({ mode: 'open' });
      const view = new EditorView({
        root,
        parent: root,
        doc: joined.text,
        extensions: [
          lineNumbers(),
          extras,
          base,
          look,
          wrapping,
          hangingIndent,
          EditorView.theme({ '&': { height: '100%' }, '.cm-content': { padding: '14px 0' } }),
          collaboration(joined),
          answerMarks,
        ],
      });
      return { view, document: joined };
    });
  }

  /** The texts of both editors. */
  texts(): string[] {
    return this.editors.map(({ view }) => view.state.doc.toString());
  }

  /** True when nothing is under way. */
  isRoomDone(): boolean {
    return this.#inFlight === 0;
  }

  /** True when nothing is under way, and all have the room's text. */
  isSettled(): boolean {
    const { text } = this.room;
    return (
      this.#inFlight === 0 &&
      this.editors.every(({ view, document }) => view.state.doc.eq(text) && document.text.eq(text))
    );
  }

  /** Types, as an editor does that hasn't the keyboard. A line counts from 1; column -1 is its end. */
  type(editor: number, line: number, column: number, text: string): void {
    const view = this.view(editor);
    const { from, to } = view.state.doc.line(line);
    const at = column < 0 ? to : from + column;
    view.dispatch({
      changes: { from: at, insert: text },
      selection: { anchor: at + text.length },
      userEvent: 'input.type',
    });
  }

  /** Puts a caret, and the keyboard's focus. */
  focus(editor: number, line: number, column: number): void {
    const view = this.view(editor);
    const { from, to } = view.state.doc.line(line);
    view.focus();
    view.dispatch({ selection: { anchor: column < 0 ? to : from + column }, scrollIntoView: true });
  }

  isComposing(editor: number): boolean {
    return this.view(editor).compositionStarted;
  }

  /** An answer of the AI to the participant of an editor. */
  answer(from: number, to: number, insert: string, asker: string): void {
    this.room.change({ from, to, insert }, 'ai', asker);
  }

  /** At which column each row of each line begins to be written. */
  rowColumns(editor: number): number[][] {
    const { contentDOM, defaultCharacterWidth, state } = this.view(editor);
    return [...contentDOM.querySelectorAll('.cm-line')].map((line) => {
      const base = line.getBoundingClientRect().left + 6;
      const rows = new Map<number, number>();
      const range = document.createRange();
      const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (const { index } of (node.textContent ?? '').matchAll(/[^ \t]/g)) {
          range.setStart(node, index);
          range.setEnd(node, index + 1);
          const { left, top } = range.getBoundingClientRect();
          const column = Math.round((left - base) / defaultCharacterWidth);
          rows.set(Math.round(top), Math.min(column, rows.get(Math.round(top)) ?? state.doc.length));
        }
      }
      return [...rows].sort(([a], [b]) => a - b).map(([, column]) => column);
    });
  }

  /** Where the others' carets and selections are drawn, and where the browser has the text at their heads. */
  peerPlaces(editor: number) {
    const view = this.view(editor);
    return shownPeers(view.state).flatMap(({ head, color, anchor }) => {
      if (anchor === head) return [];
      const { node, offset } = view.domAtPos(head, 1);
      const range = document.createRange();
      range.setStart(node, offset);
      range.setEnd(node, offset + 1);
      const boxOf = ({ left, right, top, bottom }: DOMRect) => ({ left, right, top, bottom });
      const drawn = (kind: string) =>
        [...view.dom.querySelectorAll(`.${kind}.cm-peer-${peerColor(color)}`)].map((element) =>
          boxOf(element.getBoundingClientRect()),
        );
      const [caret] = drawn('cm-peer');
      if (!caret) throw new Error('a caret isn’t drawn');
      return [{ caret, glyph: boxOf(range.getBoundingClientRect()), selection: drawn('cm-peer-selection') }];
    });
  }

  hasAnswer(editor: number): boolean {
    return newestAnswer(this.view(editor).state) !== null;
  }

  takeBack(editor: number): boolean {
    return takeBackAnswer(this.view(editor));
  }

  view(editor: number): EditorView {
    const found = this.editors[editor];
    if (!found) throw new Error(`there is no editor ${editor}`);
    return found.view;
  }

  #channel(latencyMs: number, jitterMs: number): Channel {
    // What was sent first arrives first, though timers of the same millisecond may fire in any order.
    const queue: (() => void)[] = [];
    let dueMs = 0;
    return (deliver) => {
      this.#inFlight += 1;
      queue.push(deliver);
      const nowMs = performance.now();
      dueMs = Math.max(dueMs, nowMs + latencyMs + Math.random() * jitterMs);
      setTimeout(() => {
        this.#inFlight -= 1;
        queue.shift()?.();
      }, dueMs - nowMs);
    };
  }
}

declare global {
  interface Window {
    bench: Bench;
  }
}

window.bench = new Bench();
