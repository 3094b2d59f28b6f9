import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import { mergeMessages } from './merge-messages.ts';
import type { SaidMessage } from './types.ts';

const message = (id: string, position: number, type: SaidMessage['type'] = 'chat') =>
  makeMessage({ id, content: id, createdAtMs: 1, position, type });
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

describe('two views of a session', () => {
  it('are merged by id and position: the newest that are on the page', () => {
    const merged = mergeMessages(
      [message('a', 1), message('b', 3)],
      [message('b', 3), message('c', 2), message('d', 9), message('p', 4, 'user_prompt')],
      { limit: 2, beforePosition: 9, types: ['chat'] },
    );
    expect(merged.map(({ id }) => id)).toEqual(['c', 'b']);
  });

  it('are merged onwards from a position: the first that are after it', () => {
    const merged = mergeMessages(
      [message('a', 1), message('b', 3), message('e', 5)],
      [message('c', 2), message('d', 4)],
      { limit: 3, afterPosition: 1 },
    );
    expect(merged.map(({ id }) => id)).toEqual(['c', 'b', 'd']);
  });

  it('are in the order of positions, whatever the rooms’ clocks said', () => {
    const first = { ...message('a', 1), createdAtMs: 900 };
    const second = { ...message('b', 2), createdAtMs: 100 };
    expect(mergeMessages([second], [first], { limit: 2 })).toEqual([first, second]);
  });

  it('have a message where the later room put it', () => {
    const earlier = message('a', 5);
    const later = message('a', 9);
    expect(mergeMessages([earlier], [later], { limit: 2 })).toEqual([later]);
    expect(mergeMessages([later], [earlier], { limit: 2 })).toEqual([later]);
  });
});

describe('merging histories', () => {
  const page = { limit: 1_000 };
  /** A history: each message once, some in the same place. */
  const history = fc
    .uniqueArray(fc.record({ id: fc.uuid(), position: fc.nat({ max: 20 }) }), { selector: ({ id }) => id })
    .map((all) => all.map(({ id, position }) => message(id, position)));

  it('gives each message once, in the order of positions, whichever part came from where', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat({ max: 2 })), (all, where) => {
        const places = all.map(() => where.next().value ?? 0);
        const stored = all.filter((_, i) => places[i] !== 1);
        const buffered = all.filter((_, i) => places[i] !== 0);
        const merged = mergeMessages(stored, buffered, page);
        return (
          merged.length === all.length &&
          merged.every((m, i) => i === 0 || (merged[i - 1]?.position ?? 0) <= m.position) &&
          same(merged, mergeMessages(buffered, stored, page)) &&
          same(merged, mergeMessages(merged, stored, page))
        );
      }),
    );
  });

  it('keeps the newest, message by message as all at once', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 10 }), (all, limit) => {
        const newest = mergeMessages(all, [], page).slice(-limit);
        const oneByOne = all.reduce<SaidMessage[]>((list, m) => mergeMessages(list, [m], { limit }), []);
        return same(oneByOne, newest) && same(mergeMessages(all, [], { limit }), newest);
      }),
    );
  });
});
