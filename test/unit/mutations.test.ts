/** The mutations fit the code as it is. Whether each is caught, `npm run test:mutations` tries. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_DIR } from '../../dev/project.ts';
import { MUTATIONS } from '../mutations/mutations.ts';
import { replaceOnce } from '../mutations/workspace.ts';

const read = (name: string) => readFileSync(join(PROJECT_DIR, name), 'utf8');

describe.each(MUTATIONS)('$keeps: $breaks', ({ file, find, replace, caughtBy }) => {
  it('changes something', () => {
    expect(replaceOnce(read(file), find, replace)).not.toBe(read(file));
  });

  it('has a test to catch it', () => {
    expect(existsSync(join(PROJECT_DIR, caughtBy.file))).toBe(true);
    expect(read(caughtBy.file)).toContain(caughtBy.title);
  });
});

it('every promise has one, and every known loss', () => {
  expect([...new Set(MUTATIONS.map(({ keeps }) => keeps))]).toEqual([...'123456789', '10', ...'abcdefgh']);
});
