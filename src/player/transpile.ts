/**
 * From a pattern's code to JavaScript, by Strudel's transpiler, with three things of our own: time checks in
 * its loops and functions, a place for each syntax error, and a way back from places in the output to places
 * in the code.
 *
 * The transpiler has no hooks. It prints its tree with `escodegen.generate`, and that is where the checks are
 * added and the tree is kept, for the places.
 */
import { miniAllStrings, parse as parseMini } from '@strudel/mini';
import { transpiler } from '@strudel/transpiler';
import { type AnyNode, type Options, parse } from 'acorn';
import escodegen from 'escodegen';
import { walk } from 'estree-walker';
import { addChecks } from './checks.ts';
import { messageOf, PatternFailure } from './failure.ts';
import { PlaceMap } from './place-map.ts';

/** As Strudel's transpiler reads it. */
const SYNTAX: Options = { ecmaVersion: 2022, allowAwaitOutsideFunction: true };

export interface Transpiled {
  /** Statements, the last of which returns the pattern. */
  output: string;
  /** From the output back to the code. */
  places: PlaceMap;
  /** Where the labelled patterns (`$: …`) stand, in their order. */
  labels: number[];
  /** Where each name is used first. */
  names: ReadonlyMap<string, number>;
}

/** Strings are mini-notation wherever a pattern is expected. */
miniAllStrings();

/** @throws {PatternFailure} `syntax`, with its place */
export function transpile(code: string): Transpiled {
  const { labels, names } = checkSyntax(code);
  let tree: AnyNode | undefined;
  const { generate } = escodegen;
  escodegen.generate = (node, options) => {
    if ((node as AnyNode).type === 'Program') {
      tree = node as AnyNode;
      addChecks(tree);
    }
    return generate(node, options);
  };
  try {
    const { output } = transpiler(code, { wrapAsync: false, addReturn: true, emitWidgets: false });
    return { output, places: new PlaceMap(tree, output), labels, names };
  } catch (error) {
    if (error instanceof PatternFailure) throw error;
    // What the transpiler can't do, beyond syntax: it wants an expression at the end, for one.
    throw new PatternFailure('syntax', messageOf(error), code.trimEnd().length);
  } finally {
    escodegen.generate = generate;
  }
}

/** @throws {PatternFailure} when the code or one of its mini-notations can't be read */
function checkSyntax(code: string): Pick<Transpiled, 'labels' | 'names'> {
  const program = parseCode(code);
  const last = program.type === 'Program' ? program.body.at(-1) : undefined;
  if (last && !/^(ExpressionStatement|LabeledStatement)$/.test(last.type)) {
    throw new PatternFailure('syntax', 'The last line must be a pattern.', last.start);
  }
  const isOff = miniOff(code);
  const labels: number[] = [];
  const names = new Map<string, number>();
  walk(program as never, {
    enter(node, parent) {
      const found = node as unknown as AnyNode;
      if (found.type === 'ImportExpression') {
        // It would have no checks.
        throw new PatternFailure('syntax', 'A pattern can’t import other code.', found.start);
      }
      if (found.type === 'LabeledStatement') {
        if (found.body.type !== 'ExpressionStatement') {
          throw new PatternFailure('syntax', 'After a label comes a pattern.', found.start);
        }
        labels.push(found.start);
      } else if (found.type === 'Identifier') {
        const isMethod = parent?.type === 'MemberExpression' && parent.property === node && !parent.computed;
        if (!isMethod && !names.has(found.name)) names.set(found.name, found.start);
      } else if (found.type === 'Literal' && found.raw?.startsWith('"') && !isOff(found.start)) {
        checkMini(String(found.value), found.start);
      } else if (found.type === 'TemplateLiteral' && parent?.type !== 'TaggedTemplateExpression') {
        if (!isOff(found.start)) checkMini(found.quasis[0]?.value.raw ?? '', found.start);
      }
    },
  });
  return { labels, names };
}

function parseCode(code: string): AnyNode {
  try {
    return parse(code, SYNTAX);
  } catch (error) {
    const { pos } = error as { pos?: unknown };
    // acorn ends its messages with the place: "Unexpected token (1:4)".
    const message = messageOf(error).replace(/ \(\d+:\d+\)$/, '');
    throw new PatternFailure('syntax', message, typeof pos === 'number' ? pos : null);
  }
}

/** @param start where the opening quote is */
function checkMini(text: string, start: number): void {
  try {
    parseMini(`"${text}"`);
  } catch (error) {
    if (error instanceof PatternFailure) throw new PatternFailure(error.kind, error.message, start);
    const { location } = error as { location?: { start?: { offset?: unknown } } };
    const offset = location?.start?.offset;
    const at = typeof offset === 'number' ? start + offset : start;
    throw new PatternFailure('syntax', `mini-notation: ${messageOf(error)}`, at);
  }
}

/** Strudel leaves strings between these comments as they are. */
function miniOff(code: string): (offset: number) => boolean {
  const marks = [...code.matchAll(/mini-(off|on)\b/g)];
  return (offset) => marks.findLast(({ index }) => index < offset)?.[1] === 'off';
}
