import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ZodError } from 'zod';
import {
  decodeReceipt,
  decodeReceipts,
  type EditReceipt,
  encodeReceipt,
  encodeReceipts,
  receiptKey,
} from './receipts.ts';

const receipt: fc.Arbitrary<EditReceipt> = fc.record({
  clientSeq: fc.nat(),
  requestIds: fc.array(fc.string(), { maxLength: 5 }),
  rev: fc.maxSafeNat(),
  atMs: fc.maxSafeNat(),
});
const receipts = fc
  .array(fc.tuple(fc.uuid(), fc.string(), receipt), { maxLength: 8 })
  .map((all) =>
    Object.fromEntries(all.map(([participantId, client, one]) => [receiptKey(participantId, client), one])),
  );
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a receipt', () => {
  it('is read back as it was stored', () => {
    fc.assert(
      fc.property(receipt, (one) => {
        expect(decodeReceipt(throughJson(encodeReceipt(one)))).toEqual(one);
      }),
    );
  });

  it('is null where the stored value is something else', () => {
    const garbage = [undefined, null, 1, 'text', {}, [], [1, 2], [1, 2, '3'], [1, 2, 3, 4], ['1', 2, 3]];
    for (const value of garbage) expect(decodeReceipt(value)).toBeNull();
  });

  it('belongs to a participant: another one with the same client id has their own', () => {
    expect(receiptKey('p', 'c')).not.toBe(receiptKey('q', 'c'));
    expect(receiptKey('p', 'c')).not.toBe(receiptKey('p', 'd'));
  });
});

describe('all receipts of a session', () => {
  it('are read back as they were stored', () => {
    fc.assert(
      fc.property(receipts, (all) => {
        expect(decodeReceipts(JSON.parse(encodeReceipts(all)))).toEqual(all);
      }),
    );
  });

  it('are refused as a whole when one of them is something else', () => {
    const good = encodeReceipt({ clientSeq: 1, requestIds: [], rev: 2, atMs: 3 });
    for (const stored of [null, 'text', [], { a: good, b: null }, { a: [1] }]) {
      expect(() => decodeReceipts(stored)).toThrow(ZodError);
    }
    expect(decodeReceipts({})).toEqual({});
  });
});
