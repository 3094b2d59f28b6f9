/** A library's code with checks in its loops and functions does what it did. */
import { afterEach, expect, it } from 'vitest';
import { addLibraryChecks } from './library-checks.ts';

const SOURCE = `
const double = (x) => x * 2, pair = (a) => (b) => ({ a, b });
function loops(n) {
  'use strict';
  let sum = 0;
  for (let i = 0; i < n; i++) sum += i;
  while (sum > 100) sum--;
  do { sum++ } while (sum < 5)
  for (const x of [1, 2]) { sum += x }
  return sum;
}
class Thing extends Array { constructor() { super(); this.x = 1 } get y() { return this.x + 1 } }
export default [[1, 2].map((x) => x + double(x)), pair(1)(2), loops(4), new Thing().y];
`;
const evaluated = async (source: string) =>
  (await import(`data:text/javascript,${encodeURIComponent(source)}`)).default;

afterEach(() => {
  Reflect.deleteProperty(globalThis, '$bb');
});

it('gives the same, before the checks do anything and after', async () => {
  const plain = await evaluated(SOURCE);
  const checked = addLibraryChecks(SOURCE);
  expect(await evaluated(checked)).toEqual(plain);
  let calls = 0;
  Object.assign(globalThis, { $bb: () => calls++ });
  expect(await evaluated(`${checked}//`)).toEqual(plain);
  // Two of map, two of double, two of pair, loops with 4 + 1 + 2 turns, the class's two.
  expect(calls).toBe(16);
});

it('ends a loop when a check throws', async () => {
  Object.assign(globalThis, {
    $bb() {
      throw new Error('too long');
    },
  });
  await expect(evaluated(addLibraryChecks('for (;;);\nexport default 1'))).rejects.toThrow('too long');
});
