/** What is written around some positions, in pixels of the editor's content: text, and all that is in it. */
import type { EditorView } from '@codemirror/view';
import type { Written } from './name-tags.ts';

/** @returns what is in the lines of these positions, and in those above and below them. */
export function writtenAround(view: EditorView, positions: readonly number[]): Written[] {
  const elements = new Set<Element>();
  for (const position of positions) {
    const line = lineAt(view, position);
    for (const element of [line?.previousElementSibling, line, line?.nextElementSibling]) {
      if (element) elements.add(element);
    }
  }
  const { top, left } = view.scrollDOM.getBoundingClientRect();
  const base = { top: top - view.scrollDOM.scrollTop, left: left - view.scrollDOM.scrollLeft };
  return [...elements].flatMap((element) =>
    rectsOf(element)
      .filter(({ width }) => width > 0)
      .map((rect) => ({
        top: rect.top - base.top,
        right: rect.right - base.left,
        bottom: rect.bottom - base.top,
      })),
  );
}

function lineAt(view: EditorView, position: number): Element | null {
  const { node } = view.domAtPos(position);
  const element = node instanceof Element ? node : node.parentElement;
  return element?.closest('.cm-line') ?? null;
}

/** Of a line what is in it; anything else between lines is full. */
function rectsOf(element: Element): DOMRect[] {
  if (!element.classList.contains('cm-line')) return [element.getBoundingClientRect()];
  const range = document.createRange();
  range.selectNodeContents(element);
  return [...range.getClientRects()];
}
