/**
 * PGlite as the one Postgres session that it is: bytes of the wire protocol in, bytes out, one party at a time.
 *
 * Everything goes through {@link Turns}, and a turn lasts as long as a transaction or a run of extended-protocol messages is
 * open. PGlite's own lock covers one message only: with that, a statement sent over HTTP would join a psql's open
 * transaction and be rolled back with it, and two clients would overwrite each other's unnamed statement between Parse and Bind.
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
  /** Once set, for good: what is left of a stopped instance may answer, and even accept writes that it then doesn't do. */
  #stopped: BackendStoppedError | null = null;

  private constructor(db: PGlite) {
    this.#db = db;
  }

  /** @param dataDir a folder, or null for a database in memory. */
  static async open(dataDir: string | null): Promise<PgliteBackend> {
    return new PgliteBackend(await PGlite.create(dataDir === null ? 'memory://' : `file://${dataDir}`));
  }

  /** Waits until nobody else has the session; the caller must end the turn with no transaction open. */
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
    return Buffer.concat(answers);
  }

  /** Declares the session dead, for an answer that no living one gives. Returns the error that everyone gets from now on. */
  stop(reason: string, cause?: unknown): BackendStoppedError {
    this.#stopped ??= new BackendStoppedError(reason, { cause });
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
