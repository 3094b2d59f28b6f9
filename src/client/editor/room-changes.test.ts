/** Taking back an answer of the AI, whatever was typed since. */
import { type ChangeSpec, EditorState } from '@codemirror/state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldNetwork, MergingRoom } from '../../../test/support/merging-room.ts';
import { StateEditor } from '../../../test/support/state-editor.ts';
import { newestAnswer } from './room-changes.ts';

const BEFORE = 's("bd sd")\n// mine';
const AFTER = 'note("c3 e3").fast(2)\n// mine';

function answered(code = BEFORE, change: ChangeSpec = { from: 0, to: 10, insert: 'note("c3 e3").fast(2)' }) {
  const network = new HeldNetwork();
  const room = new MergingRoom(code, network.channel);
  const [a, b] = [new StateEditor(room.join('A')), new StateEditor(room.join('B'))];
  const deliver = () => network.deliverAll();
  room.change(change, 'ai', 'A');
  deliver();
  return { a, b, room, deliver };
}

const marked = ({ state }: StateEditor) =>
  newestAnswer(state)?.places.flatMap(({ inserted }) =>
    inserted.map(({ from, to }) => state.doc.sliceString(from, to)),
  ) ?? null;

it('marks what it put in, for all, and says who asked', () => {
  const { a, b } = answered();
  expect([a.text, b.text]).toEqual([AFTER, AFTER]);
  expect([marked(a), marked(b)]).toEqual(Array(2).fill(['note("c3 e3").fast(2)']));
  expect(newestAnswer(b.state)).toMatchObject({ author: { name: 'A' }, isOwnRequest: false });
  expect(newestAnswer(a.state)?.isOwnRequest).toBe(true);
});

it('takes back just that: what was typed since stays, also inside', () => {
  const { a, b, deliver } = answered();
  b.change({ from: 9, insert: 'g3 ' });
  b.change({ from: b.state.doc.length, insert: '\n// theirs' });
  deliver();
  expect(marked(a)).toEqual(['note("c3 ', 'e3").fast(2)']);
  expect(a.takeBackAnswer()).toBe(true);
  expect(a.text).toContain('note(');
  deliver();
  expect([a.text, b.text]).toEqual(Array(2).fill('s("bd sd")g3 \n// mine\n// theirs'));
  expect([marked(a), marked(b)]).toEqual([null, null]);
  expect([a.takeBackAnswer(), b.takeBackAnswer()]).toEqual([false, false]);
});

it('is one step of undo, after which it can be taken back again', () => {
  const { a, deliver } = answered();
  a.takeBackAnswer();
  deliver();
  expect(a.text).toBe(BEFORE);
  a.undo();
  deliver();
  expect([a.text, marked(a)]).toEqual([AFTER, ['note("c3 e3").fast(2)']]);
  a.takeBackAnswer();
  deliver();
  expect([a.text, marked(a)]).toEqual([BEFORE, null]);
});

it('undoing one’s own answer is taking it back; redoing it brings it again', () => {
  const { a, b, deliver } = answered();
  a.undo();
  deliver();
  expect([a.text, marked(a)]).toEqual([BEFORE, null]);
  expect([b.text, marked(b)]).toEqual([BEFORE, null]);
  a.redo();
  deliver();
  expect([a.text, marked(a)]).toEqual([AFTER, ['note("c3 e3").fast(2)']]);
});

it('taken back by one participant, it is gone for the others, and nothing comes back twice', () => {
  const { a, b, deliver } = answered('one two three', [
    { from: 0, to: 4 },
    { from: 8, to: 13, insert: 'THREE' },
  ]);
  expect(a.text).toBe('two THREE');
  a.takeBackAnswer();
  deliver();
  expect([b.text, marked(b)]).toEqual(['one two three', null]);
  expect(b.takeBackAnswer()).toBe(false);
});

it('one that only took text away can be taken back', () => {
  const { a, deliver } = answered('one two three', { from: 3, to: 7 });
  expect(marked(a)).toEqual([]);
  a.change({ from: 0, insert: 'zero ' });
  expect(a.takeBackAnswer()).toBe(true);
  deliver();
  expect(a.text).toBe('zero one two three');
});

it('is gone when another text stands in its place, when it is dismissed, and when another answer comes', () => {
  const { a, b, room, deliver } = answered();
  b.change({ from: 0, to: b.state.doc.length, insert: 'all new' });
  deliver();
  expect([marked(a), marked(b)]).toEqual([null, null]);
  room.change({ from: 0, to: 3, insert: 'ALL' }, 'ai', 'B');
  deliver();
  room.change({ from: 4, to: 7, insert: 'NEW' }, 'ai', 'B');
  deliver();
  expect(marked(a)).toEqual(['NEW']);
  expect(a.dismissAnswer()).toBe(true);
  expect([marked(a), a.dismissAnswer(), a.takeBackAnswer()]).toEqual([null, false, false]);
  expect(b.takeBackAnswer()).toBe(true);
  deliver();
  expect(b.text).toBe('ALL new');
});

it('a switch to another strudel ends it', () => {
  const { a, room, deliver } = answered();
  room.change({ from: room.text.length, insert: '\n// switched' }, 'loaded_strudel', 'B');
  deliver();
  expect(marked(a)).toBeNull();
});

it('a read-only editor takes nothing back', () => {
  const room = new MergingRoom('one', () => (deliver) => deliver());
  const viewer = new StateEditor(room.join('A'), EditorState.readOnly.of(true));
  room.change({ from: 0, to: 3, insert: 'two' }, 'ai', 'A');
  expect(marked(viewer)).toEqual(['two']);
  expect(viewer.takeBackAnswer()).toBe(false);
});

