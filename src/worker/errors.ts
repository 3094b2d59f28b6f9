/** Errors on their way out: the one place that turns what a route throws into a reply. */
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ConfigError } from '../config.ts';
import {
  RevokedTokenError,
  SessionNotFoundError,
  StorageUnavailableError,
  WriteRefusedError,
} from '../domain/errors.ts';
import type { ErrorCode } from '../protocol/messages.ts';
import { describeUnexpected, logError } from './log.ts';
import { RoomRefusedError, RoomUnavailableError } from './room-client.ts';

/** Most of what is limited is counted by the minute. */
const RETRY_AFTER_S = 60;

/** A refusal that a route decided on. Its texts are shown to the caller. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: ContentfulStatusCode,
    readonly code: ErrorCode,
    message: string,
    readonly details?: string,
    /** After how many seconds the caller may try again, where that is known. */
    readonly retryAfterS?: number,
  ) {
    super(message);
  }
}

/**
 * The reply to an error: `{ error, message, details? }`. What it wasn't made for is logged, and shows nothing
 * internal.
 */
export function errorResponse(error: unknown, c: Context): Response {
  const { status, code, message, details, retryAfterS } = asApiError(error, c);
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  if (status === 429) c.header('Retry-After', `${retryAfterS ?? RETRY_AFTER_S}`);
  return c.json({ error: code, message, ...(details === undefined ? {} : { details }) }, status);
}

function asApiError(error: unknown, c: Context): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof SessionNotFoundError) return notFound();
  if (error instanceof RevokedTokenError) return unauthorized(error.message);
  // Logged once, when the configuration was first read.
  if (error instanceof ConfigError) return new ApiError(500, 'server_error', error.message);
  const where = { method: c.req.method, path: c.req.path };
  if (error instanceof StorageUnavailableError) {
    logError('storage_unavailable', { ...where, store: error.store, reason: error.message });
    return new ApiError(503, 'server_error', `${error.store} is out of reach, try again`);
  }
  if (error instanceof RoomRefusedError) return new ApiError(error.status, error.code, error.message);
  if (error instanceof RoomUnavailableError) {
    logError('room_unavailable', { ...where, reason: error.message });
    return new ApiError(503, 'server_error', "the session's room is out of reach, try again");
  }
  if (error instanceof WriteRefusedError) {
    logError('write_refused', { ...where, code: error.code, reason: error.message });
    return new ApiError(400, 'validation_error', "this can't be stored");
  }
  logError('unexpected_error', { ...where, ...describeUnexpected(error) });
  return new ApiError(500, 'server_error', 'something went wrong');
}

export function notFound(message = 'there is no such session'): ApiError {
  return new ApiError(404, 'not_found', message);
}

export function unauthorized(message: string): ApiError {
  return new ApiError(401, 'unauthorized', message);
}
