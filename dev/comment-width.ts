/**
 * Which comments are too wide: code wraps at 110 columns by its formatter, which leaves comments as they are.
 */

export const MAX_COMMENT_COLUMNS = 110;

/** How a line begins that is a comment, or a part of one. */
const COMMENT = {
  ts: /^\s*(?:\/\/+|\/\*+|\*(?=\s|\/|$))\s*/,
  lua: /^\s*--+\s*/,
  shell: /^\s*#+\s*/,
};

/** Lines that can't be broken: one word, such as a URL, also as a list's item or as where to see more. */
const UNBREAKABLE = /^(?:[-*] |@see )?\S+(?:\s*\*\/)?$/;

/**
 * The numbers of the lines, from 1, that hold nothing but a comment and are too wide. A line that can't be
 * broken, such as a long URL on a line of its own, may be.
 * @param name of the file; by it and by its first line is known what a comment looks like. Other
 *   kinds of files have none.
 */
export function wideComments(name: string, text: string): number[] {
  const comment = commentOf(name, text);
  if (comment === null) return [];
  return text.split('\n').flatMap((line, index) => {
    if (line.length <= MAX_COMMENT_COLUMNS || [...line].length <= MAX_COMMENT_COLUMNS) return [];
    const mark = comment.exec(line)?.[0];
    return mark === undefined || UNBREAKABLE.test(line.slice(mark.length)) ? [] : [index + 1];
  });
}

function commentOf(name: string, text: string): RegExp | null {
  if (/\.(?:tsx?|mjs)$/.test(name)) return COMMENT.ts;
  if (name.endsWith('.lua')) return COMMENT.lua;
  return /\.(?:sh|toml)$/.test(name) || /^#!.*\b(?:ba)?sh\b/.test(text) ? COMMENT.shell : null;
}
