/**
 * Puts a call of a global function into every loop and function of a library's module, as text. The player
 * bounds by it how long Strudel's own code may run: "0 .. 100000000" in a pattern loops in the library, not
 * in the pattern.
 */
import { type AnyNode, parse } from 'acorn';
import { simpleWalk } from './syntax-walk.ts';

/** The player sets it (`src/player/time-limit.ts`). Until then it does nothing. */
export const TICK = '$bb';

/** The modules that compute patterns. */
export const CHECKED_MODULES = /\/node_modules\/@strudel\/(core|mini|tonal)\/dist\/index\.mjs$/;

const LOOPS = ['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement'];
const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** @param source a module; @returns the same with its checks, line by line where it was */
export function addLibraryChecks(source: string): string {
  const insertions: { at: number; text: string }[] = [];
  const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module' });
  simpleWalk(program, (node) => {
    if (![...LOOPS, ...FUNCTIONS].includes(node.type) || !('body' in node)) return;
    const body = node.body as AnyNode;
    if (body.type === 'BlockStatement') {
      insertions.push({ at: body.start + 1, text: `${TICK}();` });
    } else if (node.type === 'ArrowFunctionExpression') {
      insertions.push({ at: body.start, text: `(${TICK}(),` }, { at: body.end, text: ')' });
    } else {
      insertions.push({ at: body.start, text: `{${TICK}();` }, { at: body.end, text: '}' });
    }
  });
  const parts = [`globalThis.${TICK}??=()=>{};`];
  let from = 0;
  for (const { at, text } of insertions.toSorted((a, b) => a.at - b.at)) {
    parts.push(source.slice(from, at), text);
    from = at;
  }
  return [...parts, source.slice(from)].join('');
}
