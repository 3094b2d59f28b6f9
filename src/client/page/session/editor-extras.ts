/**
 * What makes typing code pleasant, and isn't needed to show it: its language with colours, folding, brackets,
 * completion, help, the find panel, and the carets of others. A part of the page of its own, loaded once the
 * editor stands.
 */
import { closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { javascript } from '@codemirror/lang-javascript';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import type { Extension } from '@codemirror/state';
import { keymap } from '@codemirror/view';
import {
  functionHelp,
  patternCompletion,
  peerLayers,
  searchLook,
  whileWrapped,
} from '../../editor/writing.ts';
import { colors } from './editor-colors.ts';

export { formatCode, insertKey, openFind, setVocabulary } from '../../editor/writing.ts';

export const extras: Extension = [
  javascript(),
  // The browser would lay out hundreds of coloured words of one line anew with each key.
  whileWrapped(syntaxHighlighting(colors)),
  foldGutter(),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  patternCompletion,
  functionHelp,
  searchLook,
  peerLayers,
  highlightSelectionMatches(),
  keymap.of([...closeBracketsKeymap, ...searchKeymap, ...foldKeymap, ...completionKeymap]),
];
