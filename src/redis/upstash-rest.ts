/**
 * Requests to Upstash's REST API, for the client library to make its commands with, in place of the library's
 * own: that one lets each time limit run to its end after the answer has come, which wakes a room once more
 * for each of its commits, and turns an aborted request into a reply.
 */
import type { Requester, UpstashRequest, UpstashResponse } from '@upstash/redis';
import { errors } from '@upstash/redis/cloudflare';

interface UpstashRestOptions {
  url: string;
  token: string;
  /** Of one request, in milliseconds; longer while answers take long, see {@link UpstashRest}. */
  timeoutMs: number;
  /** Called before each attempt; what it throws keeps the attempt from being made. */
  onRequest?: (() => void) | undefined;
}

/** A time limit is looked at so many times. */
const STEPS = 4;
/** A step that is later than this says that its own side has too much to do, in milliseconds. */
const LATE_MS = 25;

/** Share that the newest answer has in how long answers take. */
const NEWEST_SHARE = 1 / 8;
/** An answer may take so many times as long as they did lately. */
const USUAL_TIMES = 4;
/** And no request may take more than so many time limits. */
const MAX_LIMITS = 4;

/**
 * The time limit of a request grows with what answers take, as TCP's does. Redis that has too much to do is
 * slow for all rooms, and its answers come: were they given up, all rooms would send what is under way once
 * more to Postgres, which is more work. Redis that stops answering was quick before, and is found out in the
 * time that was set.
 */
export class UpstashRest implements Requester {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;
  readonly #longestMs: number;
  readonly #onRequest: () => void;
  /** How long answers took lately, in milliseconds; not those that were given up. */
  #usualMs = 0;
  /** Requests that were answered up to now. */
  #answers = 0;

  constructor({ url, token, timeoutMs, onRequest = () => {} }: UpstashRestOptions) {
    this.#url = url.replace(/\/+$/, '');
    this.#headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    this.#timeoutMs = timeoutMs;
    this.#longestMs = MAX_LIMITS * timeoutMs;
    this.#onRequest = onRequest;
  }

  /**
   * @throws {DOMException} named `TimeoutError` when there is no whole answer in time.
   * @throws {TypeError} out of reach.
   * @throws {UpstashError} Redis or Upstash refuses.
   * @throws {UpstashJSONParseError} the answer isn't JSON.
   */
  async request<T>({ path = [], body }: UpstashRequest): Promise<UpstashResponse<T>> {
    const limit = new TimeLimit(this.#limitMs(), this.#longestMs, () => this.#answers);
    const startMs = Date.now();
    try {
      const response = await this.#send([this.#url, ...path].join('/'), JSON.stringify(body), limit.signal);
      const answer = parse(await response.text());
      this.#answers += 1;
      this.#usualMs += (Date.now() - startMs - this.#usualMs) * NEWEST_SHARE;
      if (!response.ok) throw new errors.UpstashError(answer.error ?? `HTTP ${response.status}`);
      return answer;
    } finally {
      limit.end();
    }
  }

  #limitMs(): number {
    return Math.min(this.#longestMs, Math.max(this.#timeoutMs, USUAL_TIMES * this.#usualMs));
  }

  /**
   * Once more where the connection broke: one that was kept open may have been closed by the other side just
   * then.
   */
  async #send(url: string, body: string, signal: AbortSignal): Promise<Response> {
    const init = { method: 'POST', headers: this.#headers, body, signal };
    this.#onRequest();
    try {
      return await fetch(url, init);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#onRequest();
      return await fetch(url, init);
    }
  }
}

/**
 * Aborts what takes too long. A step in which Redis has answered others doesn't count, nor does one that is
 * late: this side has too much to do then, and the answer may have been waiting all along. Otherwise a moment
 * of too much work makes all rooms take Redis for dead at once, and turn to Postgres, which is more work.
 */
class TimeLimit {
  readonly #controller = new AbortController();
  readonly #stepMs: number;
  readonly #endMs: number;
  readonly #answers: () => number;
  #stepsLeft = STEPS;
  #timer: ReturnType<typeof setTimeout>;

  /**
   * @param ms of time that counts.
   * @param longestMs of any time.
   * @param answers how many requests were answered up to now, of all that go to the same Redis.
   */
  constructor(ms: number, longestMs: number, answers: () => number) {
    this.#stepMs = ms / STEPS;
    this.#endMs = Date.now() + longestMs;
    this.#answers = answers;
    this.#timer = this.#wait();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #wait(): ReturnType<typeof setTimeout> {
    const dueMs = Date.now() + this.#stepMs;
    const answers = this.#answers();
    return setTimeout(() => this.#onStep(dueMs, answers), this.#stepMs);
  }

  #onStep(dueMs: number, answersBefore: number): void {
    const nowMs = Date.now();
    if (nowMs - dueMs <= LATE_MS && this.#answers() === answersBefore) this.#stepsLeft -= 1;
    if (this.#stepsLeft > 0 && nowMs < this.#endMs) this.#timer = this.#wait();
    else this.#controller.abort(new DOMException('no answer in time', 'TimeoutError'));
  }
}

/** Commands parse the results that they are given; what isn't an object has none. */
function parse(text: string): UpstashResponse<never> {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new errors.UpstashJSONParseError(text, { cause: error });
  }
}
