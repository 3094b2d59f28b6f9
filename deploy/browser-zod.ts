/** What of the schemas goes to browsers: only what is used there, and by less code than the server has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Expression, parse } from 'acorn';
import { type Plugin, transform } from 'esbuild';
import { PROJECT_DIR } from '../dev/project.ts';

/** What `zod` is in browsers. */
export const BROWSER_ZOD = 'src/protocol/browser-zod.ts';

export const browserZod: Plugin = {
  name: 'zod for browsers',
  setup({ onResolve, onLoad, initialOptions }) {
    // `z.something` that isn't there: the page would fail when it loads.
    initialOptions.logOverride = { ...initialOptions.logOverride, 'import-is-undefined': 'error' };
    onResolve({ filter: /^zod$/ }, () => ({ path: join(PROJECT_DIR, BROWSER_ZOD) }));
    onLoad({ filter: /[/\\]src[/\\]protocol[/\\].*\.ts$/ }, async ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const { code, map } = await transform(source, {
        loader: 'ts',
        sourcemap: 'external',
        sourcefile: path,
      });
      const inline = `//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}`;
      return { contents: `${withPureConstants(code)}\n${inline}`, loader: 'js' };
    });
  },
};

/** What a page reads of a route. The other parts only the server parses, or only the API’s document tells. */
const READ_OF_ROUTES: readonly string[] = ['method', 'path', 'body', 'reply'];

/**
 * A module whose constants a bundler leaves out where nothing uses them. It can't know by itself that calling
 * zod's methods, or `route`, has no effect. Lines stay as they are.
 */
export function withPureConstants(code: string): string {
  const constants = parse(code, { ecmaVersion: 'latest', sourceType: 'module' }).body.flatMap((statement) => {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    return declared?.type === 'VariableDeclaration' ? declared.declarations : [];
  });
  let pure = '';
  let at = 0;
  /** Goes on to `end`, and puts `instead` in the place of what follows until `next`. */
  const upTo = (end: number, instead: string, next = end) => {
    pure += code.slice(at, end) + instead;
    at = next;
  };
  for (const { init } of constants) {
    if (init?.type !== 'CallExpression' && init?.type !== 'ObjectExpression') continue;
    upTo(init.start, '/* @__PURE__ */ (() => (');
    for (const { start, end } of unreadParts(init))
      upTo(start, code.slice(start, end).replace(/[^\n]+/g, ''), end);
    upTo(init.end, '))()');
  }
  return pure + code.slice(at);
}

/** The properties of a route's definition that aren't in {@link READ_OF_ROUTES}, with their commas. */
function unreadParts(init: Expression): { start: number; end: number }[] {
  if (init.type !== 'CallExpression' || init.callee.type !== 'Identifier' || init.callee.name !== 'route')
    return [];
  const [definition] = init.arguments;
  if (definition?.type !== 'ObjectExpression') return [];
  const { properties, end } = definition;
  return properties.flatMap((property, index) => {
    const isRead =
      property.type === 'Property' &&
      property.key.type === 'Identifier' &&
      READ_OF_ROUTES.includes(property.key.name);
    return isRead ? [] : [{ start: property.start, end: properties[index + 1]?.start ?? end - 1 }];
  });
}
