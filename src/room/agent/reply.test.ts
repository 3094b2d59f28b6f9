import { describe, expect, it } from 'vitest';
import { MAX_CODE_BYTES } from '../../protocol/index.ts';
import { problemOf } from './code-check.ts';
import { fenced, readReply } from './reply.ts';
import { STRUDEL_GUIDE } from './strudel-guide.ts';

describe('a reply', () => {
  it('with one marked block is code, and what is around it its explanation', () => {
    expect(readReply('Here:\n\n```strudel\n$: s("bd*4")\n$: s("hh*8")\n```\nEnjoy!\n')).toEqual({
      kind: 'code',
      code: '$: s("bd*4")\n$: s("hh*8")',
      explanation: 'Here:\n\nEnjoy!',
    });
  });

  it('is read by Markdown’s rules', () => {
    const code = 'note(`c3\n  e3`)\n// ```\n//```js';
    expect(readReply(`~~~ Strudel\n${code}\n~~~~`)).toMatchObject({ kind: 'code', code });
    expect(readReply(`\`\`\`\`strudel extra words\r\n${code}\r\n\`\`\`\`  `)).toMatchObject({
      kind: 'code',
      code,
    });
    expect(readReply(`  ${fenced('a\n```\nb')}`)).toMatchObject({ kind: 'code', code: 'a\n```\nb' });
    expect(readReply('```strudel\n\n  \n  s("bd")  \n\n```')).toMatchObject({ code: '  s("bd")' });
  });

  it('keeps examples in other blocks out of the program', () => {
    const text = 'Before:\n```js\ns("bd")\n```\nNow:\n```strudel\ns("sd")\n```';
    expect(readReply(text)).toMatchObject({ kind: 'code', code: 's("sd")' });
  });

  it('is unclear when no block is marked, several are, or the marked one has no end', () => {
    expect(readReply('```js\ns("bd")\n```')).toMatchObject({ kind: 'unclear', isProgram: false });
    expect(readReply('```\ns("bd")')).toMatchObject({ kind: 'unclear', isProgram: false });
    expect(readReply('```strudel\na\n```\n```strudel\nb\n```')).toMatchObject({ isProgram: true });
    expect(readReply('```strudel\ns("bd")')).toMatchObject({
      kind: 'unclear',
      isProgram: true,
      problem: 'the program was cut off before its end',
    });
  });

  it('without a block is text, inline code included', () => {
    expect(readReply(' `jux` splits left and right.\nWhy? Because. ')).toEqual({
      kind: 'text',
      text: '`jux` splits left and right.\nWhy? Because.',
    });
  });

  it('with marked lines is questions', () => {
    expect(readReply('I need more.\n? Which tempo?\n  ? Which key?\n? ')).toEqual({
      kind: 'questions',
      questions: ['Which tempo?', 'Which key?'],
      text: 'I need more.\nWhich tempo?\nWhich key?',
    });
    const many = readReply(Array.from({ length: 9 }, () => `? ${'x'.repeat(600)}`).join('\n'));
    if (many.kind !== 'questions') throw new Error(many.kind);
    expect(many.questions.map(({ length }) => length)).toEqual([500, 500, 500, 500, 500]);
  });

  it('code with question marks in it is code', () => {
    expect(readReply('```strudel\ns("bd? hh?")\n? "x" : 1\n```')).toMatchObject({ kind: 'code' });
  });
});

describe('code', () => {
  it.each([
    's("bd*4, hh*8?")',
    '$: s("bd*4")\n$: note("c3 e3").s("sawtooth")\n_$: s("hh*8")',
    "await samples('github:tidalcycles/dirt-samples')\nstack(s('bd'), note(`<c3\n e3>`)) // end",
    'const f = x => x?.fast(2) ?? x\nsetcpm(120/4)\ns("bd").every(4, f)',
    'drums: s("bd")',
  ])('that Strudel runs is accepted: %s', (code) => {
    expect(problemOf(code)).toBeNull();
  });

  it.each([
    ['', /empty/],
    [' \n\t', /empty/],
    ['s("bd"', /does not parse: Unexpected token \(1:6\)/],
    ['d1 $ sound "bd*4" # gain 0.5', /does not parse/],
    ['import { s } from "x"\ns("bd")', /does not parse/],
    ['s("bd\nhh")', /does not parse/],
    ['const bass = note("c2")', /last statement/],
    ['// nothing', /last statement/],
    ['$: for (;;) {}', /last statement/],
    [`s("${'\0'}")`, /U\+0000/],
    ['s("\ud83c")', /lone surrogate/],
    ['('.repeat(50_000), /nested too deeply|does not parse/],
  ])('that it would not is told: %j', (code, problem) => {
    expect(problemOf(code)).toMatch(problem);
  });

  it('fits the limit of a session’s code to the byte', () => {
    const ofBytes = (bytes: number) => `s("${'ü'.repeat((bytes - 6) / 2)}")\n`;
    expect(problemOf(ofBytes(MAX_CODE_BYTES))).toBeNull();
    expect(problemOf(ofBytes(MAX_CODE_BYTES + 2))).toMatch(/larger than/);
  });
});

describe('the guide', () => {
  it('has only programs that parse', () => {
    const programs = STRUDEL_GUIDE.split(/\n(?! {4})/).flatMap((part) => {
      const lines = part.split('\n').filter((line) => line.startsWith('    '));
      return lines.length > 0 ? [lines.map((line) => line.slice(4)).join('\n')] : [];
    });
    expect(programs.length).toBe(6);
    for (const program of programs) expect(problemOf(program), program).toBeNull();
  });

  it('is compact', () => {
    expect(STRUDEL_GUIDE.length).toBeLessThan(10_000);
  });
});
