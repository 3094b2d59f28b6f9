/**
 * Redis' glob patterns: `*`, `?`, `[abc]`, `[^a-z]`, and a backslash that takes the next character literally.
 */

const literal = (char: string) => char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Compiles a pattern to a predicate over byte strings. */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (pattern === '*') return () => true;
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (char === '\\' && at + 1 < pattern.length) source += literal(pattern.charAt(++at));
    else if (char === '[') {
      const negated = pattern.charAt(at + 1) === '^';
      if (negated) at += 1;
      let members = '';
      for (at += 1; at < pattern.length && pattern.charAt(at) !== ']'; at += 1) {
        if (pattern.charAt(at) === '\\' && at + 1 < pattern.length) members += literal(pattern.charAt(++at));
        else if (pattern.charAt(at + 1) === '-' && at + 2 < pattern.length) {
          const [low = '', high = ''] = [pattern.charAt(at), pattern.charAt(at + 2)].sort();
          members += `${literal(low)}-${literal(high)}`;
          at += 2;
        } else members += literal(pattern.charAt(at));
      }
      // An empty class matches nothing, and everything when negated.
      if (members === '') source += negated ? '.' : '(?!)';
      else source += `[${negated ? '^' : ''}${members}]`;
    } else source += literal(char);
  }
  const compiled = new RegExp(`^${source}$`, 's');
  return (text) => compiled.test(text);
}
