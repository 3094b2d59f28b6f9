/** Values that components show and that something outside of them changes. */
import { useEffect, useReducer, useRef } from 'preact/hooks';

/** A value, and who is told when there is another. */
export interface Readable<T> {
  readonly snapshot: T;
  /** @returns ends it. */
  subscribe(listener: () => void): () => void;
}

/** Holds a value. Values are replaced, never changed. */
export class Store<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get snapshot(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/**
 * What a component needs of a store. It is drawn again when that is another value, and not for anything else.
 * @param select must be pure.
 * @param isEqual says when nothing is to be drawn again; by default for the same value.
 */
export function useStore<T, Selected>(
  store: Readable<T>,
  select: (value: T) => Selected,
  isEqual: (one: Selected, other: Selected) => boolean = Object.is,
): Selected {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const selected = select(store.snapshot);
  const drawn = useRef({ selected, select, isEqual });
  // The value before, where it is as good: what depends on it isn't made anew.
  const shown = isEqual(drawn.current.selected, selected) ? drawn.current.selected : selected;
  drawn.current = { selected: shown, select, isEqual };
  useEffect(() => {
    const check = () => {
      const { selected, select, isEqual } = drawn.current;
      if (!isEqual(selected, select(store.snapshot))) redraw(undefined);
    };
    // It may have changed between drawing and now.
    check();
    return store.subscribe(check);
  }, [store]);
  return shown;
}

/** All of a store's value. */
export function useValue<T>(store: Readable<T>): T {
  return useStore(store, (value) => value);
}

/** True where two objects have the same values under the same names. */
export function isShallowEqual<T extends object>(one: T, other: T): boolean {
  const entries = Object.entries(one);
  return (
    entries.length === Object.keys(other).length &&
    entries.every(([name, value]) => Object.is(value, Reflect.get(other, name)))
  );
}
