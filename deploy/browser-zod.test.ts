import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'acorn';
import { build, transformSync } from 'esbuild';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { PROJECT_DIR } from '../dev/project.ts';
import { browserZod, withPureConstants } from './browser-zod.ts';
import { simpleWalk } from './syntax-walk.ts';

/** What pages and the player parse with. */
const MODULES = [
  ...readdirSync(join(PROJECT_DIR, 'src/protocol/http')).map((name) => `src/protocol/http/${name}`),
  'src/protocol/messages.ts',
  'src/protocol/player.ts',
  'src/protocol/values.ts',
].filter((path) => !path.endsWith('.test.ts'));

type Exports = Record<string, unknown>;
const folder = mkdtempSync(join(tmpdir(), 'backbeat-zod-'));
let built: Record<string, Exports>;

beforeAll(async () => {
  const contents = MODULES.map((path, index) => `export * as m${index} from './${path}';`).join('\n');
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: PROJECT_DIR },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    plugins: [browserZod],
    write: false,
  });
  const file = join(folder, 'built.mjs');
  writeFileSync(file, outputFiles[0]?.contents ?? '');
  const modules = await import(/* @vite-ignore */ pathToFileURL(file).href);
  built = Object.fromEntries(MODULES.map((path, index) => [path, modules[`m${index}`]]));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Schemas among a module's exports, by where they are: those of replies and of tables of schemas, too. */
function schemasIn(value: unknown, path = '', depth = 0): [string, z.ZodType][] {
  if (value instanceof z.ZodType) return [[path, value]];
  if (typeof value !== 'object' || value === null || depth === 2) return [];
  // Only the server has the others.
  const isRoute = 'method' in value && 'access' in value;
  return Object.entries(value).flatMap(([name, each]) =>
    isRoute && name !== 'reply' && name !== 'body' ? [] : schemasIn(each, `${path}.${name}`, depth + 1),
  );
}

const at = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .slice(1)
    .reduce((found, name) => (found as Exports)[name], value);

const ID = '0a0b0c0d-1111-4222-8333-444455556666';
const TEXTS = [
  ...['', ' ', 'a', '12', 's("bd")\r\n', '\ud800', 'x'.repeat(300), '/s/a?b=c', 'http://a'],
  ...[
    'https://host.example/a.png',
    ID,
    ID.toUpperCase(),
    '2026-11-29T00:00:00Z',
    '2026-11-29T00:00:00+01:00',
  ],
];
const numbers = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 12 }) },
  fc.constantFrom(-1, 0.5, 1e9, 2 ** 53, Number.NaN),
);

/** Values that mostly fit a schema. */
function valuesOf(one: z.core.$ZodType): fc.Arbitrary<unknown> {
  const schema = one._zod.def as z.core.$ZodTypes['_zod']['def'];
  const fitting = (): fc.Arbitrary<unknown> => {
    switch (schema.type) {
      case 'string': {
        const fit = TEXTS.filter((text) => z.core.safeParse(one, text).success);
        return fc.oneof(
          { weight: 9, arbitrary: fc.constantFrom(...fit) },
          fc.constantFrom(...TEXTS),
          fc.string(),
        );
      }
      case 'number':
        return numbers;
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case 'undefined':
        return fc.constant(undefined);
      case 'enum':
        return fc.constantFrom(...Object.values(schema.entries));
      case 'literal':
        return fc.constantFrom(...schema.values);
      case 'object':
        return fc.record(
          Object.fromEntries(Object.entries(schema.shape).map(([name, each]) => [name, valuesOf(each)])),
        );
      case 'array':
        return fc.array(valuesOf(schema.element), { maxLength: 3 });
      case 'tuple':
        return fc
          .tuple(
            fc.tuple(...schema.items.map(valuesOf)),
            schema.rest ? fc.array(valuesOf(schema.rest)) : fc.constant([]),
          )
          .map(([items, rest]) => [...items, ...rest]);
      case 'union':
        return fc.oneof(...schema.options.map(valuesOf));
      case 'optional':
        return fc.option(valuesOf(schema.innerType), { nil: undefined });
      case 'nullable':
        return fc.option(valuesOf(schema.innerType));
      case 'default':
      case 'catch':
        return fc.option(valuesOf(schema.innerType), { nil: undefined });
      case 'pipe':
        return valuesOf(schema.in);
      default:
        return fc.anything();
    }
  };
  return fc.oneof(
    { weight: 60, arbitrary: fitting() },
    fc.constantFrom<unknown>(null, undefined, 7, 'no', {}),
  );
}

