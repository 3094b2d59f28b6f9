/** The quick look at an edit takes exactly what the schema takes, and as the schema gives it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clientMessageSchema,
  MAX_CHANGE_PARTS,
  MAX_CODE_BYTES,
  MAX_REQUEST_ID_CHARS,
  parseClientMessage,
} from './index.ts';
import { quickEdit } from './quick-edit.ts';

/** Valid values, values on both sides of each limit, and of the wrong kind. */
const anything = fc.oneof(fc.jsonValue(), fc.constantFrom(undefined, -1, 0, 1.5, 1e6, 1e6 + 1, 2 ** 53, 'x'));
const or = <T>(usual: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 30, arbitrary: usual },
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: anything },
  );
const text = fc.oneof(
  { weight: 20, arbitrary: fc.string({ minLength: 1 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary' }) },
  fc.constantFrom(
    '',
    'a\0b',
    '\ud800',
    'x'.repeat(MAX_REQUEST_ID_CHARS),
    'x'.repeat(MAX_REQUEST_ID_CHARS + 1),
  ),
);
const code = fc.oneof(
  text,
  fc.constantFrom(
    'x'.repeat(MAX_CODE_BYTES),
    'x'.repeat(MAX_CODE_BYTES + 1),
    'é'.repeat(MAX_CODE_BYTES / 2 + 1),
  ),
);
const position = fc.oneof(
  { weight: 20, arbitrary: fc.nat(1_000_001) },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.double() },
);
const length = fc.oneof(
  { weight: 20, arbitrary: fc.nat(9) },
  { weight: 1, arbitrary: fc.constantFrom(MAX_CODE_BYTES, MAX_CODE_BYTES + 1, -1, 0.5) },
  { weight: 1, arbitrary: anything },
);
const line = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('', 'a', 's("bd")', '😀') },
  { weight: 1, arbitrary: fc.constantFrom('a\nb', '\r', 'a\0', '\udc00') },
  { weight: 1, arbitrary: anything },
);
const replaced = fc
  .tuple(length, fc.array(line, { maxLength: 3 }))
  .map(([removed, lines]) => [removed, ...lines]);
const part = fc.oneof(
  { weight: 10, arbitrary: length },
  { weight: 10, arbitrary: replaced },
  { weight: 1, arbitrary: fc.constant([]) },
);
const changes = fc.oneof(
  { weight: 30, arbitrary: fc.array(part, { maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(Array(MAX_CHANGE_PARTS).fill(1), Array(MAX_CHANGE_PARTS + 1).fill(1)),
  },
);
const aboutEdit = {
  cursor_line: or(position),
  cursor_col: or(position),
  source: or(fc.constantFrom('typed', 'loaded_strudel', 'forked', 'paste', 'thought')),
  base_rev: or(position),
  client_seq: or(position),
  request_id: or(text),
  unknown: or(fc.jsonValue()),
};
const whole = fc.record({ code: or(code), ...aboutEdit }, { requiredKeys: ['code'] });
const asChanges = fc.record(
  { changes: or(changes), sync: or(position), ...aboutEdit },
  { requiredKeys: ['changes', 'sync', 'base_rev', 'client_seq'] },
);
/** Of both forms at once: which it is, is up to the schema. */
const both = fc.record({ code: or(code), changes: or(changes), sync: or(position), ...aboutEdit });
const edit = fc.record(
  {
    type: fc.oneof(
      { weight: 20, arbitrary: fc.constant('code_update') },
      { weight: 1, arbitrary: fc.constantFrom('ping', 'chat_message', 7) },
    ),
    payload: or(
      fc.oneof(
        { weight: 5, arbitrary: whole },
        { weight: 5, arbitrary: asChanges },
        { weight: 1, arbitrary: both },
      ),
    ),
    session_id: or(fc.oneof(text, fc.constantFrom('', null))),
    user_id: or(fc.oneof(text, fc.constant(null))),
    timestamp: or(text),
    seq: or(position),
    request_id: or(text),
    unknown: or(fc.jsonValue()),
  },
  { requiredKeys: ['type', 'payload'] },
);

const isLeft = (raw: unknown) => {
  const { payload, ...envelope } = raw as { payload: { code?: unknown; changes?: unknown } };
  const { code, changes, ...rest } = payload;
  const isUnset = (value: unknown) => value === null || value === '';
  return (
    (typeof code === 'string' && code.includes('\r')) ||
    (code !== undefined && changes !== undefined) ||
    [...Object.values(envelope), ...Object.values(rest), changes].some(isUnset)
  );
};

/** As it arrives: what JSON can't say isn't there. */
const onTheWire = (value: unknown): unknown => {
  const json = JSON.stringify(value);
  return json === undefined ? undefined : JSON.parse(json);
};

describe('an edit', () => {
  it('is taken at a glance exactly when its schema takes it, with the same fields', () => {
    const taken = { whole: 0, changes: 0 };
    fc.assert(
      fc.property(fc.oneof({ weight: 30, arbitrary: edit }, { weight: 1, arbitrary: anything }), (value) => {
        const raw = onTheWire(value);
        const byHand = quickEdit(raw);
        const bySchema = clientMessageSchema.safeParse(raw);
        if (byHand) taken['changes' in byHand.payload ? 'changes' : 'whole'] += 1;
        const expected = bySchema.success && bySchema.data.type === 'code_update' ? bySchema.data : null;
        // What has both forms, carriage returns, or unset fields may be left to the schema; never the other
        // way.
        if (byHand || !expected || !isLeft(raw)) expect(byHand).toEqual(expected);
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(taken.whole, taken.changes)).toBeGreaterThan(100);
  });

  it('is taken at a glance before its session is known', () => {
    for (const session_id of [null, '', undefined]) {
      expect(quickEdit({ type: 'code_update', session_id, payload: { code: '' } })).not.toBeNull();
    }
  });

  it('keeps the id of its request, the envelope’s first', () => {
    const frame = (envelope: object, payload: object) =>
      parseClientMessage(
        JSON.stringify({ type: 'code_update', ...envelope, payload: { code: '', ...payload } }),
      );
    expect(frame({ request_id: 'a' }, { request_id: 'b' }).requestId).toBe('a');
    expect(frame({}, { request_id: 'b' }).requestId).toBe('b');
    expect(frame({}, {}).requestId).toBeUndefined();
  });
});
