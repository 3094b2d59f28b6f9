/**
 * What an attacker sends: raw garbage, and messages that are nearly right. For properties of everything that
 * reads what comes from outside.
 *
 * `BACKBEAT_FUZZ_RUNS` sets how much of it a property tries, `BACKBEAT_FUZZ_SEED` another seed than CI's.
 */
import fc from 'fast-check';

const DEEP = 5_000;

/** Parameters of a property: CI's are always the same. */
export function fuzz(runs: number): { numRuns: number; seed: number; endOnFailure: boolean } {
  return {
    numRuns: Number(process.env.BACKBEAT_FUZZ_RUNS ?? runs),
    seed: Number(process.env.BACKBEAT_FUZZ_SEED ?? 20_240_718),
    // To make a failure smaller takes longer than to read it.
    endOnFailure: true,
  };
}

/** How long a test of so many runs may take, in milliseconds. */
export function fuzzTimeoutMs(runs: number, eachMs: number): number {
  return Math.max(60_000, fuzz(runs).numRuns * eachMs);
}

/** Texts that something on the way may stumble over. */
export const nastyText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    '\udfff\ud800',
    '\u202e\u2066',
    '\ufeff',
    '\r\nSet-Cookie: a=b',
    "' OR 1=1 --",
    '"; DROP TABLE sessions; --',
    '$1',
    '%00',
    '%',
    '%E0%A4%A',
    '../../../../etc/passwd',
    '{{7*7}}',
    '<script>alert(1)</script>',
    '__proto__',
    'constructor',
    'toString',
    'NaN',
    '-0',
    '1e999',
    '99999999999999999999',
    '00000000-0000-0000-0000-000000000000',
    '*',
    'bb:dirty',
    'x'.repeat(200_000),
    '🎹'.repeat(5_000),
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
);

const nastyNumber = fc.oneof(
  fc.constantFrom(-1, 0, -0, 0.5, 1e308, -1e308, 2 ** 53, 2 ** 31, 2 ** 32, 1_000_001, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Any JSON value, those that a merge of objects may stumble over among them. */
export const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  nastyText,
  nastyNumber,
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null]),
  fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }),
  fc.constant(
    JSON.parse('{"__proto__":{"isAdmin":true,"role":"host"},"constructor":{"prototype":{"role":"host"}}}'),
  ),
  fc.constant(Array.from({ length: 2_000 }, (_, index) => index)),
);

/**
 * JSON text that no value's text would be: deep, with a key twice, cut off, with numbers beyond all bounds.
 */
const nastyJsonText = fc.oneof(
  fc.constantFrom(
    '['.repeat(DEEP) + ']'.repeat(DEEP),
    `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
    '['.repeat(DEEP),
    '1e99999',
    '9'.repeat(5_000),
    '"\\ud800"',
    '"\\u0000"',
    '{"type":"ping","type":"code_update"}',
    '{"__proto__":{"type":"ping"}}',
    '\ufeff{"type":"ping"}',
    '{"type":"pi',
    'null',
    'undefined',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  nastyValue.map((value) => JSON.stringify(value) ?? ''),
);

/** `valid` with something wrong somewhere: a field replaced, taken out, added, or the text damaged. */
export function mutated(valid: object): fc.Arbitrary<string> {
  const paths = pathsOf(valid);
  const path = fc.constantFrom(...paths);
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(path, nastyValue).map(([at, value]) => textOf(replaced(valid, at, value))),
    },
    { weight: 1, arbitrary: path.map((at) => textOf(replaced(valid, at, undefined))) },
    { weight: 1, arbitrary: fc.nat().map((at) => cut(JSON.stringify(valid), at)) },
    {
      weight: 1,
      // A key that is there twice: the last one counts, for whoever reads it.
      arbitrary: nastyValue.map(
        (value) => `{"payload":${JSON.stringify(value)},${JSON.stringify(valid).slice(1)}`,
      ),
    },
    { weight: 1, arbitrary: nastyJsonText },
  );
}

/** Anything at all, as the bytes of a frame or a body. */
export const rawBytes: fc.Arbitrary<Buffer<ArrayBuffer>> = fc
  .uint8Array({ maxLength: 2_000 })
  .map((bytes) => Buffer.from(bytes));

export const rawText = nastyJsonText;

type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  copy[key] = replaced(copy[key], rest, by);
  return Array.isArray(value) ? Object.values(copy) : copy;
}

/** JSON, where there is any: of a message that was taken out as a whole nothing is left. */
function textOf(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

function cut(text: string, at: number): string {
  return text.slice(0, at % text.length);
}

/** What no reply may show: where our code is, what it asks of stores, how it is reached. */
export const INTERNAL =
  /\bat \S+ \(|\.(?:ts|js|mjs):\d+|node_modules|file:\/\/|\bselect .{1,80} from\b|\binsert into\b|\bSQLSTATE\b|\bNeonDbError\b|DrizzleQueryError|UpstashError|postgres(?:ql)?:\/\/|redis:\/\/|EVALSHA|ECONNREFUSED|127\.0\.0\.1|localhost|is not a function|Cannot read propert|(?:Type|Syntax|Reference|Range)Error/i;
