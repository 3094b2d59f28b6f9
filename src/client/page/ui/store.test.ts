import { expect, it } from 'vitest';
import { isShallowEqual, Store } from './store.ts';

it('tells of another value, and not of the same', () => {
  const store = new Store(1);
  const heard: number[] = [];
  const end = store.subscribe(() => heard.push(store.snapshot));
  store.set(1);
  store.set(2);
  end();
  store.set(3);
  expect(heard).toEqual([2]);
  expect(store.snapshot).toBe(3);
});

it('a listener that ends another while it is told breaks nothing', () => {
  const store = new Store(0);
  const heard: string[] = [];
  const ends = [
    store.subscribe(() => {
      heard.push('first');
      ends[1]?.();
    }),
    store.subscribe(() => heard.push('second')),
  ];
  store.set(1);
  store.set(2);
  expect(heard.filter((name) => name === 'first')).toHaveLength(2);
});

it('compares objects by what they have', () => {
  expect(isShallowEqual({ a: 1, b: 'x' }, { a: 1, b: 'x' })).toBe(true);
  expect(isShallowEqual({ a: 1 }, { a: 2 })).toBe(false);
  expect(isShallowEqual<object>({ a: undefined }, { b: undefined, a: undefined })).toBe(false);
});
