/** What is kept of the changes that a document took, and for whom. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ChangeSet, Text } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { textOf, undoOf } from '../../merging/index.ts';
import { RecentChanges } from './recent-changes.ts';

/** Changes that each put one more text at the end, from the revision after `rev`. */
function setUp(rev = 10) {
  const recent = new RecentChanges(rev);
  const state = { text: textOf('start') as Text, rev, nowMs: 0 };
  const take = (connectionId: string, insert: string, baseRev: number | null = state.rev) => {
    const before = state.text;
    const change = ChangeSet.of({ from: before.length, insert: textOf(insert) }, before.length);
    const unseen = baseRev === null ? null : recent.unseenBy(connectionId, baseRev);
    state.text = change.apply(before);
    state.rev += 1;
    recent.add(
      { rev: state.rev, atMs: state.nowMs, connectionId, change, undo: undoOf(change, before) },
      unseen,
    );
  };
  const revs = (changes: readonly { rev: number }[] | null) => changes?.map((change) => change.rev) ?? null;
  return { recent, state, take, revs };
}

/** What is in use on the heap, without garbage. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('recent changes', () => {
  it('tell what a connection did not know: what others did since, without its own', () => {
    const { recent, take, revs } = setUp();
    take('a', '1', 10);
    take('b', '2', 10);
    take('a', '3', 10);
    take('b', '4', 11);
    expect(revs(recent.unseenBy('a', 10))).toEqual([12, 14]);
    expect(revs(recent.unseenBy('a', 12))).toEqual([14]);
    expect(revs(recent.unseenBy('a', 14))).toEqual([]);
    expect(revs(recent.unseenBy('c', 12))).toEqual([13, 14]);
  });

  it('know nothing of what was before they began', () => {
    const { recent, take } = setUp();
    take('a', '1');
    expect(recent.unseenBy('b', 9)).toBeNull();
    expect(recent.since(9)).toBeNull();
    expect(recent.textAt(9, Text.empty)).toBeNull();
    expect(recent.allAfter(9)).toBeNull();
  });

  it('give the text as it was at a revision', () => {
    const { recent, state, take } = setUp();
    take('a', '1');
    take('b', '2');
    expect([10, 11, 12, 99].map((rev) => recent.textAt(rev, state.text)?.toString())).toEqual([
      'start',
      'start1',
      'start12',
      'start12',
    ]);
  });

  it('are handed out as copies: who moves them moves nobody else’s', () => {
    const { recent, take } = setUp();
    take('a', '1', 10);
    take('b', '2', 10);
    for (const handOut of [
      () => recent.unseenBy('a', 10),
      () => recent.unseenBy('c', 10),
      () => recent.allAfter(10),
      () => recent.inFlightOf('a')?.unseen,
    ]) {
      const [first] = handOut() ?? [];
      if (!first) throw new Error('nothing');
      const { change } = first;
      first.change = ChangeSet.empty(1);
      expect(handOut()?.[0]?.change).toEqual(change);
    }
  });

  it('follow a connection no longer that is gone, and go on without its own edits in between', () => {
    const { recent, take } = setUp();
    take('a', '1', 10);
    take('b', '2', 10);
    expect(recent.inFlightOf('a')).toMatchObject({ lastRev: 11 });
    recent.forget('a');
    expect(recent.inFlightOf('a')).toBeNull();
    // Its own edit isn't in the text at 10: what it sends on that can't be read any more.
    expect(recent.unseenBy('a', 10)).toBeNull();
    expect(recent.unseenBy('a', 11)).toHaveLength(1);
  });

  it('of the room itself go on from nobody', () => {
    const { recent, take } = setUp();
    take('ai:', '1', null);
    expect(recent.inFlightOf('ai:')).toBeNull();
    expect(recent.unseenBy('a', 10)).toHaveLength(1);
  });

  it('are bounded in number, and take who is too far behind out of step', () => {
    const { recent, state, take } = setUp();
    take('slow', 'x', 10);
    for (let i = 0; i < 4_000; i += 1) take('a', 'y');
    const known = recent.since(state.rev - 2_900);
    expect(known).toHaveLength(2_900);
    expect(recent.since(10)).toBeNull();
    expect(recent.inFlightOf('slow')).toBeNull();
    expect(recent.unseenBy('slow', 10)).toBeNull();
    expect(recent.inFlightOf('a')).not.toBeNull();
  });

  it('are kept for a minute, and who knows the newest goes on from that', () => {
    const { recent, state, take, revs } = setUp();
    for (let second = 0; second <= 200; second += 1) {
      state.nowMs = second * 1_000;
      take(second % 2 === 0 ? 'a' : 'b', 'y');
      expect(recent.unseenBy('c', state.rev)).toEqual([]);
    }
    expect(revs(recent.since(state.rev - 60))).toHaveLength(60);
    expect(recent.since(state.rev - 81)).toBeNull();
    expect(recent.unseenBy('a', state.rev - 1)).toEqual([]);
  });

  it('cost what was changed, not the text: one line of 90 KB, changed 4,000 times', () => {
    const recent = new RecentChanges(0);
    let text = textOf('x'.repeat(90_000));
    const before = heapBytes();
    for (let rev = 1; rev <= 4_000; rev += 1) {
      // As a room reads it: what is put in has been on the wire, and the text is written as one string.
      const from = (rev * 7_919) % text.length;
      const spec = rev % 2 === 0 ? { from, insert: 'y'.repeat(20) } : { from, to: from + 20 };
      const change = ChangeSet.of({ ...spec, to: Math.min(spec.to ?? from, text.length) }, text.length);
      const undo = undoOf(change, text);
      text = change.apply(text);
      JSON.stringify(text.toString());
      recent.add({ rev, atMs: 0, connectionId: 'a', change, undo }, []);
    }
    // Were a text kept with each, it would be 360 MB.
    expect(heapBytes() - before).toBeLessThan(16 * 1024 * 1024);
    expect(recent.textAt(3_900, text)?.length).toBe(90_000);
  });

  it('are bounded in characters', () => {
    const { recent, state, take } = setUp();
    for (let i = 0; i < 40; i += 1) take('a', 'z'.repeat(16 * 1024));
    const kept = [...Array(40).keys()].filter((i) => recent.since(state.rev - i) !== null).length;
    expect(kept).toBeGreaterThan(8);
    expect(kept).toBeLessThanOrEqual(17);
  });
});
