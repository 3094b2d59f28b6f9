/** Where the others' cursors are, drawn into the editor with their names. */
import { type Extension, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view';

/** Somebody's cursor: line from 1, column from 0. `id` is the same for all of one person's. */
export interface RemoteCursor {
  id: string;
  name: string;
  line: number;
  col: number;
}

const COLORS = ['#ff8fab', '#7cc7ff', '#ffd166', '#b69cff', '#5eead4', '#ff9f5a'];

/** Puts a cursor, in place of the same person's before. */
export const moveCursor = StateEffect.define<RemoteCursor>();
/** Takes the cursor of `id` away. */
export const removeCursor = StateEffect.define<string>();

/** Each move makes a new one, and so its name is shown anew before it fades. */
class CursorWidget extends WidgetType {
  constructor(
    readonly id: string,
    readonly name: string,
  ) {
    super();
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement('span');
    caret.className = `cm-peer cm-peer-${colorOf(this.id)}`;
    caret.setAttribute('aria-hidden', 'true');
    const label = document.createElement('span');
    label.className = 'cm-peer-name';
    label.textContent = this.name;
    caret.append(label);
    return caret;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

const cursors = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(decorations, transaction) {
    let next = decorations.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(removeCursor)) next = without(next, effect.value);
      if (!effect.is(moveCursor)) continue;
      const { id, name, line, col } = effect.value;
      const { doc } = transaction.state;
      // The other's text may be ahead of this one, so its cursor may lie beyond the end.
      const row = doc.line(Math.min(Math.max(line, 1), doc.lines));
      const at = Math.min(row.from + col, row.to);
      const caret = Decoration.widget({ widget: new CursorWidget(id, name), side: 1, id }).range(at);
      next = without(next, id).update({ add: [caret] });
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** The editor extension that draws them. */
export const remoteCursors: Extension = [
  cursors,
  EditorView.baseTheme({
    '.cm-peer': {
      position: 'relative',
      borderLeft: '2px solid',
      marginLeft: '-1px',
      marginRight: '-1px',
      pointerEvents: 'none',
    },
    '.cm-peer-name': {
      position: 'absolute',
      top: '-1.25em',
      left: '-2px',
      padding: '0 5px',
      borderRadius: '3px 3px 3px 0',
      font: '600 10px/1.5 system-ui, sans-serif',
      whiteSpace: 'nowrap',
      color: '#101318',
      zIndex: '5',
      // The name covers text, so it stays only for a moment.
      animation: 'cm-peer-fade 0.6s 2.5s both',
    },
    '@keyframes cm-peer-fade': { from: { opacity: '0.95' }, to: { opacity: '0' } },
    // Above the first line there is no room for a name.
    '.cm-line:first-child .cm-peer-name': { top: '1.35em', borderRadius: '0 3px 3px 3px' },
    ...Object.fromEntries(
      COLORS.flatMap((color, index) => [
        [`.cm-peer-${index}`, { borderLeftColor: color }],
        [`.cm-peer-${index} .cm-peer-name`, { backgroundColor: color }],
      ]),
    ),
  }),
];

/** Which of the colours a person has, the same for everybody who looks. */
export function colorOf(id: string): number {
  let sum = 0;
  for (let at = 0; at < id.length; at += 1) sum = (sum * 31 + id.charCodeAt(at)) % 65_521;
  return sum % COLORS.length;
}

function without(decorations: DecorationSet, id: string): DecorationSet {
  return decorations.update({ filter: (_from, _to, { spec }) => spec.id !== id });
}
