/** Checks the model's code: it has to parse the way Strudel parses it, and storage has to accept it. Pure. */
import { parse } from 'acorn';
import { fitsBytes, isStorable, MAX_CODE_BYTES } from '../../protocol/index.ts';

/**
 * What is wrong with a program, in words for the model; null when nothing is.
 *
 * It parses with the options of Strudel's own transpiler, so that Strudel accepts what passes here: a script,
 * not a module, with `await` at its top level. It has to end in an expression, which is the pattern that
 * plays.
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
    // The parser recurses for each nesting. A program that overflows its stack isn't one that a musician can
    // use.
    return error instanceof SyntaxError ? `it does not parse: ${error.message}` : 'it is nested too deeply';
  }
}
