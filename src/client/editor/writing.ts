/** What helps with writing a pattern. It is large, so that a page may load it once its editor stands. */
export { patternCompletion } from './completion.ts';
export { openFind, searchLook } from './find.ts';
export { type Formatted, formatCode } from './format.ts';
export { functionHelp, showHelp } from './hover.ts';
export { insertKey, MINI_KEYS, type MiniKey } from './mini-keys.ts';
export { peerLayers } from './peer-layers.ts';
export { setVocabulary, type Vocabulary } from './vocabulary.ts';
export { whileWrapped } from './wrapping.ts';
