/**
 * PGlite as the one Postgres session that it is: bytes of the wire protocol in, bytes out,
 * one party at a time.
 *
 * Everything goes through {@link Turns}, and a turn lasts as long as a transaction or a run of
 * extended-protocol messages is open. PGlite's own lock covers one message only: with that, a statement sent
 * over HTTP would join a psql's open transaction and be rolled back with it, and two clients would overwrite
 * each other's unnamed statement between Parse and Bind.
 */
import { PGlite, protocol } from '@electric-sql/pglite';
import { type EndTurn, Turns } from './turns.ts';

/** PGlite can't go on: its WebAssembly instance has stopped or answers nonsense. The process should end. */
export class BackendStoppedError extends Error {
  override readonly name = 'BackendStoppedError';
}

export class PgliteBackend {
  readonly #db: PGlite;
  readonly #turns = new Turns();
  /**
   * Once set, for good: what is left of a stopped instance may answer, and even accept writes
   * that it then doesn't do.
   */
  #stopped: BackendStoppedError | null = null;

  readonly #onStopped: (error: BackendStoppedError) => void;

  private constructor(db: PGlite, onStopped: (error: BackendStoppedError) => void) {
    this.#db = db;
    this.#onStopped = onStopped;
    this.#watchForTraps();
  }

  /**
   * @param dataDir a folder, or null for a database in memory.
   * @param onStopped told once when the session has died.
   */
  static async open(
    dataDir: string | null,
    onStopped: (error: BackendStoppedError) => void,
  ): Promise<PgliteBackend> {
    const db = await PGlite.create(dataDir === null ? 'memory://' : `file://${dataDir}`);
    return new PgliteBackend(db, onStopped);
  }

  /** Waits until no other caller has the session; the caller must end the turn with no transaction open. */
  takeTurn(): Promise<EndTurn> {
    return this.#turns.take();
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /** True inside BEGIN … COMMIT, also when that transaction has failed. */
  get inTransaction(): boolean {
    return this.#stopped === null && this.#db.isInTransaction();
  }

  /**
   * Hands protocol messages to the session and collects what it answers. Only for who has the turn.
   * @throws {BackendStoppedError}
   */
  async send(...messages: readonly Uint8Array[]): Promise<Buffer> {
    if (this.#stopped !== null) throw this.#stopped;
    const answers: Buffer[] = [];
    try {
      await this.#db.execProtocolRawStream(concat(messages), {
        syncToFs: false,
        // A view of WebAssembly memory that the next write overwrites, hence the copy.
        onRawData: (data) => {
          answers.push(Buffer.from(data));
        },
      });
    } catch (cause) {
      throw this.stop('PGlite stopped', cause);
    }
    if (this.#stopped !== null) throw this.#stopped;
    return Buffer.concat(answers);
  }

  /**
   * PGlite swallows whatever its main loop throws. One thing thrown there is how Postgres reports an error;
   * anything else is a WebAssembly trap, such as a stack overflow, after which the instance goes on with
   * its memory in disorder.
   */
  #watchForTraps(): void {
    const module = this.#db.Module;
    const mainLoop = module._PostgresMainLoopOnce;
    module._PostgresMainLoopOnce = () => {
      try {
        mainLoop();
      } catch (thrown) {
        if (!isPostgresError(thrown)) this.stop('PGlite stopped', thrown);
        throw thrown;
      }
    };
  }

  /**
   * Declares the session dead, for an answer that no living one gives. Returns the error that
   * everyone gets from now on.
   */
  stop(reason: string, cause?: unknown): BackendStoppedError {
    if (this.#stopped === null) {
      this.#stopped = new BackendStoppedError(reason, { cause });
      this.#onStopped(this.#stopped);
    }
    return this.#stopped;
  }

  /** Runs SQL without parameters, and drops what it answers. Only for who has the turn. */
  async run(sql: string): Promise<void> {
    await this.send(protocol.serialize.query(sql));
  }

  /** Rolls back what is open and shuts the database down in order. */
  async close(): Promise<void> {
    await this.#db.close();
  }
}

function concat(messages: readonly Uint8Array[]): Uint8Array {
  const [only] = messages;
  return messages.length === 1 && only !== undefined ? only : Buffer.concat(messages);
}

/** The exit status that stands for Postgres' jump out of a failed statement. */
const longJumpStatus = 100;

function isPostgresError(thrown: unknown): boolean {
  return (
    typeof thrown === 'object' && thrown !== null && 'status' in thrown && thrown.status === longJumpStatus
  );
}