describe.each(MODULES)('%s', (path) => {
  it('is parsed in a browser as on the server', async () => {
    const own: Exports = await import(join(PROJECT_DIR, path));
    const schemas = schemasIn(own).filter(([, schema]) => schema instanceof z.ZodType);
    for (const [name, schema] of schemas) {
      const small = at(built[path], name) as z.ZodType | undefined;
      if (!small) throw new Error(`${name} is missing`);
      let fits = 0;
      fc.assert(
        fc.property(valuesOf(schema), (value) => {
          const expected = schema.safeParse(value);
          const found = small.safeParse(value);
          expect(found.success, name).toBe(expected.success);
          expect(found.data, name).toEqual(expected.data);
          if (expected.success) fits += 1;
        }),
        { numRuns: 60, seed: 7 },
      );
      expect(fits, name).toBeGreaterThan(0);
    }
  });
});

const sources = ['src/client', 'src/player'].flatMap((root) =>
  readdirSync(join(PROJECT_DIR, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('.test.'))
    .map((name) => join(root, name)),
);
const read = (path: string) => readFileSync(join(PROJECT_DIR, path), 'utf8');

it('has every method that a page or the player defines a schema by', () => {
  const { methods, exports } = ofBrowserZod();
  for (const path of sources.filter((each) => read(each).includes("from 'zod'"))) {
    const { code } = transformSync(read(path), { loader: path.endsWith('x') ? 'tsx' : 'ts' });
    simpleWalk(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }), (node) => {
      if (node.type !== 'MemberExpression' || node.property.type !== 'Identifier') return;
      if (node.object.type === 'Identifier' && node.object.name === 'z')
        expect(exports, path).toContain(node.property.name);
      else if (node.object.type === 'CallExpression' && isChain(node.object))
        expect(methods, path).toContain(node.property.name);
    });
  }
});

/** A call that begins with `z.`. */
function isChain(node: { type: string; callee?: unknown; object?: unknown; name?: string }): boolean {
  if (node.type === 'CallExpression') return isChain(node.callee as typeof node);
  if (node.type === 'MemberExpression') return isChain(node.object as typeof node);
  return node.type === 'Identifier' && node.name === 'z';
}

function ofBrowserZod() {
  const code = read('src/protocol/browser-zod.ts');
  const methods = [...code.matchAll(/^ {2}(\w+)\(this: /gm)].map(([, name]) => name);
  const exports = [...code.matchAll(/^export const (\w+)|\bas (\w+)(?=[, ])/gm)].map(([, a, b]) => a ?? b);
  return { methods: [...methods, 'parse', 'safeParse'], exports };
}

it('a page reads only those parts of a route that are built into it', async () => {
  const routes: string[] = [];
  for (const path of MODULES) {
    const exports: Exports = await import(join(PROJECT_DIR, path));
    for (const [name, value] of Object.entries(exports))
      if (typeof value === 'object' && value !== null && 'access' in value) routes.push(name);
  }
  expect(routes.length).toBeGreaterThan(20);
  const part = new RegExp(`\\b(?:${routes.join('|')}|route)\\.(\\w+)`, 'g');
  const parts = sources.flatMap((path) => [...read(path).matchAll(part)].map(([, name]) => name));
  expect(parts).toEqual(expect.arrayContaining(['body', 'method', 'path', 'reply']));
  const unread = ['tag', 'summary', 'access', 'params', 'query', 'status', 'errors'];
  expect(unread.filter((name) => parts.includes(name))).toEqual([]);
});

describe('constants of the protocol', () => {
  const bundled = async (use: string) => {
    const contents = withPureConstants(
      "export const kept = z.string().max(3);\nexport const other = z.number().min(1);\nconst LIST = ['a'];\n",
    );
    const { outputFiles } = await build({
      stdin: { contents: use },
      bundle: true,
      format: 'esm',
      write: false,
      plugins: [
        {
          name: 'of the test',
          setup({ onResolve, onLoad }) {
            onResolve({ filter: /^it$/ }, () => ({ path: 'it', namespace: 'test' }));
            onLoad({ filter: /^it$/, namespace: 'test' }, () => ({ contents }));
          },
        },
      ],
    });
    return outputFiles[0]?.text ?? '';
  };

  it('are left out where nothing uses them', async () => {
    const text = await bundled("import { kept } from 'it'; console.log(kept);");
    expect(text).toContain('z.string().max(3)');
    expect(text).not.toContain('z.number()');
  });

  it('have the lines that they had, and a route the parts that are read', () => {
    const code =
      "export const it = route({\n  method: 'get',\n  tag,\n  summary: 'It',\n  path: '/it',\n  reply: z.string(),\n  errors: [404],\n});\n";
    const pure = withPureConstants(code);
    expect(pure.split('\n').length).toBe(code.split('\n').length);
    const given: unknown[] = [];
    new Function('route', 'z', pure.replace('export ', ''))((one: unknown) => given.push(one), {
      string: () => 's',
    });
    expect(given).toEqual([{ method: 'get', path: '/it', reply: 's' }]);
  });
});
