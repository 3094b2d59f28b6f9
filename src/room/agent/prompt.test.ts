import { describe, expect, it } from 'vitest';
import {
  buildMessages,
  buildRetry,
  INSTRUCTIONS,
  MAX_HISTORY_CHARS,
  MAX_HISTORY_TURNS,
  MAX_TURN_CHARS,
  type Turn,
} from './prompt.ts';
import { STRUDEL_GUIDE } from './strudel-guide.ts';

const contents = (history: Turn[], code = '') =>
  buildMessages({ query: 'faster', code, history }).map(
    ({ role, content }) => [role, String(content)] as const,
  );

describe('the prompt', () => {
  it('has the guide in its instructions, the same for all', () => {
    expect(INSTRUCTIONS.content).toContain(STRUDEL_GUIDE);
    expect(INSTRUCTIONS.content).toContain('```strudel');
  });

  it('ends with the program and what is asked', () => {
    expect(contents([], 's("bd")')).toEqual([
      ['user', 'The program now:\n\n```strudel\ns("bd")\n```\n\nThe request: faster'],
    ]);
    expect(contents([], ' \n')).toEqual([['user', 'The program is empty.\n\nThe request: faster']]);
  });

  it('fences a program that has fences in it so that it can’t break out', () => {
    expect(contents([], '// ````\ns("bd")')[0]?.[1]).toContain('`````strudel\n// ````\ns("bd")\n`````\n');
  });

  it('carries the conversation, and shows the model its own code in the form it is asked for', () => {
    expect(
      contents([
        { role: 'user', content: 'a beat' },
        { role: 'assistant', content: 's("bd*4")' },
        { role: 'user', content: 'what is jux?' },
        { role: 'assistant', content: 'It splits (left and right).' },
        { role: 'assistant', content: ' ' },
      ]).slice(0, -1),
    ).toEqual([
      ['user', 'a beat'],
      ['assistant', '```strudel\ns("bd*4")\n```'],
      ['user', 'what is jux?'],
      ['assistant', 'It splits (left and right).'],
    ]);
  });

  it('takes only the newest turns, and begins with one of a person’s', () => {
    const turns = Array.from({ length: MAX_HISTORY_TURNS + 7 }, (_, i): Turn => {
      return { role: i % 2 === 0 ? 'user' : 'assistant', content: `turn ${i}` };
    });
    const taken = contents(turns).slice(0, -1);
    expect(taken[0]).toEqual(['user', 'turn 8']);
    expect(taken.at(-1)).toEqual(['user', `turn ${MAX_HISTORY_TURNS + 6}`]);
    expect(contents([{ role: 'assistant', content: 'hello' }])).toHaveLength(1);
  });

  it('bounds what a turn and all of them may take', () => {
    const long: Turn = { role: 'user', content: `${'x'.repeat(MAX_TURN_CHARS - 1)}🎵${'y'.repeat(50_000)}` };
    const taken = contents(Array.from({ length: 10 }, () => long)).slice(0, -1);
    expect(taken).toHaveLength(3);
    expect(taken.join('').length).toBeLessThan(MAX_HISTORY_CHARS);
    expect(taken[0]?.[1]).toMatch(/^x+\n\/\/ … the rest is left out$/);
  });

  it('shows the model what was wrong', () => {
    const [answer, complaint] = buildRetry('```strudel\n(\n```', 'it does not parse: Unexpected token (1:1)');
    expect(answer).toEqual({ role: 'assistant', content: '```strudel\n(\n```' });
    expect(complaint?.content).toContain('it does not parse: Unexpected token (1:1)');
    expect(buildRetry(' ', 'it is empty')[0]?.content).toBe('(nothing)');
  });
});
