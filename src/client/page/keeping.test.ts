import { beforeEach, describe, expect, it } from 'vitest';
import { isForgetful, keeperOf } from './keeping.ts';

/** As a browser's, with room for so many characters. */
class FakeStorage implements Storage {
  [name: string]: unknown;
  readonly #room: number;
  constructor(room: number) {
    this.#room = room;
  }
  get length(): number {
    return Object.keys(this).length;
  }
  key(index: number): string | null {
    return Object.keys(this)[index] ?? null;
  }
  getItem(key: string): string | null {
    return typeof this[key] === 'string' ? this[key] : null;
  }
  setItem(key: string, value: string): void {
    if (value.length > this.#room) throw new DOMException('full', 'QuotaExceededError');
    this[key] = value;
  }
  removeItem(key: string): void {
    delete this[key];
  }
  clear(): void {
    for (const key of Object.keys(this)) delete this[key];
  }
}

const blocked = (): Storage => {
  throw new DOMException('denied', 'SecurityError');
};

beforeEach(() => isForgetful.set(false));

describe('what a browser keeps', () => {
  it('is there for the next page', () => {
    const storage = new FakeStorage(10);
    expect(keeperOf(() => storage).set('a', 'one')).toBe(true);
    const next = keeperOf(() => storage);
    expect([next.get('a'), next.get('b'), next.keys('a'), isForgetful.snapshot]).toEqual([
      'one',
      null,
      ['a'],
      false,
    ]);
    next.remove('a');
    expect(storage.getItem('a')).toBeNull();
  });

  it.each([
    ['blocked', blocked],
    ['full', () => new FakeStorage(0)],
  ])('lives in the page where storage is %s, and that shows', (_, storage) => {
    const keeper = keeperOf(storage);
    expect([keeper.set('a', 'one'), keeper.get('a'), keeper.keys(''), isForgetful.snapshot]).toEqual([
      false,
      'one',
      ['a'],
      true,
    ]);
    keeper.remove('a');
    expect(keeper.get('a')).toBeNull();
  });

  it('is the newest, also where only an older one could be kept, and again when there is room', () => {
    const storage = new FakeStorage(5);
    const keeper = keeperOf(() => storage);
    keeper.set('a', 'old');
    keeper.set('a', 'new and long');
    expect(keeper.get('a')).toBe('new and long');
    keeper.set('a', 'short');
    expect([keeper.get('a'), storage.getItem('a')]).toEqual(['short', 'short']);
  });

  it('goes to the tab where the browser keeps no more: it is there after a reload', () => {
    const tab = new FakeStorage(100);
    const keeper = keeperOf(
      blocked,
      keeperOf(() => tab),
    );
    expect(keeper.set('a', 'one')).toBe(true);
    expect(
      keeperOf(
        blocked,
        keeperOf(() => tab),
      ).get('a'),
    ).toBe('one');
  });
});
