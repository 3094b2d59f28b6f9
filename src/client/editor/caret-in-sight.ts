/**
 * Where the editor gets less high while one writes, the caret stays in sight: something has come up below it,
 * such as a phone's keyboard.
 */
import { EditorView, ViewPlugin } from '@codemirror/view';

/** From the caret to the editor's edge, in pixels. */
const MARGIN = 5;

export const caretInSight = ViewPlugin.define((view) => {
  let bottom = bottomOf(view);
  const observer = new ResizeObserver(() => {
    const before = bottom;
    bottom = bottomOf(view);
    if (bottom >= before || !view.hasFocus) return;
    const { head } = view.state.selection.main;
    const caret = view.coordsAtPos(head);
    // One who reads elsewhere goes on reading there.
    if (!caret || caret.bottom <= bottom || caret.top >= before) return;
    view.dispatch({ effects: EditorView.scrollIntoView(head, { yMargin: MARGIN }) });
  });
  observer.observe(view.scrollDOM);
  return { destroy: () => observer.disconnect() };
});

function bottomOf({ scrollDOM }: EditorView): number {
  return scrollDOM.getBoundingClientRect().bottom;
}
