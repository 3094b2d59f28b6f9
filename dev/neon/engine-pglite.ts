/**
 * PGlite, a Postgres in this process, behind the HTTP server and, by the same session,
 * behind a postgres:// URL.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { protocol } from '@electric-sql/pglite';
import {
  beginStatement,
  ConnectionLostError,
  parseCommandTag,
  pickSqlErrorFields,
  type ResultField,
  type SqlEngine,
  SqlError,
  type SqlStatement,
  type StatementResult,
  type TransactionOptions,
} from './engine.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { PgliteBackend } from './pglite-backend.ts';
import { PgliteSocketServer } from './pglite-socket.ts';
import { copyTemplate } from './pglite-template.ts';
import { FrameReader } from './wire.ts';

const user = 'postgres';
const database = 'postgres';

export interface PgliteEngineOptions {
  /** The database's folder, made when missing; null keeps it in memory. */
  readonly dataDir: string | null;
  /** Port of the postgres:// URL; 0 or absent: a free one. */
  readonly port?: number | undefined;
  /** Asked of both HTTP and postgres:// clients. */
  readonly password: string;
  /**
   * How long a postgres:// client may sit in an open transaction while others wait, in
   * milliseconds; by default 5,000.
   */
  readonly idleInTransactionMs?: number;
  /** Told once when PGlite has stopped; nothing works from then on. */
  readonly onStopped: (error: Error) => void;
  readonly log: (line: string) => void;
}

/** An engine on PGlite. All its clients share one session, in turns. */
export class PgliteEngine implements SqlEngine {
  readonly name = 'pglite';
  readonly databaseUrl: string;
  readonly #backend: PgliteBackend;
  readonly #socket: PgliteSocketServer;
  readonly #lock: FolderLock | null;

  private constructor(
    options: PgliteEngineOptions,
    backend: PgliteBackend,
    socket: PgliteSocketServer,
    lock: FolderLock | null,
  ) {
    this.#backend = backend;
    this.#socket = socket;
    this.#lock = lock;
    this.databaseUrl = `postgres://${user}:${encodeURIComponent(options.password)}@127.0.0.1:${socket.port}/${database}`;
  }

  /**
   * Opens the database, after a crash too, and listens for postgres:// clients on 127.0.0.1.
   * @throws {FolderLockedError} when another process has the folder open.
   */
  static async open(options: PgliteEngineOptions): Promise<PgliteEngine> {
    const folder = options.dataDir === null ? null : resolve(options.dataDir);
    const lock = folder === null ? null : await lockFolder(folder);
    try {
      const backend = await PgliteBackend.open(
        folder === null ? null : await prepare(folder),
        options.onStopped,
      );
      if (folder !== null) rmSync(unfinishedMark(folder), { force: true });
      const socket = await PgliteSocketServer.start({
        backend,
        port: options.port ?? 0,
        credentials: { user, password: options.password, database },
        idleInTransactionMs: options.idleInTransactionMs ?? 5_000,
        log: options.log,
      });
      return new PgliteEngine(options, backend, socket, lock);
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  query(statement: SqlStatement, signal: AbortSignal): Promise<StatementResult> {
    return this.#inTurn(signal, () => this.#run(statement));
  }

  transaction(
    statements: readonly SqlStatement[],
    options: TransactionOptions,
    signal: AbortSignal,
  ): Promise<StatementResult[]> {
    return this.#inTurn(signal, async () => {
      await this.#run({ text: beginStatement(options), params: [] });
      const results: StatementResult[] = [];
      for (const statement of statements) results.push(await this.#run(statement));
      await this.#run({ text: 'COMMIT', params: [] });
      return results;
    });
  }

  async close(): Promise<void> {
    await this.#socket.close();
    const end = await this.#backend.takeTurn();
    await this.#backend.close();
    this.#lock?.release();
    // The turn is ended only now: what still waits finds a closed database rather than a half-closed one.
    end();
  }

  async #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const end = await this.#backend.takeTurn();
    try {
      // Gone while it waited: no client would learn of the result.
      if (signal.aborted) throw new ConnectionLostError('query was cancelled');
      return await work();
    } catch (error) {
      throw error instanceof SqlError ? error : new ConnectionLostError(errorText(error), { cause: error });
    } finally {
      // A failed batch, or a statement that was itself a BEGIN.
      if (this.#backend.inTransaction) await this.#backend.run('ROLLBACK');
      end();
    }
  }

  async #run({ text, params }: SqlStatement): Promise<StatementResult> {
    const { parse, bind, describe, execute, sync } = protocol.serialize;
    const answer = await this.#backend.send(
      parse({ text }),
      bind({ values: [...params] }),
      describe({ type: 'P' }),
      execute({}),
      sync(),
    );
    const result = readResult(answer);
    if (result === null) throw this.#backend.stop('PGlite did not finish its answer');
    return result;
  }
}

