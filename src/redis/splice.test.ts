/** What a commit sends of a large code: the piece that changed, cut where bytes of UTF-8 can be cut. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Splice, spliceBetween } from './splice.ts';

/** As the script does it. */
function applied(base: string, { startByte, deletedBytes, inserted, baseBytes }: Splice): string {
  const bytes = Buffer.from(base);
  expect(bytes.length).toBe(baseBytes);
  return Buffer.concat([
    bytes.subarray(0, startByte),
    Buffer.from(inserted),
    bytes.subarray(startByte + deletedBytes),
  ]).toString();
}

/** Characters of one to four bytes, some of them alike in their first or last half, and many alike. */
const text = fc
  .array(fc.constantFrom('a', 'b', 'é', '€', '🎵', '🎶', '🐵', '\u{1f3b5}a', '\n'), { maxLength: 40 })
  .map((units) => units.join(''));
/** Longer than what is compared at once. */
const filler = fc.integer({ min: 0, max: 1_200 }).map((n) => 'é🎵x'.repeat(n / 4));

describe('a splice', () => {
  it('makes the one text of the other, whatever changed in it', () => {
    fc.assert(
      fc.property(filler, text, text, text, filler, (before, old, middle, fresh, after) => {
        const base = before + old + middle + after;
        for (const code of [before + fresh + middle + after, before + old + fresh + after, fresh, base]) {
          expect(applied(base, spliceBetween(base, code))).toBe(code);
        }
      }),
    );
  });

  it('is no larger than the change', () => {
    const base = `${'x'.repeat(5_000)}gain(0.5)${'y'.repeat(5_000)}`;
    const code = base.replace('0.5', '0.75');
    expect(spliceBetween(base, code)).toEqual({
      startByte: 5_007,
      deletedBytes: 0,
      inserted: '7',
      baseBytes: 10_009,
    });
    expect(spliceBetween(code, base)).toMatchObject({ deletedBytes: 1, inserted: '' });
    expect(spliceBetween(base, base)).toMatchObject({ deletedBytes: 0, inserted: '' });
  });

  it('never cuts a character in two', () => {
    // Alike in their first half, and in their last.
    expect(spliceBetween('a🎵b', 'a🎶b')).toMatchObject({ startByte: 1, deletedBytes: 4, inserted: '🎶' });
    expect(spliceBetween('a\u{1f3b5}b', 'a\u{1f7b5}b')).toMatchObject({ inserted: '\u{1f7b5}' });
  });
});
