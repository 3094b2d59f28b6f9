/** The panel that finds and replaces: CodeMirror's, at the top, in the page's colours, fit for a phone. */
import { openSearchPanel, search, searchPanelOpen } from '@codemirror/search';
import { type Extension, Prec } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { PAGE_COLORS, SANS_SERIF } from './page-colors.ts';

const LABEL = 'Find in the pattern';

/** Opens it, for a button: a phone has no Ctrl+F. */
export const openFind: (view: EditorView) => boolean = openSearchPanel;

const control = {
  margin: '0',
  padding: '4px 8px',
  border: `1px solid ${PAGE_COLORS.control}`,
  borderRadius: '7px',
  font: `13px/1.4 ${SANS_SERIF}`,
  color: PAGE_COLORS.text,
  background: 'none',
};

export const searchLook: Extension = [
  search({ top: true }),
  EditorView.updateListener.of(({ view, startState, state }) => {
    if (!searchPanelOpen(state) || searchPanelOpen(startState)) return;
    const panel = view.dom.querySelector('.cm-search');
    panel?.setAttribute('role', 'search');
    panel?.setAttribute('aria-label', LABEL);
  }),
  // Before a theme's own, whichever the page brings.
  Prec.high(
    EditorView.theme({
      '.cm-panels': { color: PAGE_COLORS.text, backgroundColor: PAGE_COLORS.panel },
      '.cm-panels.cm-panels-top': { borderBottom: `1px solid ${PAGE_COLORS.line}` },
      '.cm-panel.cm-search': {
        position: 'relative',
        display: 'flex',
        flexWrap: 'wrap',
        alignItems: 'center',
        gap: '6px',
        // The last corner is the button's that closes it.
        padding: '8px 44px 8px 10px',
        font: `13px/1.4 ${SANS_SERIF}`,
      },
      // Between finding and replacing.
      '.cm-panel.cm-search br': { flexBasis: '100%', width: '0', height: '0', content: '""' },
      '.cm-panel.cm-search .cm-textfield': {
        ...control,
        flex: '0 1 14rem',
        minWidth: '8rem',
        backgroundColor: PAGE_COLORS.ground,
      },
      '.cm-panel.cm-search .cm-button': {
        ...control,
        backgroundImage: 'none',
        backgroundColor: PAGE_COLORS.raised,
        cursor: 'pointer',
      },
      '.cm-panel.cm-search .cm-button:active': { backgroundImage: 'none' },
      '.cm-panel.cm-search label': {
        display: 'inline-flex',
        alignItems: 'center',
        gap: '4px',
        margin: '0 2px',
        fontSize: '13px',
        whiteSpace: 'nowrap',
      },
      '.cm-panel.cm-search input[type=checkbox]': { margin: '0', accentColor: PAGE_COLORS.accent },
      '.cm-panel.cm-search :focus-visible': {
        outline: `2px solid ${PAGE_COLORS.accent}`,
        outlineOffset: '1px',
      },
      '.cm-panel.cm-search [name=close]': {
        position: 'absolute',
        top: '6px',
        right: '8px',
        width: '30px',
        height: '30px',
        borderRadius: '7px',
        fontSize: '20px',
        color: PAGE_COLORS.muted,
        cursor: 'pointer',
      },
      '.cm-searchMatch': {
        backgroundColor: `color-mix(in srgb, ${PAGE_COLORS.accent} 26%, transparent)`,
        outline: `1px solid color-mix(in srgb, ${PAGE_COLORS.accent} 60%, transparent)`,
      },
      '.cm-searchMatch.cm-searchMatch-selected': {
        backgroundColor: `color-mix(in srgb, ${PAGE_COLORS.accent} 55%, transparent)`,
      },
      '@media (pointer: coarse)': {
        // A finger needs 44 px, and phones zoom into a smaller face.
        '.cm-panel.cm-search .cm-textfield': { flex: '1 1 60%', minHeight: '44px', fontSize: '16px' },
        '.cm-panel.cm-search [name=replace].cm-textfield': { flexBasis: '100%' },
        // Several carets, and patterns of letters, are for a keyboard.
        '.cm-panel.cm-search [name=select], .cm-panel.cm-search label:has([name=re], [name=word])': {
          display: 'none',
        },
        '.cm-panel.cm-search .cm-button': { minHeight: '44px', minWidth: '44px' },
        '.cm-panel.cm-search label': { minHeight: '44px' },
        '.cm-panel.cm-search input[type=checkbox]': { width: '20px', height: '20px' },
        '.cm-panel.cm-search [name=close]': { width: '44px', height: '44px', top: '4px', right: '0' },
      },
    }),
  ),
];
