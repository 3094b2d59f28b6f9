/**
 * What the REST server needs from a Redis. Two engines implement it: a real server over TCP, and one
 * inside this process.
 */

/**
 * An error as Redis replies it, code first: `WRONGTYPE Operation against …`. It is a value: pipelines carry
 * it among other replies.
 */
export class RedisError extends Error {
  override readonly name = 'RedisError';
}

/** The engine can't be reached, or didn't answer in time. The command may have taken effect or not. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}

/**
 * A reply in RESP2's terms. Strings stay bytes until the server knows which encoding the caller asked for.
 */
export type Reply = null | number | Buffer | RedisError | Reply[];

/** A command's name and arguments; strings count as UTF-8. */
export type CommandArgs = readonly (string | Buffer)[];

export interface RedisEngine {
  readonly kind: 'redis' | 'embedded';
  /**
   * Runs one command. Calls made in one tick run in the order they were made.
   * @returns what Redis replied, an error reply included.
   * @throws {EngineUnavailableError}
   */
  call(args: CommandArgs): Promise<Reply>;
  /**
   * Runs commands as one transaction: nothing else comes between them.
   * @returns one reply a command, or a single error when the whole transaction was discarded
   *   before any of it ran.
   * @throws {EngineUnavailableError}
   */
  multi(commands: readonly CommandArgs[]): Promise<Reply[] | RedisError>;
  /** Lets go of files and sockets. Whatever was replied to is safe. */
  close(): Promise<void>;
}
