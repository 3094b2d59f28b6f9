/**
 * What a browser keeps for the page, where it does: storage may be blocked, or full. A value that it doesn't
 * take lives as long as the page, or the tab, and nothing fails for it.
 */
import { Store } from './ui/store.ts';

/** The browser has not kept something: this page says so once. */
export const isForgetful = new Store(false);

/** A place for texts under keys. */
export interface Keeper {
  get(key: string): string | null;
  /** @returns false when it lives no longer than the page. */
  set(key: string, value: string): boolean;
  remove(key: string): void;
  /** Those that begin so. */
  keys(prefix: string): string[];
}

/**
 * @param storage throws where it is blocked, as the browser's does.
 * @param instead takes what the storage doesn't.
 */
export function keeperOf(storage: () => Storage, instead: Keeper = inMemory()): Keeper {
  /** @returns `otherwise` where the storage is blocked or full. */
  const tryTo = <T>(act: (storage: Storage) => T, otherwise: T): T => {
    try {
      return act(storage());
    } catch {
      isForgetful.set(true);
      return otherwise;
    }
  };
  return {
    // What it didn't take is newer than what it has.
    get: (key) => instead.get(key) ?? tryTo((kept) => kept.getItem(key), null),
    set(key, value) {
      const isKept = tryTo((kept) => {
        kept.setItem(key, value);
        return true;
      }, false);
      if (!isKept) return instead.set(key, value);
      instead.remove(key);
      return true;
    },
    remove(key) {
      instead.remove(key);
      tryTo((kept) => kept.removeItem(key), undefined);
    },
    keys(prefix) {
      const kept = tryTo((storage) => Object.keys(storage), []);
      return [...new Set([...kept.filter((key) => key.startsWith(prefix)), ...instead.keys(prefix)])];
    },
  };
}

function inMemory(): Keeper {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key) ?? null,
    set(key, value) {
      values.set(key, value);
      return false;
    },
    remove: (key) => void values.delete(key),
    keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
}

/** As long as the tab. */
export const tabKeeper = keeperOf(() => sessionStorage);
/** As long as the browser; where that won't, as long as the tab. */
export const browserKeeper = keeperOf(() => localStorage, tabKeeper);
