/** One part of the stack: started, watched, started again when it dies, stopped. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, StackError } from './errors.ts';
import type { LineSink, ManagedProcess } from './managed-process.ts';
import type { Output, PartLog } from './output.ts';
import { identify, isAlive, type ProcessIdentity, type ProcessInfo } from './process-table.ts';

export const PART_NAMES = ['redis', 'redisRest', 'postgres', 'neonHttp', 'signIn', 'worker'] as const;
export type PartName = (typeof PART_NAMES)[number];

/** How one part is run. */
export interface PartSpec {
  name: PartName;
  spawn(onLine: LineSink): ManagedProcess | Promise<ManagedProcess>;
  /**
   * Resolves when the part answers. At the first start everything must be well; later a store
   * may be down on purpose.
   */
  waitUntilReady(context: ReadyContext): Promise<void>;
  readyTimeoutMs: number;
  /** Picks, below the part's process, the one that runs the code. Without it the process itself does. */
  findCode?: (tree: readonly ProcessInfo[]) => ProcessInfo | undefined;
  /** A line that announces that the code's process is about to be replaced, for a changed source file. */
  reloadMarker?: RegExp;
  /** A line after which a start can't succeed any more. */
  failureMarker?: RegExp;
  /** The first start's own: what says that a start can't succeed while all else is known to be well. */
  firstFailureMarker?: RegExp;
  stop: { signal: NodeJS.Signals; target: 'leader' | 'tree'; graceMs: number };
  /** Its lines are shown in the terminal. */
  isShown: boolean;
}

export interface ReadyContext {
  process: ManagedProcess;
  isFirst: boolean;
  signal: AbortSignal;
  /** Says what the part last answered, for the error when the time is over. */
  report(answer: string): void;
  /**
   * Resolves with the first line on stdout, sent before or after the call, that `pick` turns into something.
   */
  line<T>(pick: (line: string) => T | null): Promise<T>;
}

export type PartState = 'down' | 'starting' | 'up' | 'paused' | 'waiting' | 'stopping';

export interface PartInfo {
  state: PartState;
  /** The process that runs the part's code; null while there is none. */
  pid: number | null;
  /** Starts after unexpected ends. */
  restarts: number;
}

const WATCH_MS = 150;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 10_000;
/** After this time alive a part counts as healthy, and its next restart is quick again. */
const HEALTHY_MS = 30_000;
/** How long a reload may leave the part without a process. */
const RELOAD_MS = 15_000;
const PORT_RETRIES = 2;
const PORT_TAKEN = /EADDRINUSE|address already in use/i;
/** Time for the lines that follow a failure's first. */
const FAILURE_DETAIL_MS = 300;

interface Life {
  process: ManagedProcess;
  code: ProcessIdentity | null;
  startedAtMs: number;
  announcedReloadAtMs: number;
  watch: NodeJS.Timeout | null;
  /** Its end was noticed; what follows from ending the rest of it is no news. */
  isOver: boolean;
}

/** It ran, complained of nothing, and never answered. */
class HungError extends StackError {}

export class Part {
  readonly name: PartName;
  readonly #spec: PartSpec;
  readonly #log: PartLog;
  readonly #output: Output;
  readonly #onSpawn: (pid: number) => void;

  #wanted = false;
  #isClosed = false;
  #hasBeenUp = false;
  #state: PartState = 'down';
  #life: Life | null = null;
  #starting: AbortController | null = null;
  #retry: NodeJS.Timeout | null = null;
  #backoffMs = BACKOFF_FIRST_MS;
  #restarts = 0;
  /** One thing at a time: starts and stops follow each other. */
  #queue: Promise<unknown> = Promise.resolve();

  /** @param onSpawn is told each new process's pid at once. */
  constructor(spec: PartSpec, log: PartLog, output: Output, onSpawn: (pid: number) => void) {
    this.name = spec.name;
    this.#spec = spec;
    this.#log = log;
    this.#output = output;
    this.#onSpawn = onSpawn;
  }

