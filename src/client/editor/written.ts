/** What is written around some positions, in pixels of the editor's content: text, and all that is in it. */
import type { EditorView } from '@codemirror/view';
import type { Written } from './name-tags.ts';

/**
 * @returns of the rows of these positions, and of those above and below them, how far each is written. It
 *   asks for few places, however long a line is.
 */
export function writtenAround(view: EditorView, positions: readonly number[]): Written[] {
  const whole = new Map<Element, Element | Range>();
  const parts: Range[] = [];
  for (const position of positions) {
    const line = lineAt(view, position);
    for (const element of [line?.previousElementSibling, line, line?.nextElementSibling]) {
      if (!element) continue;
      if (!element.classList.contains('cm-line')) whole.set(element, element);
      else if (view.lineWrapping) parts.push(near(view, position, element));
      else whole.set(element, endOf(element));
    }
  }
  const { top, left } = view.scrollDOM.getBoundingClientRect();
  const base = { top: top - view.scrollDOM.scrollTop, left: left - view.scrollDOM.scrollLeft };
  return [...whole.values(), ...parts].flatMap((part) =>
    [...part.getClientRects()]
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

/** The last of what is in a line of one row. */
function endOf(line: Element): Range {
  const range = document.createRange();
  range.selectNodeContents(line);
  if (line.lastChild) range.setStartBefore(line.lastChild);
  return range;
}

/** Of a line of several rows, what may be in the row of a position, or in those above and below it. */
function near(view: EditorView, position: number, line: Element): Range {
  const reach = 2 * Math.ceil(view.contentDOM.clientWidth / view.defaultCharacterWidth);
  const from = view.domAtPos(Math.max(0, position - reach));
  const to = view.domAtPos(Math.min(view.state.doc.length, position + reach));
  const range = document.createRange();
  range.selectNodeContents(line);
  if (line.contains(from.node)) range.setStart(from.node, from.offset);
  if (line.contains(to.node)) range.setEnd(to.node, to.offset);
  return range;
}
