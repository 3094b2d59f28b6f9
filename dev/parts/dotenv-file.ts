/** Writes variables so that wrangler's dotenv reads back exactly what was given. */
import { writeFileSync } from 'node:fs';
import { StackError } from '../errors.ts';

const QUOTES = ["'", '"', '`'];

/**
 * @param variables one a line; none may hold a line break or all three kinds of quotes.
 * @throws {StackError} when one does.
 */
export function writeDotenvFile(path: string, variables: Record<string, string>): void {
  const lines = Object.entries(variables).map(([name, value]) => {
    const quote = QUOTES.find((candidate) => !value.includes(candidate));
    if (quote === undefined || /[\r\n]/.test(value)) {
      throw new StackError(`${name}: a value with line breaks or every kind of quotes can't be passed on`);
    }
    // What looks like $VAR is replaced in any kind of quotes.
    return `${name}=${quote}${value.replaceAll('$', '\\$')}${quote}\n`;
  });
  writeFileSync(path, lines.join(''), { mode: 0o600 });
}
