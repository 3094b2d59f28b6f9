/** The colours of code, which are the page's (`styles/tokens.css`). */
import { HighlightStyle } from '@codemirror/language';
import { tags } from '@lezer/highlight';

export const colors = HighlightStyle.define([
  {
    tag: [tags.comment, tags.lineComment, tags.blockComment],
    color: 'var(--code-quiet)',
    fontStyle: 'italic',
  },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-number)' },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--code-keyword)' },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName)],
    color: 'var(--code-function)',
  },
  { tag: [tags.propertyName, tags.labelName], color: 'var(--code-name)' },
  { tag: tags.invalid, color: 'var(--refused)' },
]);
