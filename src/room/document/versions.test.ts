import { Text } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { MAX_VERSION_CHARS_AT_ONCE, MAX_VERSION_CHARS_PER_MINUTE } from '../../protocol/index.ts';
import { hashOf, type NewVersion, type VersionAuthor, type VersionNote, Versions } from './versions.ts';

const MINUTE = 60_000;
const START = 1_000_000;
const ADA: VersionAuthor = { displayName: 'Ada', userId: null };
const BEN: VersionAuthor = { displayName: 'Ben', userId: 'b' };

const at = (code: string, rev: number) => ({ text: Text.of(code.split('\n')), rev });

/** Versions of a text that is edited as the test says; each edit is one revision. */
function history(code = '', note: VersionNote | null = null) {
  const versions = new Versions(note, code, MINUTE, START);
  let now = at(code, 1);
  const brief = (made: NewVersion[]) => made.map(({ cause, code: text }) => `${cause} ${text}`);
  return {
    versions,
    edit(to: string, nowMs: number, author = ADA, cause: Parameters<Versions['edited']>[0] = 'typed') {
      const before = now;
      now = at(to, before.rev + 1);
      return versions.edited(cause, { before, after: now }, author, nowMs);
    },
    brief,
    get now() {
      return now;
    },
  };
}

describe('what is typed', () => {
  it('becomes a version a minute, with who typed last and when', () => {
    const { edit, brief, versions } = history();
    expect(edit('a', START)).toEqual([]);
    expect(edit('ab', START + 1_000, BEN)).toEqual([]);
    expect(edit('abc', START + MINUTE)).toEqual([
      { cause: 'typed', code: 'ab', rev: 3, author: BEN, atMs: START + 1_000 },
    ]);
    // A minute after the version was made, not after what it has.
    expect(edit('abcd', START + 2 * MINUTE - 1)).toEqual([]);
    expect(brief(edit('abcde', START + 2 * MINUTE))).toEqual(['typed abcd']);
    expect(brief(edit('x', START + 9 * MINUTE))).toEqual(['typed abcde']);
    expect(versions.dueInMs(START + 9 * MINUTE + 1_000)).toBe(MINUTE - 1_000);
  });

  it('becomes one when nothing more happens, and then none', () => {
    const { edit, versions, now } = history('a', { newest: newest('a'), change: null });
    expect(versions.dueInMs(START)).toBeNull();
    edit('b', START + 1_000);
    expect(versions.quiet(at('b', 2), START + 2_000)).toEqual([]);
    expect(versions.dueInMs(START + 2_000)).toBe(MINUTE - 2_000);
    expect(versions.quiet(at('b', 2), START + MINUTE)).toMatchObject([{ code: 'b', atMs: START + 1_000 }]);
    expect(versions.dueInMs(START + MINUTE)).toBeNull();
    expect(versions.quiet(now, START + 9 * MINUTE)).toEqual([]);
  });

  it('has no author any more when they have deleted their account', () => {
    const { edit, versions } = history('a', { newest: newest('a'), change: null });
    edit('b', START, BEN);
    versions.forgetUser('another');
    expect(versions.note.change?.author).toEqual(BEN);
    versions.forgetUser('b');
    expect(versions.note.change).toEqual({ author: null, atMs: START });
    expect(versions.quiet(at('b', 2), START + MINUTE)).toMatchObject([{ code: 'b', author: null }]);
  });

  it('becomes none when it is what was there', () => {
    const { edit, versions } = history('a', { newest: newest('a'), change: null });
    edit('b', START);
    edit('a', START + 1);
    expect(versions.quiet(at('a', 3), START + MINUTE)).toEqual([]);
    expect(versions.dueInMs(START + MINUTE)).toBeNull();
  });
});

describe('what is played', () => {
  it('becomes a version, once', () => {
    const { edit, versions } = history();
    edit('a', START);
    const played = () => versions.played({ code: 'a', rev: 9 }, at('a', 2).text, BEN, START + 5);
    expect(played()).toEqual([{ cause: 'played', code: 'a', rev: 9, author: BEN, atMs: START + 5 }]);
    expect(played()).toEqual([]);
    expect(versions.dueInMs(START + 5)).toBeNull();
    expect(versions.quiet(at('a', 2), START + 2 * MINUTE)).toEqual([]);
  });

  it('becomes one of its own where it was typed a minute ago', () => {
    const { edit, versions, brief } = history();
    edit('a', START);
    expect(brief(versions.quiet(at('a', 2), START + MINUTE))).toEqual(['typed a']);
    expect(brief(versions.played({ code: 'a', rev: 3 }, at('a', 2).text, ADA, START + MINUTE))).toEqual([
      'played a',
    ]);
  });

  it('leaves a text that goes on to become one', () => {
    const { edit, versions, brief } = history();
    edit('half typ', START);
    expect(brief(versions.played({ code: 'a', rev: 3 }, at('half typ', 2).text, ADA, START))).toEqual([
      'played a',
    ]);
    expect(brief(versions.quiet(at('half typ', 2), START + MINUTE))).toEqual(['typed half typ']);
  });
});

