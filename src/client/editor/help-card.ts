/** How the help of one of Strudel's words looks: what it takes, a sentence, an example. */
import { EditorView } from '@codemirror/view';
import { MONOSPACE, PAGE_COLORS, SANS_SERIF } from './page-colors.ts';
import type { ReferenceEntry } from './reference/index.ts';

/** @param name as it is written where help is asked for: the entry's own name, or an alias */
export function helpCard(entry: ReferenceEntry, name = entry.name): HTMLElement {
  const card = document.createElement('div');
  card.className = 'cm-help-card';
  const others = [entry.name, ...entry.aliases].filter((other) => other !== name);
  card.append(
    part('code', 'cm-help-signature', signatureOf(entry, name)),
    part('p', 'cm-help-says', entry.says),
    part('pre', 'cm-help-example', entry.example),
    ...(others.length > 0 ? [part('p', 'cm-help-aliases', `The same: ${others.join(', ')}`)] : []),
  );
  return card;
}

/** For a screen reader, which hears no layout. */
export const helpInWords = (entry: ReferenceEntry, name: string): string =>
  `${signatureOf(entry, name)}. ${entry.says} Example: ${entry.example}`;

const signatureOf = ({ place, parameters }: ReferenceEntry, name: string) =>
  `${place === 'chained' ? '.' : ''}${name}${parameters}`;

function part(tag: string, className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export const helpLook = EditorView.baseTheme({
  '.cm-help-card': {
    boxSizing: 'border-box',
    maxWidth: 'min(24rem, 90vw)',
    padding: '8px 12px',
    font: `14px/1.45 ${SANS_SERIF}`,
    color: PAGE_COLORS.text,
  },
  '.cm-help-card > *': { margin: '0' },
  '.cm-help-signature': { fontFamily: MONOSPACE, fontWeight: '600', overflowWrap: 'anywhere' },
  '.cm-help-says': { margin: '4px 0' },
  '.cm-help-example': {
    padding: '4px 8px',
    borderRadius: '6px',
    fontFamily: MONOSPACE,
    fontSize: '13px',
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    backgroundColor: PAGE_COLORS.ground,
  },
  '.cm-help-aliases': { marginTop: '4px', fontSize: '12px', color: PAGE_COLORS.muted },
});
