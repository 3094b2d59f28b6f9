// @vitest-environment node
/** What is offered where. `|` is the caret. */
import { CompletionContext } from '@codemirror/autocomplete';
import { javascript } from '@codemirror/lang-javascript';
import { EditorState } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { describe, expect, it } from 'vitest';
import { callsAround, wordAt } from './code-place.ts';
import { completePattern } from './completion.ts';
import { setVocabulary, vocabularyField } from './vocabulary.ts';

const SOUNDS = [
  { name: 'bd', kind: 'kit', variations: 3 },
  { name: 'sawtooth', kind: 'synth', variations: 1 },
  { name: 'RolandTR909_bd', kind: 'sample', variations: 4 },
  { name: 'RolandTR909_hh', kind: 'sample', variations: 4 },
  { name: 'gm_piano', kind: 'sample', variations: 1 },
] as const;

function stateOf(marked: string) {
  const pos = marked.indexOf('|');
  const view = {
    state: EditorState.create({
      doc: marked.replace('|', ''),
      extensions: [javascript(), vocabularyField],
    }),
    dispatch(spec: Parameters<EditorState['update']>[0]) {
      view.state = view.state.update(spec).state;
    },
  };
  setVocabulary(view as unknown as EditorView, { functions: ['note', 'blub'], sounds: [...SOUNDS] });
  return { state: view.state, pos };
}

/** @returns null when nothing is offered */
async function offered(marked: string, isExplicit = false) {
  const { state, pos } = stateOf(marked);
  const result = await completePattern(new CompletionContext(state, pos, isExplicit));
  return (
    result && { typed: state.sliceDoc(result.from, pos), labels: result.options.map(({ label }) => label) }
  );
}

describe('words', () => {
  it('are offered while one is written: those that may begin, and those of the player', async () => {
    const found = await offered('st|');
    expect(found?.typed).toBe('st');
    expect(found?.labels).toEqual(expect.arrayContaining(['stack', 'setcpm', 'note', 'sine', 'blub']));
    expect(found?.labels).not.toContain('lpf');
    expect(found?.labels.filter((label) => label === 'note')).toHaveLength(1);
  });

  it('after a full stop are those that follow a pattern', async () => {
    for (const code of ['s("bd").|', 's("bd").lp|', 's("bd")\n  .|', 's("bd")\n  .lp|']) {
      const found = await offered(code);
      expect(found?.labels, code).toEqual(expect.arrayContaining(['lpf', 'fast', 'cutoff', 'blub']));
      expect(found?.labels, code).not.toContain('stack');
    }
  });

  it('aren’t offered where nothing is written, in numbers, comments and other texts', async () => {
    for (const code of [
      '|',
      's("bd").gain(.|5)',
      's("bd").gain(0.|)',
      '// st|',
      's("bd").foo("ba|")',
      's("bd"|)',
    ]) {
      expect(await offered(code), code).toBeNull();
    }
    expect((await offered('|', true))?.labels).toContain('stack');
  });
});

describe('within texts', () => {
  it.each([
    's("bd s|")',
    'sound("s|")',
    '"<bd s|>".s()',
    's(`bd\n  [s|`)',
    's("s|',
    's("bd s|".fast(2))',
    '$: s("[s|]*2")',
  ])('sounds: %s', async (code) => {
    expect(await offered(code)).toEqual({ typed: 's', labels: SOUNDS.map(({ name }) => name) });
  });

  it('sounds not after a rest, unless asked for', async () => {
    expect(await offered('s("bd ~ |")')).toBeNull();
    expect((await offered('s("bd ~ |")', true))?.typed).toBe('');
    expect(await offered('s("bd"|)', true)).not.toMatchObject({ labels: ['bd'] });
  });

  it('after a colon the variations of the sound', async () => {
    expect(await offered('s("hh bd:|")')).toEqual({ typed: '', labels: ['0', '1', '2'] });
    expect(await offered('s("sawtooth:|")')).toBeNull();
  });

  it('drum machines', async () => {
    expect(await offered('s("bd").bank("Ro|")')).toEqual({ typed: 'Ro', labels: ['RolandTR909'] });
  });

  it('a root, then a scale', async () => {
    expect((await offered('n("0").scale("|")'))?.labels).toContain('Eb');
    const scales = await offered('n("0").scale("<C4:minor D:ha|")');
    expect(scales?.typed).toBe('ha');
    expect(scales?.labels).toContain('harmonic:minor');
  });

  it('notes and steps only when asked for', async () => {
    expect(await offered('note("c|")')).toBeNull();
    expect(await offered('note("e c|")', true)).toMatchObject({ typed: 'c' });
    expect((await offered('note("c|")', true))?.labels).toEqual(expect.arrayContaining(['c', 'c#4', 'bb2']));
    expect((await offered('n("|")', true))?.labels).toContain('7');
  });

  it('chords', async () => {
    expect((await offered('chord("<A|")'))?.labels).toContain('Am7');
  });
});

describe('help is for', () => {
  it('the word at the caret, on either side of it', () => {
    for (const code of ['s("bd").l|pf(800)', 's("bd").lpf|(800)', 's("bd").|lpf(800)']) {
      const { state, pos } = stateOf(code);
      expect(wordAt(state, pos)?.name, code).toBe('lpf');
    }
    const { state, pos } = stateOf('s("b|d")');
    expect(wordAt(state, pos)).toBeNull();
  });

  it('else the calls around it, from the innermost', () => {
    const { state, pos } = stateOf('stack(s("bd").lpf(8|00))');
    expect(callsAround(state, pos).map(({ name }) => name)).toEqual(['lpf', 'stack']);
  });
});