describe('what replaces the text', () => {
  it.each(['answered', 'switched', 'restored'] as const)('keeps the text before it: %s', (cause) => {
    const { edit, brief } = history('a', { newest: newest('a'), change: null });
    edit('b', START);
    expect(edit('new', START + 1, BEN, cause)).toMatchObject([
      { cause: 'typed', code: 'b', author: ADA, atMs: START },
      { cause, code: 'new', author: BEN, atMs: START + 1 },
    ]);
    expect(brief(edit('newer', START + 2, BEN, cause))).toEqual([`${cause} newer`]);
  });
});

describe('a room that opens a session', () => {
  it('keeps what is there before the first edit, if that is no version', () => {
    expect(history('a').edit('b', START)).toMatchObject([{ code: 'a', author: null, rev: 1 }]);
    expect(history(' \n').edit('b', START)).toEqual([]);
    expect(history('a', { newest: newest('a'), change: null }).edit('b', START + 1)).toEqual([]);
  });

  it('goes on with what the last one knew', () => {
    const note = { newest: newest('a'), change: { author: BEN, atMs: START - 5 } };
    const { versions } = history('b', note);
    expect(versions.dueInMs(START)).toBe(MINUTE);
    expect(versions.quiet(at('b', 1), START + MINUTE)).toMatchObject([{ author: BEN, atMs: START - 5 }]);
    expect(versions.note).toEqual({ newest: newest('b', START + MINUTE), change: null });
  });
});

describe('a room whose clock is behind that of the one before', () => {
  it('doesn’t wait until its own comes there', () => {
    const { versions, edit } = history('a', { newest: newest('a', START + 10 * MINUTE), change: null });
    edit('b', START + 1);
    expect(versions.quiet(at('b', 2), START + 2)).toMatchObject([{ code: 'b' }]);
    edit('c', START + 3);
    expect(versions.dueInMs(START + 3)).toBe(MINUTE - 1);
  });
});

describe('a flood of versions', () => {
  it('is bounded, and what found no room becomes one later', () => {
    const { edit, versions } = history();
    const large = (i: number) => `${i}${'x'.repeat(100_000)}`;
    const made = Array.from({ length: 30 }, (_, i) => edit(large(i), START + i, ADA, 'switched').length);
    const count = made.reduce((sum, n) => sum + n);
    expect(count * 100_000).toBeLessThanOrEqual(MAX_VERSION_CHARS_AT_ONCE);
    expect(count).toBeGreaterThan(5);
    expect(versions.dueInMs(START + 30)).toBe(MINUTE - 30 + count - 1);
    expect(versions.quiet(at(large(29), 40), START + MINUTE + 30)).toHaveLength(1);
    const perHour = Array.from({ length: 3_600 }, (_, s) =>
      edit(large(s), START + 2 * MINUTE + s * 1_000, ADA, 'switched'),
    );
    expect(perHour.flat().length * 100_000).toBeLessThan(61 * MAX_VERSION_CHARS_PER_MINUTE);
  });

  it('counts small ones, too', () => {
    const { edit } = history();
    const made = Array.from({ length: 1_000 }, (_, i) => edit(`${i}`, START + i, ADA, 'switched').length);
    expect(made.filter((n) => n > 0).length).toBeLessThan(300);
  });
});

describe('the hash of a text', () => {
  it('is another for another text', () => {
    const texts = [
      '',
      ' ',
      'ab',
      'ba',
      'a\nb',
      'abc',
      ...Array.from({ length: 2_000 }, (_, i) => `s("bd*${i}")`),
    ];
    expect(new Set(texts.map(hashOf)).size).toBe(texts.length);
  });
});

function newest(code: string, atMs = START) {
  return { hash: hashOf(code), cause: 'typed' as const, atMs };
}