it('taking back keeps every letter that was typed since, and puts back what the answer had removed', () => {
  const typing = fc.array(fc.record({ at: fc.nat(100), isDeleting: fc.boolean() }), { maxLength: 20 });
  fc.assert(
    fc.property(typing, typing, (ofA, ofB) => {
      const { a, b, deliver } = answered('abcdefghij', [
        { from: 1, to: 3, insert: 'ANSWER' },
        { from: 6, insert: 'MORE' },
      ]);
      const type = (editor: StateEditor, step: { at: number; isDeleting: boolean }, letter: string) => {
        const at = step.at % (editor.state.doc.length + 1);
        // Only capitals are the answer's: then they are the one thing that may go.
        const isOwn = /[A-Z]/.test(editor.state.doc.sliceString(at, at + 1));
        editor.change(step.isDeleting && isOwn ? { from: at, to: at + 1 } : { from: at, insert: letter });
      };
      for (const [index, step] of ofA.entries()) type(a, step, String(index % 10));
      deliver();
      for (const step of ofB) type(b, step, '+');
      deliver();
      const typed = a.text.replace(/[A-Z]/g, '');
      const hadFirst = newestAnswer(a.state)?.places.some(({ removed }) => removed.length > 0) ?? false;
      a.takeBackAnswer();
      deliver();
      expect(b.text).toBe(a.text);
      expect(a.text).not.toMatch(/[A-Z]/);
      expect(a.text.replace(/[a-j]/g, '')).toBe(typed.replace(/[a-j]/g, ''));
      expect(a.text.replace(/[^a-j]/g, '')).toBe(hadFirst ? 'abcdefghij' : 'adefghij');
    }),
  );
});

describe('by two at once', () => {
  const ways = {
    'the button': (editor: StateEditor) => editor.takeBackAnswer(),
    undo: (editor: StateEditor) => editor.undo(),
  };

  for (const [way, act] of Object.entries(ways)) {
    it(`it is taken back once: by ${way} and by the other’s button, whoever is first`, () => {
      for (const isFirst of [true, false]) {
        const { a, b, deliver } = answered();
        if (isFirst) act(a);
        b.takeBackAnswer();
        if (!isFirst) act(a);
        deliver();
        expect([a.text, b.text]).toEqual([BEFORE, BEFORE]);
      }
    });
  }

  it('it is brought again once', () => {
    const { a, b, deliver } = answered();
    a.takeBackAnswer();
    deliver();
    expect([a.bringAnswerAgain(), b.bringAnswerAgain()]).toEqual([true, true]);
    deliver();
    expect([a.text, b.text]).toEqual([AFTER, AFTER]);
    expect(marked(b)).toEqual(['note("c3 e3").fast(2)']);
  });

  it('undo does nothing about an answer that another has taken back, and what is before it comes next', () => {
    const { a, b, deliver } = answered();
    a.change({ from: a.text.length, insert: '!' });
    b.takeBackAnswer();
    deliver();
    a.undo();
    a.undo();
    deliver();
    expect([a.text, b.text]).toEqual([BEFORE, BEFORE]);
  });

  it('a version that was restored, and a switch, are taken back once by two pages of one participant', () => {
    for (const source of ['restored', 'loaded_strudel']) {
      const network = new HeldNetwork();
      const room = new MergingRoom(BEFORE, network.channel);
      const pages = [new StateEditor(room.join('A')), new StateEditor(room.join('A2', 'a'))];
      room.change({ from: 0, to: BEFORE.length, insert: AFTER }, source, 'A');
      network.deliverAll();
      for (const page of pages) page.undo();
      network.deliverAll();
      expect(pages.map(({ text }) => text)).toEqual([BEFORE, BEFORE]);
    }
  });
});

it('whoever takes it back, brings it again or undoes, however late they hear: each text is there once', () => {
  const step = fc.record({
    who: fc.nat(2),
    what: fc.constantFrom('button', 'again', 'undo', 'redo', 'type', 'deliver'),
    at: fc.nat(30),
    pick: fc.nat(5),
  });
  const change = fc.constantFrom<ChangeSpec>(
    { from: 1, to: 3, insert: 'NEW' },
    { from: 2, insert: 'ADDED' },
    { from: 4, to: 9 },
    [
      { from: 0, to: 2, insert: 'X' },
      { from: 5, to: 7, insert: 'YZ' },
    ],
  );
  const counted = (text: string) => [...text].filter((char) => /[a-jA-Z]/.test(char)).join('');
  fc.assert(
    fc.property(change, fc.array(step, { maxLength: 30 }), (spec, steps) => {
      const network = new HeldNetwork();
      const room = new MergingRoom('abcdefghij', network.channel);
      const editors = ['A', 'B', 'C'].map((name) => new StateEditor(room.join(name)));
      room.change(spec, 'ai', 'A');
      network.deliverAll();
      const texts = [counted(room.text.toString()), 'abcdefghij'];
      for (const { who, what, at, pick } of steps) {
        const editor = editors[who];
        if (!editor) continue;
        if (what === 'button') editor.takeBackAnswer();
        if (what === 'again') editor.bringAnswerAgain();
        if (what === 'undo') editor.undo();
        if (what === 'redo') editor.redo();
        if (what === 'type') editor.change({ from: at % (editor.text.length + 1), insert: '+' });
        if (what === 'deliver') network.deliverOne((count) => pick % Math.max(1, count));
      }
      network.deliverAll();
      for (const { text } of editors) expect(text).toBe(room.text.toString());
      expect(texts).toContain(counted(room.text.toString()));
    }),
    { numRuns: 500 },
  );
});
