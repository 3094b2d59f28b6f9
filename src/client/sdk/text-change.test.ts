import { describe, expect, it } from 'vitest';
import { parsePasted, parseRoute, routeHash } from '../page/router.ts';
import { textChange } from './text-change.ts';
import { parseUnacknowledged } from './unacknowledged.ts';

describe('the change between two texts', () => {
  it.each([
    ['an insertion', 'ad', 'abcd', { from: 1, to: 1, insert: 'bc' }],
    ['a deletion', 'abcd', 'ad', { from: 1, to: 3, insert: '' }],
    ['a replacement', 'abcd', 'axd', { from: 1, to: 3, insert: 'x' }],
    ['a repeated letter', 'aa', 'aaa', { from: 2, to: 2, insert: 'a' }],
    ['from nothing', '', 'abc', { from: 0, to: 0, insert: 'abc' }],
    ['to nothing', 'abc', '', { from: 0, to: 3, insert: '' }],
  ])('is minimal for %s', (_, before, after, change) => {
    expect(textChange(before, after)).toEqual(change);
  });

  it('is null between equal texts', () => {
    expect(textChange('same', 'same')).toBeNull();
  });

  it('never cuts a character in half', () => {
    // 🥁 and 🥂 share their first half; 🥁 and 🙁 their second.
    expect(textChange('a🥁b', 'a🥂b')).toEqual({ from: 1, to: 3, insert: '🥂' });
    expect(textChange('a\u{1F941}b', 'a\u{1F641}b')).toEqual({ from: 1, to: 3, insert: '\u{1F641}' });
  });

  it('turns the one text into the other', () => {
    const texts = ['', 'a', 'aa', 'ab', 'aba', 'abba', 'a🥁', '🥁🥁', '🥁a🥁', 'baab'];
    for (const before of texts) {
      for (const after of texts) {
        const change = textChange(before, after);
        const result = change
          ? before.slice(0, change.from) + change.insert + before.slice(change.to)
          : before;
        expect(result).toBe(after);
      }
    }
  });
});

describe('addresses', () => {
  const sessionId = '11111111-2222-4333-8444-555555555555';

  it('go there and back', () => {
    for (const route of [
      { name: 'start' },
      { name: 'session', sessionId },
      { name: 'join', inviteToken: 'a/b c' },
    ] as const) {
      expect(parseRoute(routeHash(route))).toEqual(route);
    }
  });

  it('lead to the start when they make no sense', () => {
    for (const hash of ['', '#', '#/s/', '#/s/1', '#/s/../x', '#/join/', '#/else/where']) {
      expect(parseRoute(hash)).toEqual({ name: 'start' });
    }
    expect(parseRoute('#/join/%E0%A4%A')).toEqual({ name: 'join', inviteToken: '%E0%A4%A' });
  });

  it('are found in what was pasted', () => {
    expect(parsePasted(' https://x.test/#/join/abcDEF_123 \n')).toEqual({
      name: 'join',
      inviteToken: 'abcDEF_123',
    });
    expect(parsePasted('abcDEF_123')).toEqual({ name: 'join', inviteToken: 'abcDEF_123' });
    expect(parsePasted('https://x.test/')).toBeNull();
    expect(parsePasted('hello there')).toBeNull();
  });
});

describe('what was kept over a reload', () => {
  it('is read back, and anything else is nothing', () => {
    const kept = {
      edit: { requestId: 'a', code: 'x', baseRev: 1, cursorLine: 2 },
      chat: [{ id: '11111111-2222-4333-8444-555555555555', text: 'hi', atMs: 1 }],
    };
    expect(parseUnacknowledged(JSON.stringify(kept))).toEqual(kept);
    for (const json of [null, '', '{', 'null', '{"edit":{}}']) expect(parseUnacknowledged(json)).toBeNull();
  });
});
