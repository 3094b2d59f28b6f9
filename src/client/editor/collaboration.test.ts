/** Editors without a view, on a room in memory: undo, carets, and that all end alike. */
import { EditorState, type TransactionSpec } from '@codemirror/state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldNetwork, MergingRoom } from '../../../test/support/merging-room.ts';
import { StateEditor } from '../../../test/support/state-editor.ts';
import { HeldChanges } from './held-changes.ts';
import { peersOf } from './peers.ts';
import type { EditOrigin } from './ports.ts';
import { editSource, originOf } from './remote-change.ts';

function meet(code: string) {
  const network = new HeldNetwork();
  const room = new MergingRoom(code, network.channel);
  const [a, b] = [new StateEditor(room.join('A')), new StateEditor(room.join('B'))];
  network.deliverAll();
  return { a, b, room, deliver: () => network.deliverAll(), network };
}

const caretOf = (editor: StateEditor) => editor.state.selection.main.head;

describe('undo', () => {
  it('leaves a text that replaced one’s own', () => {
    const { a, b, deliver } = meet('');
    b.type('s("hh*8")');
    deliver();
    a.change({ from: 0, to: a.state.doc.length, insert: 'note("c3")' });
    deliver();
    b.undo();
    deliver();
    expect([a.text, b.text]).toEqual(['note("c3")', 'note("c3")']);
  });

  it('is right about what another participant changed around it, in several places at once', () => {
    const { a, b, deliver } = meet('foo()\nbody\nfoo()');
    a.change({ from: 6, to: 10, insert: 'BODY' });
    deliver();
    b.change([
      { from: 0, to: 3, insert: 'bar' },
      { from: 11, to: 14, insert: 'bar' },
    ]);
    deliver();
    a.undo();
    a.undo();
    deliver();
    expect([a.text, b.text]).toEqual(Array(2).fill('bar()\nbody\nbar()'));
    a.redo();
    deliver();
    expect(b.text).toBe('bar()\nBODY\nbar()');
  });

  it('of a word keeps what another participant typed inside it, also while that was on its way', () => {
    const { a, b, deliver } = meet('');
    a.type('hello');
    deliver();
    b.change({ from: 2, insert: '+' });
    a.type(' world');
    deliver();
    expect(a.text).toBe('he+llo world');
    a.undo();
    deliver();
    expect([a.text, b.text]).toEqual(['+', '+']);
  });

  it('takes an answer that one asked for as one step, and never another’s', () => {
    const { a, b, room, deliver } = meet('s("bd")');
    a.dispatch({ selection: { anchor: 7 } });
    a.type('.fast(2)');
    deliver();
    room.change({ from: 0, to: 7, insert: 'note("c3")' }, 'ai', 'A');
    deliver();
    expect(b.text).toBe('note("c3").fast(2)');
    expect(b.undo()).toBe(false);
    a.undo();
    deliver();
    expect(a.text).toBe('s("bd").fast(2)');
    a.undo();
    expect(a.text).toBe('s("bd")');
    a.redo();
    a.redo();
    deliver();
    expect([a.text, b.text]).toEqual(Array(2).fill('note("c3").fast(2)'));
  });
});

describe('carets', () => {
  it('stay at the end of a line that another participant comments out', () => {
    const { a, b, deliver } = meet('one\ntwo\nthree');
    a.dispatch({ selection: { anchor: 7 } });
    b.change([0, 4, 8].map((from) => ({ from, insert: '// ' })));
    deliver();
    a.type('!');
    deliver();
    expect(b.text).toBe('// one\n// two!\n// three');
  });

  it('stay where they are when another participant types at the same place', () => {
    const { a, b, deliver } = meet('ab');
    a.dispatch({ selection: { anchor: 1 } });
    b.change({ from: 1, insert: 'xyz' });
    deliver();
    expect(caretOf(a)).toBe(1);
    expect(b.document.peers).toMatchObject([{ name: 'A', anchor: 1, head: 1 }]);
  });
});

describe('what an edit says of itself', () => {
  const state = EditorState.create();
  const origin = (spec: TransactionSpec): EditOrigin | null =>
    originOf(state.update({ changes: { from: 0, insert: 'x' }, ...spec }));

  it.each([
    ['typed', { userEvent: 'input.type' }],
    ['paste', { userEvent: 'input.paste' }],
    ['paste', { userEvent: 'input.drop' }],
    ['loaded_strudel', { annotations: editSource.of('loaded_strudel') }],
  ] as const)('%s', (source, spec) => expect(origin(spec)).toEqual({ source }));

  it('no document change is no edit', () => {
    expect(originOf(state.update({ selection: { anchor: 0 } }))).toBeNull();
  });

  it('its lines end with \\n only', () => {
    const { a, b, deliver } = meet('');
    a.change({ from: 0, insert: 'one\r\ntwo\rthree\nfour' });
    deliver();
    expect(b.text).toBe('one\ntwo\nthree\nfour');
    expect(b.state.doc.lines).toBe(4);
  });
});

