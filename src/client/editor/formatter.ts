/** Prettier, set for patterns. Large: only loaded by `format.ts`. */
import type { AstPath, Doc, Plugin, Printer } from 'prettier';
import * as acorn from 'prettier/plugins/acorn';
import * as estree from 'prettier/plugins/estree';
import { format as prettierFormat } from 'prettier/standalone';

/** As wide as fits beside the panels of the page. */
const PRINT_WIDTH = 80;

/** What Prettier's acorn says of a text, a number or a directive. */
interface Literal {
  type: string;
  raw?: unknown;
  directive?: unknown;
  expression?: { raw?: unknown };
}

const printer = printerOf(estree);

/** Prints texts and numbers as they are written. */
const literal: Plugin = {
  printers: {
    estree: {
      ...printer,
      print(path: AstPath<Literal>, options, print, args): Doc {
        const written = writtenOf(path.node);
        return written ?? printer.print(path, options, print, args);
      },
    },
  },
};

function printerOf(plugin: unknown): Printer {
  const { printers } = plugin as Plugin;
  const found = printers?.estree;
  if (!found) throw new Error('this version of Prettier has no printer for estree');
  return found;
}

function writtenOf({ type, raw, directive, expression }: Literal): string | null {
  if (type === 'Literal' && typeof raw === 'string' && /^["'\d.]/.test(raw)) return raw;
  // A text that stands alone.
  if (typeof directive === 'string' && typeof expression?.raw === 'string') return expression.raw;
  return null;
}

/** @returns the code formatted, or why it can't be, with the place */
export async function format(code: string): Promise<{ code: string } | { error: string }> {
  try {
    const formatted = await prettierFormat(code, {
      parser: 'acorn',
      plugins: [acorn, estree, literal],
      printWidth: PRINT_WIDTH,
      semi: false,
      quoteProps: 'preserve',
      embeddedLanguageFormatting: 'off',
      arrowParens: 'avoid',
    });
    // Prettier ends a text with a line end; a pattern needn't.
    return { code: code.endsWith('\n') ? formatted : formatted.trimEnd() };
  } catch (error) {
    // Its message goes on with a picture of the place.
    const [message = ''] = String(error instanceof Error ? error.message : error).split('\n');
    const [, words = message, line] = /^(.*?) \((\d+):\d+\)$/.exec(message) ?? [];
    return { error: line === undefined ? words : `Line ${line} can’t be read: ${words}` };
  }
}
