/** Calls the Worker's scheduled handler in intervals, as Cloudflare's Cron Trigger does. */
import { messageOf, StackError } from './errors.ts';
import type { Output } from './output.ts';
import { SCHEDULED_PATH } from './worker/markers.ts';

/** The cron expression of wrangler.toml. */
const SCHEDULE = '* * * * *';
/** Where each host's local runtime lets its handler be called. */
const ROUTES = { partyserver: SCHEDULED_PATH, partykit: '/__scheduled__' } as const;

export class CronTrigger {
  readonly #url: string;
  readonly #intervalMs: number;
  readonly #output: Output;
  readonly #closed = new AbortController();
  #timer: NodeJS.Timeout | null = null;

  /** @param intervalMs pause between two calls; 0: none by itself. */
  constructor(url: string, host: keyof typeof ROUTES, intervalMs: number, output: Output) {
    this.#url = `${url}${ROUTES[host]}?cron=${encodeURIComponent(SCHEDULE)}`;
    this.#intervalMs = intervalMs;
    this.#output = output;
  }

  start(): void {
    if (this.#intervalMs === 0) return;
    this.#timer = setInterval(() => {
      // Calls may overlap, as they may in production: the Worker's lease is there for that.
      this.fire().catch((error: unknown) => {
        if (!this.#closed.signal.aborted) this.#output.note(messageOf(error));
      });
    }, this.#intervalMs);
  }

  /**
   * Calls the handler once; resolves when it has finished.
   * @param dueMs when the turn says that it was due, in milliseconds since the epoch; null: now. Only the
   *   Worker's host can say another time.
   * @throws {StackError} when the Worker doesn't answer, or its handler failed.
   */
  async fire(dueMs: number | null = null): Promise<void> {
    let status: number;
    try {
      const response = await fetch(dueMs === null ? this.#url : `${this.#url}&due=${dueMs}`, {
        signal: this.#closed.signal,
      });
      await response.arrayBuffer();
      status = response.status;
    } catch (error) {
      throw new StackError(`cron: the Worker doesn't answer (${messageOf(error)})`);
    }
    if (status >= 400)
      throw new StackError(`cron: the Worker's scheduled handler failed with status ${status}`);
  }

  /** Stops calling and gives up on calls under way. */
  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#closed.abort();
  }
}