it('an editor that begins with another text than the document’s isn’t made', () => {
  const document = new MergingRoom('a', new HeldNetwork().channel).join('A');
  expect(() => EditorState.create({ doc: 'b', extensions: peersOf(document) })).toThrow(RangeError);
});

interface Step {
  who: number;
  what: number;
  at: number;
  size: number;
}

const steps = fc.array(
  fc.record({
    who: fc.nat(1),
    what: fc.nat(99),
    at: fc.nat(1_000),
    size: fc.integer({ min: 1, max: 6 }),
  }),
  { minLength: 10, maxLength: 120 },
);

/** Letters that no other token has, so that each is found again. */
const token = (who: number, index: number) => String.fromCharCode(0x4e00 + who * 8_000 + index);
const lettersOf = (text: string, who: number) =>
  [...text].filter((letter) => {
    const index = letter.charCodeAt(0) - 0x4e00 - who * 8_000;
    return index >= 0 && index < 8_000;
  });

describe('whatever two participants do, on a slow network', () => {
  const deleteSome = (editor: StateEditor, { at, size }: Step) => {
    const from = at % (editor.state.doc.length + 1);
    editor.change({ from, to: Math.min(from + size, editor.state.doc.length) });
  };

  const play = (all: readonly Step[], isDeleting: boolean) => {
    const { a, b, deliver, network, room } = meet('one\ntwo\n\nthree');
    const editors = [a, b];
    let typed = 0;
    for (const step of all) {
      const editor = editors[step.who];
      if (!editor) continue;
      const { length } = editor.state.doc;
      if (step.what < 35) {
        const insert = token(step.who, typed) + (step.what < 5 ? '\n' : '');
        typed += 1;
        editor.change({ from: step.at % (length + 1), insert });
      } else if (step.what < 45 && isDeleting) deleteSome(editor, step);
      else if (step.what < 50 && isDeleting) {
        const places = [...new Set([step.at % (length + 1), (step.at * 7) % (length + 1), length])];
        editor.change(places.map((from) => ({ from, insert: '-' })));
      } else if (step.what < 55) editor.dispatch({ selection: { anchor: step.at % (length + 1) } });
      else if (step.what < 68) {
        const theirs = lettersOf(editor.text, 1 - step.who);
        editor.undo();
        // Undoing may bring letters back that this participant deleted, and takes none away.
        expect(lettersOf(editor.text, 1 - step.who)).toEqual(expect.arrayContaining(theirs));
      } else if (step.what < 74) editor.redo();
      else network.deliverOne((count) => step.at % Math.max(count, 1));
    }
    deliver();
    return { a, b, room };
  };

  it('both and the room end with one text', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { a, b, room } = play(all, true);
        expect(a.text).toBe(room.text.toString());
        expect(b.text).toBe(room.text.toString());
      }),
      { numRuns: 300 },
    );
  });

  it('undoing everything leaves exactly what the other typed', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { a, b } = play(
          all.filter(({ what }) => what < 35 || what >= 74),
          false,
        );
        const theirs = lettersOf(a.text, 1);
        while (a.undo());
        expect(lettersOf(a.text, 0)).toEqual([]);
        expect(lettersOf(a.text, 1)).toEqual(theirs);
        expect(b.text).not.toBe('');
      }),
      { numRuns: 200 },
    );
  });
});

it('what is held back and what is typed meanwhile make one text in either order', () => {
  const edit = fc.array(fc.tuple(fc.nat(60), fc.nat(6), fc.constantFrom('', 'x', 'yz\n')), { maxLength: 3 });
  const changesOf = (state: EditorState, parts: [number, number, string][]) =>
    parts.reduce((changes, [at, size, insert]) => {
      const from = at % (changes.newLength + 1);
      const to = Math.min(changes.newLength, from + size);
      return changes.compose(
        EditorState.create({ doc: changes.apply(state.doc) }).changes({ from, to, insert }),
      );
    }, state.changes());
  fc.assert(
    fc.property(fc.array(fc.record({ isLocal: fc.boolean(), edit }), { maxLength: 12 }), (all) => {
      const held = new HeldChanges();
      let editor = EditorState.create({ doc: 'the quick brown fox' });
      let document = editor;
      for (const step of all) {
        if (step.isLocal) {
          const changes = changesOf(editor, step.edit);
          editor = editor.update({ changes }).state;
          document = document.update({ changes: held.rebase(changes) }).state;
        } else {
          const changes = changesOf(document, step.edit);
          document = document.update({ changes }).state;
          held.add({ changes, author: null, rev: null, isOwnRequest: false });
        }
      }
      for (let next = held.first; next; next = held.first) {
        held.removeFirst();
        editor = editor.update({ changes: next.changes }).state;
      }
      expect(editor.doc.toString()).toBe(document.doc.toString());
      expect(held.isEmpty).toBe(true);
    }),
  );
});
