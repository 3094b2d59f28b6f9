/** Renewing the account's token: in one tab at a time, as a refresh cookie is good for one use. */

export interface RenewalPorts {
  /** Runs it when no other tab does. */
  exclusive(run: () => Promise<string>): Promise<string>;
  /** The token that this browser keeps; null: it is signed out. */
  kept(): string | null;
  /** Asks the server for another one. */
  ask(): Promise<string>;
  keep(token: string): void;
}

export class Renewal {
  readonly #ports: RenewalPorts;
  #running: Promise<string> | null = null;

  constructor(ports: RenewalPorts) {
    this.#ports = ports;
  }

  /**
   * A token in the place of one that is no good any more, or soon won't be. It may be one that another tab
   * has got meanwhile.
   * @throws what `ask` throws; {Error} when the browser was signed out meanwhile.
   */
  renew(stale: string): Promise<string> {
    this.#running ??= this.#ports
      .exclusive(() => this.#renew(stale))
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  async #renew(stale: string): Promise<string> {
    const { kept, ask, keep } = this.#ports;
    const before = kept();
    if (before !== null && before !== stale) return before;
    const token = before === null ? null : await ask();
    // Signing out goes before: a token that comes too late isn't kept.
    if (token === null || kept() === null) throw new Error('You are signed out.');
    keep(token);
    return token;
  }
}

/** Tabs are processes of their own, and see what another one has stored a moment later. */
const UNTIL_SEEN_MS = 200;

/** One tab at a time, where the browser has locks; the server tolerates two at once for a moment. */
export function exclusive<T>(run: () => Promise<T>): Promise<T> {
  // Locks exist only in secure contexts.
  if (!('locks' in navigator)) return run();
  return new Promise((resolve, reject) => {
    const held = async () => {
      await run().then(resolve, reject);
      await new Promise((seen) => setTimeout(seen, UNTIL_SEEN_MS));
    };
    navigator.locks.request('backbeat:renewal', held).catch(reject);
  });
}
