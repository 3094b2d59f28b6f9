/** Whether the model's code can be offered: it parses the way Strudel parses it, and it can be stored. Pure. */
import { parse } from 'acorn';
import { fitsBytes, isStorable, MAX_CODE_BYTES } from '../../protocol/index.ts';

/**
 * What is wrong with a program, in words for the model; null when nothing is.
 *
 * Parsed with the options of Strudel's own transpiler, so that what passes here is understood there: a script, not a module,
 * with `await` at its top level, that ends in an expression, which is the pattern that plays.
 */
export function problemOf(code: string): string | null {
  if (code.trim() === '') return 'the program is empty';
  if (!fitsBytes(code, MAX_CODE_BYTES)) return `the program is larger than ${MAX_CODE_BYTES} bytes`;
  if (!isStorable(code)) return 'the program contains U+0000 or a lone surrogate';
  try {
    const { body } = parse(code, { ecmaVersion: 2022, allowAwaitOutsideFunction: true });
    const last = body.at(-1);
    const end = last?.type === 'LabeledStatement' ? last.body : last;
    if (end?.type === 'ExpressionStatement') return null;
    return 'the last statement is not a pattern: end with an expression such as stack(…), or with $: and a pattern';
  } catch (error) {
    // The parser calls itself for each nesting; a program deep enough to overflow that is none that anybody wrote.
    return error instanceof SyntaxError ? `it does not parse: ${error.message}` : 'it is nested too deeply';
  }
}