  get info(): PartInfo {
    const pid = this.#life ? (this.#life.code?.pid ?? this.#life.process.pid) : null;
    return { state: this.#state, pid, restarts: this.#restarts };
  }

  /**
   * Starts the part; resolves when it answers. Does nothing when it is up.
   * @throws {StackError} with the part's last lines; from the second start on it is tried again by itself.
   */
  start(): Promise<void> {
    this.#wanted = true;
    return this.#enqueue(async () => {
      if (this.#isClosed) throw new StackError(`${this.name}: the stack is being stopped`);
      if (this.#state === 'up' || this.#state === 'paused') return;
      this.#clearRetry();
      await this.#launch();
    });
  }

  /** Stops the part and keeps it down. `SIGKILL` doesn't let it finish anything. */
  stop(signal: NodeJS.Signals = this.#spec.stop.signal): Promise<void> {
    this.#wanted = false;
    this.#starting?.abort(new StackError(`${this.name} was stopped while it started`));
    return this.#enqueue(() => this.#endLife(signal));
  }

  /** Stops the part for good; later starts fail. */
  close(signal?: NodeJS.Signals): Promise<void> {
    this.#isClosed = true;
    return this.stop(signal);
  }

  /** Freezes the part and everything below it. */
  pause(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#state !== 'up' || !this.#life) throw new StackError(`${this.name} is ${this.#state}`);
      this.#life.process.signalTree('SIGSTOP');
      this.#state = 'paused';
    });
  }

  resume(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#state !== 'paused' || !this.#life) throw new StackError(`${this.name} is ${this.#state}`);
      this.#life.process.signalTree('SIGCONT');
      this.#state = 'up';
    });
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #launch(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#launchOnce();
        return;
      } catch (error) {
        const tail = this.#log.tail();
        await this.#endLife('SIGKILL');
        // Some of partykit's own ports can't be given; they pick a free one, and another
        // stack may be quicker.
        if (attempt < PORT_RETRIES && this.#wanted && PORT_TAKEN.test(tail)) continue;
        // Rarely, partykit starts its runtime and never hears that it is up.
        if (attempt === 0 && this.#wanted && error instanceof HungError) {
          this.#output.note(`${this.name} ${error.message}; it is started once more`);
          continue;
        }
        if (this.#hasBeenUp && this.#wanted && !this.#isClosed) this.#retryLater();
        throw new StackError(
          `${this.name} ${messageOf(error)}; its last lines:\n${tail}\n    (${this.#log.path})`,
        );
      }
    }
  }

  async #launchOnce(): Promise<void> {
    const spec = this.#spec;
    const isFirst = !this.#hasBeenUp;
    const abort = new AbortController();
    this.#starting = abort;
    this.#state = 'starting';
    this.#log.startAnew();
    const lines = new LineWaiter();
    const failed = (why: string) => setTimeout(() => abort.abort(new StackError(why)), FAILURE_DETAIL_MS);
    try {
      const process = await this.#spawn(abort.signal, (line, stream) => {
        this.#log.add(line);
        // What ends complains of what has ended before it; that is in its log.
        if (spec.isShown && this.#state !== 'stopping') this.#output.partLine(this.name, line);
        if (stream === 'stdout') lines.add(line);
        if (spec.reloadMarker?.test(line) && this.#life) this.#life.announcedReloadAtMs = Date.now();
        if (this.#state !== 'starting') return;
        if (spec.failureMarker?.test(line) || (isFirst && spec.firstFailureMarker?.test(line))) {
          failed('failed to start');
        }
      });
      const life: Life = {
        process,
        code: null,
        startedAtMs: Date.now(),
        announcedReloadAtMs: 0,
        watch: null,
        isOver: false,
      };
      this.#life = life;
      if (process.pid !== 0) this.#onSpawn(process.pid);
      void process.exited.then((how) => {
        abort.abort(new StackError(how));
        if (this.#life === life && this.#state !== 'starting') void this.#died(life, how);
      });
      let answer = '';
      const report = (text: string) => {
        answer = `; ${text}`;
      };
      const timeout = setTimeout(
        () => abort.abort(new HungError(`was not ready within ${spec.readyTimeoutMs / 1000} s${answer}`)),
        spec.readyTimeoutMs,
      );
      try {
        await raceAbort(
          spec.waitUntilReady({
            process,
            isFirst,
            signal: abort.signal,
            report,
            line: (pick) => lines.next(pick),
          }),
          abort.signal,
        );
        life.code = this.#findCode(life);
        // What was announced while it started has come by now; what goes from here on was killed.
        life.announcedReloadAtMs = 0;
      } finally {
        clearTimeout(timeout);
      }
      // It may have died just after it answered, when no listener was set yet.
      if (process.hasExited) throw new StackError(await process.exited);
      if (!life.code) throw new StackError('is answered for by another process: its port is taken');
      this.#state = 'up';
      this.#hasBeenUp = true;
      life.watch = setInterval(() => this.#watch(life), WATCH_MS);
    } finally {
      this.#starting = null;
      lines.close();
    }
  }

  /**
   * Spawns, without waiting for a spawn that takes long once it is no longer wanted; what
   * comes of it is ended.
   */
  #spawn(signal: AbortSignal, onLine: LineSink): Promise<ManagedProcess> {
    const spawned = Promise.resolve(this.#spec.spawn(onLine));
    spawned.then(
      (process) => {
        if (signal.aborted) void process.end('SIGKILL', 'tree', 0);
      },
      () => {},
    );
    return raceAbort(spawned, signal);
  }

  #findCode({ process }: Life): ProcessIdentity | null {
    const found = this.#spec.findCode?.(process.tree());
    if (this.#spec.findCode) return found ? { pid: found.pid, startedAt: found.startedAt } : null;
    return identify(process.pid);
  }

  /** Notices the death of the process that runs the code below one that lives on without noticing. */
  #watch(life: Life): void {
    if (!this.#spec.findCode || this.#life !== life || this.#state !== 'up') return;
    if (life.code && isAlive(life.code)) {
      if (Date.now() - life.startedAtMs > HEALTHY_MS) this.#backoffMs = BACKOFF_FIRST_MS;
      return;
    }
    const isReloading = Date.now() - life.announcedReloadAtMs < RELOAD_MS;
    const replacement = this.#findCode(life);
    if (isReloading) {
      life.code = replacement;
      if (replacement) life.announcedReloadAtMs = 0;
      return;
    }
    void this.#died(life, `lost the process that ran its code${life.code ? ` (pid ${life.code.pid})` : ''}`);
  }

  async #died(life: Life, how: string): Promise<void> {
    if (!this.#wanted || this.#isClosed || this.#state === 'stopping' || life.isOver) return;
    life.isOver = true;
    if (Date.now() - life.startedAtMs > HEALTHY_MS) this.#backoffMs = BACKOFF_FIRST_MS;
    this.#output.note(`${this.name} ${how}; its last lines:\n${this.#log.tail()}`);
    this.#state = 'waiting';
    await this.#enqueue(async () => {
      // A stop or start meanwhile has dealt with it.
      if (this.#life !== life || !this.#wanted || this.#isClosed) return;
      await this.#endLife('SIGKILL');
      this.#retryLater();
    });
  }

  #retryLater(): void {
    const pauseMs = this.#backoffMs;
    this.#backoffMs = Math.min(BACKOFF_MAX_MS, pauseMs * 2);
    this.#state = 'waiting';
    this.#output.note(`${this.name} is started again in ${pauseMs / 1000} s`);
    this.#clearRetry();
    this.#retry = setTimeout(() => {
      this.#enqueue(async () => {
        if (!this.#wanted || this.#isClosed || this.#state !== 'waiting') return;
        this.#restarts++;
        await this.#launch();
        this.#output.note(`${this.name} is back`);
      }).catch((error: unknown) => this.#output.note(messageOf(error)));
    }, pauseMs);
  }

  #clearRetry(): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
  }

  async #endLife(signal: NodeJS.Signals): Promise<void> {
    this.#clearRetry();
    const life = this.#life;
    if (life) {
      this.#state = 'stopping';
      if (life.watch) clearInterval(life.watch);
      await life.process.end(signal, this.#spec.stop.target, this.#spec.stop.graceMs);
      this.#life = null;
    }
    this.#state = 'down';
  }
}

/** Lines that a caller waits for, kept until one does. */
class LineWaiter {
  #seen: string[] = [];
  #waiting: ((line: string) => void) | null = null;
  #isClosed = false;

  add(line: string): void {
    // Only the start's lines are waited for; keeping a part's whole output would never end.
    if (this.#isClosed) return;
    if (this.#waiting) this.#waiting(line);
    else this.#seen.push(line);
  }

  next<T>(pick: (line: string) => T | null): Promise<T> {
    return new Promise((resolve) => {
      const offer = (line: string) => {
        const picked = pick(line);
        if (picked !== null) resolve(picked);
      };
      for (const line of this.#seen) offer(line);
      this.#seen = [];
      this.#waiting = offer;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#seen = [];
  }
}

function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * Tries until `attempt` gives true; a throw counts as not yet.
 * @throws whatever the signal is aborted with.
 */
export async function pollUntil(signal: AbortSignal, attempt: () => Promise<boolean>): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await attempt().catch(() => false)) return;
    await delay(50, undefined, { signal });
  }
}
