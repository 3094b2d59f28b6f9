/** Writes what Neon's proxy answers. */
import {
  ConnectError,
  ConnectionLostError,
  SqlError,
  type SqlErrorFields,
  type StatementResult,
  sqlErrorFields,
} from './engine.ts';
import { RequestError } from './errors.ts';
import { toJsonText } from './json-values.ts';
import type { OutputMode } from './request.ts';

/** The JSON text of one statement's result. */
export function resultToJson(result: StatementResult, mode: OutputMode): string {
  const { command, rowCount } = result;
  const fields = result.fields.map((field) => ({ ...field, format: 'text' }));
  const head = JSON.stringify({ rowAsArray: mode.arrayMode, command, rowCount, fields });
  return `${head.slice(0, -1)},"rows":${rowsToJson(result, mode)}}`;
}

/** The JSON text of a batch's results. */
export function batchToJson(results: readonly string[]): string {
  return `{"results":[${results.join(',')}]}`;
}

function rowsToJson({ rows, fields }: StatementResult, mode: OutputMode): string {
  // What the driver always asks for, so the path that must be fast.
  if (mode.rawText && mode.arrayMode) return JSON.stringify(rows);
  const keys = fields.map((field) => JSON.stringify(field.name));
  const rowTexts = rows.map((row) => {
    const values = row.map((value, index) => {
      if (value === null) return 'null';
      return mode.rawText ? JSON.stringify(value) : toJsonText(value, fields[index]?.dataTypeID ?? 0);
    });
    if (mode.arrayMode) return `[${values.join(',')}]`;
    return `{${values.map((value, index) => `${keys[index]}:${value}`).join(',')}}`;
  });
  return `[${rowTexts.join(',')}]`;
}

/**
 * Status and body for anything thrown. As in Neon's proxy, what goes wrong once a statement has been sent is
 * a 400, with an empty `code` when Postgres gave none, and a database that can't be reached is a 500.
 */
export function errorResponse(error: unknown): { status: number; body: string } {
  if (error instanceof SqlError) return { status: 400, body: errorBody(error.message, error.fields) };
  if (error instanceof ConnectionLostError) return { status: 400, body: errorBody(error.message, {}) };
  if (error instanceof ConnectError) return { status: 500, body: errorBody(error.message, error.fields) };
  if (error instanceof RequestError) return { status: error.status, body: errorBody(error.message, {}) };
  return { status: 500, body: errorBody('internal error', {}) };
}

function errorBody(message: string, fields: SqlErrorFields): string {
  const all = sqlErrorFields.map((field) => [field, fields[field] ?? null] as const);
  return JSON.stringify({ message, ...Object.fromEntries(all), ...defined(fields) });
}

/** Neon's proxy gives these two as empty strings, and all others as null, when there is nothing to say. */
function defined({ severity = '', code = '' }: SqlErrorFields) {
  return { severity, code };
}
