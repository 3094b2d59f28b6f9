/** Lets a test decide when each call to a store happens, and what becomes of it. */
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import { settle } from './live-session.ts';

/**
 * - `ok`: it happens, and is answered;
 * - `refused`: it fails without effect;
 * - `answer lost`: it happens, and fails for the caller;
 * - `late`: it fails for the caller at once, and happens at some later time.
 */
export type Fate = 'ok' | 'refused' | 'answer lost' | 'late';

export type Store = 'redis' | 'postgres';

interface Waiting {
  store: Store;
  happen(): Promise<unknown>;
  answer(result: unknown): void;
  fail(error: Error): void;
  /** Its caller has been told that it failed. */
  isGivenUp: boolean;
}

export class Gate {
  #waiting: Waiting[] = [];
  /** What becomes of every call to a store while it is in trouble. */
  readonly outages = new Map<Store, Fate>();

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Holds a call until the test lets it go. */
  hold<T>(store: Store, call: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        store,
        happen: call,
        answer: (result) => resolve(result as T),
        fail: reject,
        isGivenUp: false,
      });
    });
  }

  /** Decides about one of the calls that wait; does nothing when none does. @param index any number. */
  async step(index: number, fate: Fate): Promise<void> {
    const [call] = this.#waiting.splice(index % Math.max(1, this.#waiting.length), 1);
    if (!call) return;
    const becomes = this.outages.get(call.store) ?? fate;
    const gone = new StorageUnavailableError(call.store, 'broken by the test');
    if (call.isGivenUp) {
      // Too late for anybody to care how it goes.
      await call.happen().catch(() => {});
    } else if (becomes === 'refused') {
      call.fail(gone);
    } else if (becomes === 'late') {
      this.#waiting.push({ ...call, isGivenUp: true });
      call.fail(gone);
    } else {
      await call.happen().then(
        (result) => (becomes === 'ok' ? call.answer(result) : call.fail(gone)),
        (error: Error) => call.fail(error),
      );
    }
    await settle();
    await settle();
  }
}
