/**
 * What the SQL-over-HTTP server needs from a database. Two engines implement it: a real Postgres and PGlite.
 */

/** One statement; parameters and values are in Postgres' text format throughout. */
export interface SqlStatement {
  readonly text: string;
  readonly params: readonly (string | null)[];
}

/** One column of a result, as Postgres' RowDescription gives it. */
export interface ResultField {
  readonly name: string;
  readonly tableID: number;
  readonly columnID: number;
  readonly dataTypeID: number;
  readonly dataTypeSize: number;
  readonly dataTypeModifier: number;
}

export interface StatementResult {
  /** First word of the command tag; empty for an empty statement. */
  readonly command: string;
  /** Rows returned or changed; null where the command tag carries no count. */
  readonly rowCount: number | null;
  readonly fields: readonly ResultField[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export type IsolationLevel = 'READ UNCOMMITTED' | 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

export interface TransactionOptions {
  readonly isolationLevel?: IsolationLevel | undefined;
  readonly readOnly: boolean;
  readonly deferrable: boolean;
}

export interface SqlEngine {
  readonly name: 'postgres' | 'pglite';
  /** A plain postgres:// URL that opens the same database. */
  readonly databaseUrl: string;
  /**
   * Runs one statement by the extended protocol, in a transaction of its own.
   * @param signal aborted when the caller has gone away; the statement is then cancelled
   *   where the engine can.
   * @throws {SqlError} Postgres refused it.
   * @throws {ConnectError} the database is out of reach; nothing was run.
   * @throws {ConnectionLostError} the connection broke; whether it took effect is unknown.
   */
  query(statement: SqlStatement, signal: AbortSignal): Promise<StatementResult>;
  /**
   * Runs statements in order in one transaction; the first that fails rolls all of them back.
   * @throws as {@link SqlEngine.query}.
   */
  transaction(
    statements: readonly SqlStatement[],
    options: TransactionOptions,
    signal: AbortSignal,
  ): Promise<StatementResult[]>;
  close(): Promise<void>;
}

/** The fields of a Postgres error that Neon's proxy passes on, beside its message. */
export const sqlErrorFields = [
  'severity',
  'code',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
] as const;
export type SqlErrorFields = { readonly [K in (typeof sqlErrorFields)[number]]?: string | undefined };

/** An error that Postgres reported. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  constructor(
    message: string,
    readonly fields: SqlErrorFields,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** No connection could be had, so nothing was run. `fields` is there when Postgres itself turned us away. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  constructor(
    message: string,
    readonly fields: SqlErrorFields,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The connection broke while a statement was under way. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** The statement that opens a transaction with these options. */
export function beginStatement(options: TransactionOptions): string {
  const parts = ['BEGIN'];
  if (options.isolationLevel !== undefined) parts.push(`ISOLATION LEVEL ${options.isolationLevel}`);
  if (options.readOnly) parts.push('READ ONLY');
  if (options.deferrable) parts.push('DEFERRABLE');
  return parts.join(' ');
}

/**
 * Splits a command tag as Neon's proxy does: `INSERT 0 5` is an INSERT of 5, `CREATE TABLE` a
 * CREATE without a count.
 * @param tag the text of CommandComplete; empty for an empty statement.
 */
export function parseCommandTag(tag: string): Pick<StatementResult, 'command' | 'rowCount'> {
  const [command = '', ...rest] = tag.split(' ');
  const count = command === 'INSERT' ? rest[1] : rest.join(' ');
  return { command, rowCount: count !== undefined && /^\d+$/.test(count) ? Number(count) : null };
}

/** Picks the fields that are passed on out of a driver's error. */
export function pickSqlErrorFields(error: SqlErrorFields): SqlErrorFields {
  return Object.fromEntries(sqlErrorFields.map((field) => [field, error[field]]));
}

/**
 * True for `COPY … FROM STDIN` and `COPY … TO STDOUT`: HTTP can't carry their data, and in PGlite a COPY that
 * waits for data which isn't there ends the process.
 */
export function isCopyStream(text: string): boolean {
  return isCopyFromStdin(text) || /^copy\b.*\bto\s+stdout\b/is.test(withoutLeadingComments(text));
}

/** True for a statement that takes its rows from the client. */
export function isCopyFromStdin(text: string): boolean {
  return /^copy\b.*\bfrom\s+stdin\b/is.test(withoutLeadingComments(text));
}

function withoutLeadingComments(text: string): string {
  return text.replace(/^(?:\s|--[^\n]*(?:\n|$)|\/\*.*?\*\/)+/s, '');
}
