import { describe, expect, test } from 'vitest';
import { parseConnectionString, verifyCredentials } from './credentials.ts';
import { beginStatement, isCopyFromStdin, isCopyStream, parseCommandTag, SqlError } from './engine.ts';
import { ConnectionStringError, RequestError } from './errors.ts';
import { toJsonText } from './json-values.ts';
import { type JsonValue, toPgText } from './params.ts';
import { FrameReader, message, WireFormatError } from './wire.ts';

describe('a JSON parameter as Postgres text', () => {
  const cases: [JsonValue, string | null][] = [
    [null, null],
    ['a"b', 'a"b'],
    [42, '42'],
    [1.5, '1.5'],
    [false, 'false'],
    [{ a: [1, null] }, '{"a":[1,null]}'],
    [[], '{}'],
    [[true, null, 'NULL', 42, 'a"b\\'], '{true,NULL,"NULL",42,"a\\"b\\\\"}'],
    [[[1], [null]], '{{1},{NULL}}'],
    [[{ a: 'b"' }], '{"{\\"a\\":\\"b\\\\\\"\\"}"}'],
  ];
  test.each(cases)('%j', (value, expected) => {
    expect(toPgText(value)).toBe(expected);
  });
});

describe('Postgres text as JSON', () => {
  test.each([
    ['bool', 't', 16, true],
    ['int8 keeps its digits as text', '9223372036854775807', 20, '9223372036854775807'],
    ['float8', '1e-7', 701, 1e-7],
    ['float8 infinity', '-Infinity', 701, '-Infinity'],
    ['jsonb', '{"a": [1]}', 3802, { a: [1] }],
    ['unknown type', '(1,2)', 99_999, '(1,2)'],
    ['text[]', '{a,"b,c","q\\"\\\\","NULL",NULL,""}', 1009, ['a', 'b,c', 'q"\\', 'NULL', null, '']],
    ['text[] with a line feed', '{"a\nb"}', 1009, ['a\nb']],
    [
      'int4[][] with bounds',
      '[0:1][1:2]={{1,2},{3,NULL}}',
      1007,
      [
        [1, 2],
        [3, null],
      ],
    ],
    ['jsonb[]', '{"{\\"a\\": \\"}\\"}"}', 3807, [{ a: '}' }]],
    ['bool[]', '{t,f,NULL}', 1000, [true, false, null]],
  ])('%s', (_name, text, dataTypeID, expected) => {
    expect(JSON.parse(toJsonText(text, dataTypeID))).toEqual(expected);
  });
});

test.each([
  ['INSERT 0 5', { command: 'INSERT', rowCount: 5 }],
  ['SELECT 0', { command: 'SELECT', rowCount: 0 }],
  ['CREATE TABLE', { command: 'CREATE', rowCount: null }],
  ['BEGIN', { command: 'BEGIN', rowCount: null }],
  ['', { command: '', rowCount: null }],
])('the command tag %j', (tag, expected) => {
  expect(parseCommandTag(tag)).toEqual(expected);
});

test('the statement that begins a transaction', () => {
  expect(beginStatement({ readOnly: false, deferrable: false })).toBe('BEGIN');
  expect(beginStatement({ isolationLevel: 'SERIALIZABLE', readOnly: true, deferrable: true })).toBe(
    'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE',
  );
});

test.each([
  ['COPY t FROM STDIN', true, true],
  ['  -- why\n/* and\nhow */ copy t (a)\nfrom  stdin with (format csv)', true, true],
  ['COPY t TO STDOUT', true, false],
  ["COPY t FROM '/tmp/x'", false, false],
  ["SELECT 'copy t from stdin'", false, false],
  ['INSERT INTO copy_of_t SELECT 1', false, false],
])('%j streams: %s, from the client: %s', (text, streams, fromStdin) => {
  expect(isCopyStream(text)).toBe(streams);
  expect(isCopyFromStdin(text)).toBe(fromStdin);
});

describe('the connection string', () => {
  test('gives user, password and database, decoded', () => {
    expect(parseConnectionString('postgresql://u%40x:p%2Fw@h:5432/d%20b?sslmode=require')).toEqual({
      user: 'u@x',
      password: 'p/w',
      database: 'd b',
    });
    expect(parseConnectionString('postgres://u@h/d').password).toBeNull();
  });

  test.each([
    'mysql://u:p@h/d',
    'postgres://u:p@h',
    'postgres://:p@h/d',
    'postgres://u:p@/d',
    'postgres://u:%ff@h/d',
    '',
  ])('%j is refused, without being repeated', (text) => {
    const refused = () => parseConnectionString(text);
    expect(refused).toThrow(ConnectionStringError);
    if (text !== '') expect(refused).not.toThrow(text);
  });

  test('must fit the database that is served', () => {
    const expected = { user: 'u', password: 'p', database: 'd' };
    const code = (given: typeof expected) => {
      try {
        verifyCredentials(given, expected);
        return null;
      } catch (error) {
        return error instanceof SqlError ? error.fields.code : error instanceof RequestError && error.status;
      }
    };
    expect(code(expected)).toBeNull();
    expect(code({ ...expected, password: 'x' })).toBe(400);
    expect(code({ ...expected, user: 'x' })).toBe(400);
    expect(code({ ...expected, database: 'x' })).toBe('3D000');
    expect(() => verifyCredentials(expected, { ...expected, password: null })).not.toThrow();
  });
});

describe('framing', () => {
  test('messages come out whole, whatever the chunks', () => {
    const messages = [message('Q', 'SELECT 1'), message('S'), message('d', Buffer.alloc(300, 7))];
    const stream = Buffer.concat(messages);
    for (const size of [1, 2, 5, 7, 64, stream.length]) {
      const reader = new FrameReader();
      const frames: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        reader.push(stream.subarray(at, at + size));
        for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame.bytes);
      }
      expect(frames, `chunks of ${size}`).toEqual(messages);
    }
  });

  test('a length that can’t be is refused', () => {
    const read = (bytes: number[], how: 'next' | 'nextStartup') => {
      const reader = new FrameReader();
      reader.push(Buffer.from(bytes));
      return () => reader[how]();
    };
    expect(read([0x51, 0, 0, 0, 3], 'next')).toThrow(WireFormatError);
    expect(read([0x51, 0x7f, 0xff, 0xff, 0xff], 'next')).toThrow(WireFormatError);
    expect(read([0x47, 0x45, 0x54, 0x20], 'nextStartup')).toThrow(WireFormatError);
  });
});
