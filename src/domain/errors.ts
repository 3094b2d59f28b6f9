/**
 * The storage layer's errors. Each says what a caller can do about it; wire errors are made from them
 * elsewhere, in one place.
 */

/**
 * Another room has opened this session in a later term: this one must stop writing and let its clients go to
 * the other.
 */
export class SupersededError extends Error {
  override readonly name = 'SupersededError';
  constructor(readonly sessionId: string) {
    super(`another room has taken over session ${sessionId}`);
  }
}

/**
 * The buffer has lost commits that it had confirmed, and has taken nothing of this one: everything that may
 * not be in Postgres has to be committed again, with nothing known to be there.
 */
export class CommitsLostError extends Error {
  override readonly name = 'CommitsLostError';
  constructor(readonly sessionId: string) {
    super(`the buffer has lost commits of session ${sessionId}`);
  }
}

/** A store is out of reach or failing in a way that may pass. The write may have taken effect or not. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError';
  constructor(
    readonly store: 'redis' | 'postgres' | 'identity provider' | 'room storage',
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${store}: ${message}`, options);
  }
}

/** Postgres refuses the data for a reason that a retry won't mend. Nothing of the transaction was written. */
export class WriteRefusedError extends Error {
  override readonly name = 'WriteRefusedError';
  constructor(
    /** SQLSTATE, or `too_large` when the request was refused for its size. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** There is no such session: it was never made, or has been deleted. Nothing was written. */
export class SessionNotFoundError extends Error {
  override readonly name = 'SessionNotFoundError';
  constructor(readonly sessionId: string) {
    super(`there is no session ${sessionId}`);
  }
}

/** What a store holds can't be right, and going on from it could only make it worse. Nothing was written. */
export class DamagedDataError extends Error {
  override readonly name = 'DamagedDataError';
}

/** The token was good once: its user has signed out everywhere since, or has deleted their account. */
export class RevokedTokenError extends Error {
  override readonly name = 'RevokedTokenError';
  constructor() {
    super('the token is not valid any more');
  }
}
