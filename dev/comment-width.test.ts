import { expect, it } from 'vitest';
import { wideComments } from './comment-width.ts';

const words = 'word '.repeat(30).trim();
const url = `https://example.com/${'a'.repeat(110)}`;

it.each([
  ['a.ts', `// ${words}`],
  ['a.mjs', `    // ${words}`],
  ['a.ts', `/** ${words} */`],
  ['a.ts', `   * ${words}`],
  ['a.ts', ` * @param name ${words}`],
  ['a.ts', `/* ${words}`],
  ['a.lua', `-- ${words}`],
  ['a.sh', `# ${words}`],
  ['a.toml', `# ${words}`],
  ['a.ts', `// see ${url}`],
])('%s: %j is too wide', (name, line) => {
  expect(wideComments(name, `first line\n${line}\nlast line\n`)).toEqual([2]);
});

it.each([
  ['a.ts', `const text = '${words}';`],
  ['a.ts', `  --option   ${words}`],
  ['a.ts', `# ${words}`],
  ['a.ts', `  *${words}`],
  ['a.md', `# ${words}`],
  ['a.lua', `local text = "${words}" -- short`],
  ['a.ts', `// ${url}`],
  ['a.ts', ` * @see ${url}`],
  ['a.ts', ` * - ${url}`],
  ['a.ts', `/** ${url} */`],
  ['a.ts', `// ${'🎵'.repeat(20)} ${'x'.repeat(80)}`],
])('%s: %j is not', (name, line) => {
  expect(wideComments(name, `first line\n${line}\nlast line\n`)).toEqual([]);
});

it('takes a script without an ending by its first line', () => {
  expect(wideComments('run', `#!/usr/bin/env bash\n# ${words}\n`)).toEqual([2]);
  expect(wideComments('LICENSE', `# ${words}\n`)).toEqual([]);
});

it('names each line, up to exactly the last column that may be used', () => {
  const lines = [110, 111, 112].map((columns) => '// a'.padEnd(columns - 2, ' b').padEnd(columns, 'c'));
  expect(wideComments('a.ts', lines.join('\n'))).toEqual([2, 3]);
});