/**
 * Collects one statement's result from the messages that answer it; null when they are not a whole answer.
 * @throws {SqlError}
 */
function readResult(answer: Buffer): StatementResult | null {
  const { messages } = protocol;
  let fields: ResultField[] = [];
  let tag: string | null = null;
  let refused: SqlError | null = null;
  let ready = false;
  new protocol.Parser().parse(answer, (message) => {
    if (message instanceof messages.RowDescriptionMessage) fields = message.fields.map(toResultField);
    else if (message instanceof messages.CommandCompleteMessage) tag = message.text;
    else if (message.name === 'emptyQuery') tag = '';
    else if (message instanceof messages.ReadyForQueryMessage) ready = true;
    else if (message instanceof messages.DatabaseError) {
      refused ??= new SqlError(message.message, pickSqlErrorFields(message), { cause: message });
    }
  });
  if (refused !== null) throw refused;
  if (!ready || tag === null) return null;
  return { ...parseCommandTag(tag), fields, rows: readRows(answer) };
}

/** The rows of an answer. PGlite's own reader takes the mark U+FEFF from the beginning of a text. */
function readRows(answer: Buffer): (string | null)[][] {
  const reader = new FrameReader();
  reader.push(answer);
  const rows: (string | null)[][] = [];
  for (let frame = reader.next(); frame !== null; frame = reader.next()) {
    if (frame.type === 'D') rows.push(rowOf(frame.bytes));
  }
  return rows;
}

/** @param bytes of a DataRow: type, length, count; and of each value its length (-1: null) and its text. */
function rowOf(bytes: Buffer): (string | null)[] {
  let at = 7;
  return Array.from({ length: bytes.readInt16BE(5) }, () => {
    const length = bytes.readInt32BE(at);
    const from = at + 4;
    at = from + Math.max(0, length);
    return length === -1 ? null : bytes.toString('utf8', from, at);
  });
}

function toResultField(field: ResultField): ResultField {
  const { name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier } = field;
  return { name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier };
}

/**
 * The folder inside `folder` that PGlite gets; next to it lie the lock and the mark of an unfinished
 * start. A new folder is filled file by file: when that was cut short, the remains look like a database
 * but aren't one, so they go.
 */
async function prepare(folder: string): Promise<string> {
  const dataDir = join(folder, 'pgdata');
  const mark = unfinishedMark(folder);
  mkdirSync(dataDir, { recursive: true });
  if (readdirSync(folder).includes(markName)) rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true });
  // Only ever on an empty folder: the mark is what allows the next start to delete.
  if (readdirSync(dataDir).length === 0) {
    writeFileSync(mark, '');
    await copyTemplate(dataDir);
  }
  return dataDir;
}

const markName = 'unfinished';
const unfinishedMark = (folder: string) => join(folder, markName);

const errorText = (error: unknown) => (error instanceof Error ? error.message : String(error));
