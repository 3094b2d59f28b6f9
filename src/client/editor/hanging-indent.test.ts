import { describe, expect, it } from 'vitest';
import { hangingColumns } from './hanging-indent.ts';

const WIDE = 60;

describe('the rows on which a line goes on', () => {
  it.each([
    ['nothing', '$: s("bd")', 2],
    ['two spaces', '  .gain(0.8)', 4],
    ['nothing but spaces', '    ', 6],
    ['nothing at all', '', 2],
    ['a tab', '\t.gain(0.8)', 8],
    ['a space and a tab', ' \t.gain(0.8)', 8],
  ])('are indented further than a line that begins with %s', (_, text, columns) => {
    expect(hangingColumns(text, 4, WIDE)).toBe(columns);
  });

  it('are indented by whole tab stops where a tab is anywhere in the line', () => {
    expect(hangingColumns('  s("bd")\t// kick', 4, WIDE)).toBe(4);
    expect(hangingColumns('    s("bd")\t// kick', 4, WIDE)).toBe(8);
  });

  it('keep room for code, however far in a line begins', () => {
    expect(hangingColumns(' '.repeat(40), 4, 14)).toBe(14);
    expect(hangingColumns('\t'.repeat(10), 4, 14)).toBe(12);
    expect(hangingColumns('\t', 4, 3)).toBe(0);
    expect(hangingColumns('', 4, 0)).toBe(0);
  });
});
