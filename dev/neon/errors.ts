/** Requests that never reach the database. */

/** The request as such is at fault; `status` is the HTTP status it is answered with. */
export class RequestError extends Error {
  override readonly name: string = 'RequestError';
  constructor(
    readonly status: 400 | 404 | 405 | 413 | 507,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The connection string is missing or malformed. */
export class ConnectionStringError extends RequestError {
  override readonly name = 'ConnectionStringError';
  constructor(message: string, options?: ErrorOptions) {
    super(400, message, options);
  }
}
