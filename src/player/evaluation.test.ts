/** Evaluating a pattern: what it gives, and what a bad one says, with its place. */
import { State, TimeSpan } from '@strudel/core';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type Evaluated, Evaluator } from './evaluation.ts';
import { describeFailure, PatternFailure } from './failure.ts';
import { limitLists, limitQueries } from './query-limits.ts';
import { TimeLimit } from './time-limit.ts';

const limit = new TimeLimit(undefined, 300);
limitQueries(limit);
limit.coverLibrary();
const { from } = Array;
const { fill } = Array.prototype;
limitLists();
afterAll(() => {
  Array.from = from;
  Array.prototype.fill = fill;
});
const evaluator = new Evaluator(limit, () => 0);

const query = ({ pattern }: Evaluated, begin = 0, end = 1) =>
  pattern.query(new State(new TimeSpan(begin, end)));
const evaluate = (code: string) => evaluator.evaluate(code, (evaluated) => query(evaluated).length);

/** What the first cycle has, in the order of time. */
async function values(code: string): Promise<unknown[]> {
  const haps = query(await evaluate(code)).filter((hap) => hap.hasOnset());
  return haps
    .sort((a, b) => (a.whole?.begin.valueOf() ?? 0) - (b.whole?.begin.valueOf() ?? 0))
    .map(({ value }) => value);
}

async function failure(code: string) {
  const error: unknown = await evaluate(code).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PatternFailure)) throw new Error(`no failure but ${String(error)}`);
  return describeFailure(error, code);
}

describe('a pattern', () => {
  it('is the code’s value, or all that has a label', async () => {
    expect(await values('s("bd sd")')).toEqual([{ s: 'bd' }, { s: 'sd' }]);
    expect(await values('$: s("bd")\n$: note("c")\n_$: s("hh")')).toEqual([{ s: 'bd' }, { note: 'c' }]);
    expect(await values('$: s("bd")\nS$: s("cp")')).toEqual([{ s: 'cp' }]);
    expect(await values('all(x => x.gain(2))\n$: s("bd")')).toEqual([{ s: 'bd', gain: 2 }]);
    expect(await values('n("0 2").scale("C:minor")')).toEqual([{ note: 'C3' }, { note: 'Eb3' }]);
  });

  it('has a tempo, Strudel’s own when it sets none, whatever was evaluated before', async () => {
    expect((await evaluate('setcps(1)\ns("bd")')).cyclesPerSecond).toBe(1);
    expect((await evaluate('setcpm(90)\ns("bd")')).cyclesPerSecond).toBe(1.5);
    expect((await evaluate('s("bd")')).cyclesPerSecond).toBe(0.5);
  });

  it('knows the places of what sounds in the code', async () => {
    const code = 'stack(\n  s("bd sd"),\n  note("c")\n)';
    const haps = query(await evaluate(code));
    const places = haps.flatMap(({ context }) => context.locations ?? []);
    expect(places.map(({ start, end }) => code.slice(start, end)).sort()).toEqual(['bd', 'c', 'sd']);
  });

  it('keeps the words of Strudel for the next one', async () => {
    await evaluate('globalThis.note = 3; silence');
    expect(await values('note("c")')).toEqual([{ note: 'c' }]);
  });
});

describe('an error has its place', () => {
  it.each([
    ['s("bd"', 'syntax', 1, 7],
    ['s("bd")\n  .fast(2))', 'syntax', 2, 11],
    ['let a = 1', 'syntax', 1, 1],
    ['$: s("bd sd")\n$: s("bd [sd")', 'syntax', 2, 13],
    ['stack(\n  s("bd"),\n  note(`c e\n  <g`)\n)', 'syntax', 4, 5],
    ['s("bd").foo(2)', 'runtime', 1, 9],
    ['s("bd")\n\nblub.fast(2)', 'runtime', 3, 1],
    ['$: s("bd")\n$: stack(\n  s("hh"),\n  blub("a"))', 'runtime', 4, 3],
    ['const f = (x) => {\n  return x.y.z\n}\ns("bd").fast(f({}))', 'runtime', 2, 14],
    ['import("data:text/javascript,1")\ns("bd")', 'syntax', 1, 1],
    ['setcps(0)\ns("bd")', 'runtime', 1, 1],
  ])('%j: %s', async (code, kind, line, column) => {
    expect(await failure(code)).toMatchObject({ kind, line, column });
  });

  it('is that of the samples that can’t be loaded', async () => {
    vi.stubGlobal('navigator', { onLine: true });
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('Failed to fetch');
    });
    vi.spyOn(console, 'error').mockReturnValue();
    try {
      expect(await failure("s('bd')\nsamples('github:missing/samples')\ns('bd')")).toEqual({
        kind: 'sound',
        message: expect.stringContaining('The samples of “github:missing/samples” couldn’t be loaded.'),
        line: 2,
        column: 1,
      });
    } finally {
      vi.unstubAllGlobals();
      vi.restoreAllMocks();
    }
  });

  it('says what a mini-notation lacks', async () => {
    expect((await failure('s("bd [sd")')).message).toMatch(
      /^mini-notation: Expected .* but end of input|found/,
    );
  });
});

describe('what never ends is stopped, with its place', () => {
  it.each([
    ['for (;;) {}\ns("bd")', 1, 1],
    ['s("bd")\nwhile (true) ;\ns("hh")', 2, 1],
    ['let i = 0\ndo i++; while (true)\ns("hh")', 2, 1],
    ['let f = () =>\n  f()\nf()\ns("bd")', expect.any(Number), expect.any(Number)],
    ['const f = async () => { await 0; await f() }\nawait f()\ns("bd")', 1, 11],
    ['for (;;) { try { for (;;) {} } catch {} }\ns("bd")', 1, 1],
    ['class A { get x() { return this.x } }\nnew A().x\ns("bd")', 1, 19],
    ['s("bd").fmap((x) => { for (;;) {} })', 1, 23],
    ['$: s("bd").every(2, (x) => {\n  while (1) {}\n})', 2, 3],
  ])('%j', async (code, line, column) => {
    expect(await failure(code)).toMatchObject({ kind: 'too_long', line, column });
  });

  it.each([
    's("bd").fast(1e9)',
    's("bd*1000000000")',
    's("bd!1000000000")',
    's("bd").ply(1e7)',
    'note(run(1e7))',
    's("bd").segment(1e6)',
    'stack(s("bd*64"), s("hh*64").ply(64)).ply(64)',
    'n("0 .. 100000000")',
    's("bd(3,10000000)")',
    's("bd").chop(1e7)',
    's("bd").echo(1e8, 1/8, .5)',
    'n("0").shuffle(1e6)',
  ])('%s makes too much', async (code) => {
    expect(await failure(code)).toMatchObject({ kind: expect.stringMatching(/too_long|runtime/) });
  });

  it('an evaluation after it works', async () => {
    await failure('for (;;) {}\ns("bd")');
    expect(await values('s("bd")')).toEqual([{ s: 'bd' }]);
  });
});
