/**
 * The page's colours for what the editor draws beside the text. Custom properties reach into a shadow root,
 * so light and dark are the page's business; each has a value for a page that doesn't set it.
 */
export const PAGE_COLORS = {
  /** Behind everything. */
  ground: 'var(--ground, #0d1015)',
  /** Behind panels and what floats over the text. */
  panel: 'var(--panel, #141920)',
  /** Behind buttons. */
  raised: 'var(--raised, var(--panel, #1b222c))',
  line: 'var(--line, #262f3b)',
  /** Around controls. */
  control: 'var(--control-line, #69788d)',
  text: 'var(--text, #e6ebf2)',
  muted: 'var(--dim, #95a1b2)',
  accent: 'var(--accent, #ffb454)',
} as const;

export const MONOSPACE =
  'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace';
export const SANS_SERIF = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
