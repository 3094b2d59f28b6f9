import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8Bytes } from '../protocol/index.ts';
import { cutBySize, encodedBytes } from './encoded-size.ts';

describe('the encoded size of texts', () => {
  it.each([
    ['nothing', '', 3],
    ['plain text', 'abc', 6],
    ['quotes', '""', 7],
    ['a line break', '\n', 5],
    ['a control character', '\u0001', 9],
    ['UTF-8', 'ü🎵', 9],
    ['JSON within JSON', JSON.stringify('"'), 11],
  ])('of %s', (_, text, bytes) => {
    expect(encodedBytes(text)).toBe(bytes);
  });

  it('is that of the JSON array that they are in', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (texts) => {
        expect(encodedBytes(...texts)).toBe(utf8Bytes(JSON.stringify(texts)) - 1);
      }),
    );
  });
});

describe('a list that is cut by size', () => {
  const cut = (sizes: readonly number[], maxBytes: number) => cutBySize(sizes, (size) => size, maxBytes);

  it.each([
    ['nothing', [], []],
    ['what fits exactly', [4, 6], [[4, 6]]],
    ['what doesn’t fit', [4, 7], [[4], [7]]],
    ['an item that is too large by itself', [1, 30, 1], [[1], [30], [1]]],
    ['an item that is too large at the beginning', [30, 30, 2], [[30], [30], [2]]],
  ])('%s', (_, sizes, cuts) => {
    expect(cut(sizes, 10)).toEqual(cuts);
  });

  it('keeps everything, in its order, and bounds each piece', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (sizes) => {
        const cuts = cut(sizes, 10);
        expect(cuts.flat()).toEqual(sizes);
        for (const piece of cuts) {
          expect(piece.length).toBeGreaterThan(0);
          const sum = piece.reduce((a, b) => a + b, 0);
          expect(piece.length === 1 || sum <= 10).toBe(true);
        }
      }),
    );
  });
});
