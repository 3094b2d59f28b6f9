/** Taking back an answer of the AI, whatever was typed since. */
import { type ChangeSpec, EditorState } from '@codemirror/state';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HeldNetwork, MergingRoom } from '../../../test/support/merging-room.ts';
import { StateEditor } from '../../../test/support/state-editor.ts';
import { newestAnswer } from './answer.ts';

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
  deliver();
  expect([a.text, b.text]).toEqual(Array(2).fill('s("bd sd")g3 \n// mine\n// theirs'));
  expect([marked(a), marked(b)]).toEqual([null, null]);
  expect([a.takeBackAnswer(), b.takeBackAnswer()]).toEqual([false, false]);
});

it('is one step of undo, after which it can be taken back again', () => {
  const { a, deliver } = answered();
  a.takeBackAnswer();
  expect(a.text).toBe(BEFORE);
  a.undo();
  expect([a.text, marked(a)]).toEqual([AFTER, ['note("c3 e3").fast(2)']]);
  a.takeBackAnswer();
  deliver();
  expect([a.text, marked(a)]).toEqual([BEFORE, null]);
});

it('undoing one’s own answer is taking it back; redoing it brings it again', () => {
  const { a, b, deliver } = answered();
  a.undo();
  expect([a.text, marked(a)]).toEqual([BEFORE, null]);
  deliver();
  expect([b.text, marked(b)]).toEqual([BEFORE, null]);
  a.redo();
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
