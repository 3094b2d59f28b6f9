/** How the Worker tells a session's room what has changed: one request, which may be repeated. */
import { z } from 'zod';
import { withTimeout } from '../domain/with-timeout.ts';
import { type ErrorCode, errorCodeSchema } from '../protocol/messages.ts';
import { commandReplySchema, type RoomCommand, setCodeReplySchema } from '../room/handlers/room-command.ts';
import type { RoomStubs } from './platform.ts';

/** A room that is loading a session and waits for a commit may take as long as this. */
const TIMEOUT_MS = 15_000;

/** Statuses by which a room refuses what it was asked, rather than failing. */
const REFUSALS = { 400: 400, 404: 404, 409: 409, 410: 410, 413: 413, 429: 429 } as const;
type RefusalStatus = keyof typeof REFUSALS;

const refusalSchema = z.object({ error: errorCodeSchema, message: z.string() });

/** The room is out of reach or failing: it may have been told or not. What Postgres holds is as it should be, so asking again mends it. */
export class RoomUnavailableError extends Error {
  override readonly name = 'RoomUnavailableError';
}

/** The room won't do what it was asked, and says why. */
export class RoomRefusedError extends Error {
  override readonly name = 'RoomRefusedError';
  constructor(
    readonly status: RefusalStatus,
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

type SetCode = Extract<RoomCommand, { kind: 'set_code' }>;

export class RoomClient {
  readonly #rooms: RoomStubs;

  constructor(rooms: RoomStubs) {
    this.#rooms = rooms;
  }

  /**
   * Tells a session's room, and by it the people in it.
   * @returns connections that it concerned.
   * @throws {RoomUnavailableError}
   */
  async tell(sessionId: string, news: Exclude<RoomCommand, SetCode>): Promise<number> {
    try {
      return (await this.#ask(sessionId, news, commandReplySchema)).delivered;
    } catch (error) {
      // A session that is gone or has ended has nobody in it to tell.
      if (error instanceof RoomRefusedError && (error.status === 404 || error.status === 410)) return 0;
      throw error;
    }
  }

  /**
   * Makes code the session's next revision, for everybody in it; resolves once it is committed.
   * @throws {RoomRefusedError}
   * @throws {RoomUnavailableError}
   */
  setCode(
    sessionId: string,
    edit: Omit<SetCode, 'kind'>,
  ): Promise<{ rev: number; durable: 'buffer' | 'postgres' }> {
    return this.#ask(sessionId, { kind: 'set_code', ...edit }, setCodeReplySchema);
  }

  async #ask<T extends z.ZodType>(sessionId: string, request: RoomCommand, reply: T): Promise<z.infer<T>> {
    let response: Response;
    let body: unknown;
    try {
      response = await withTimeout(
        TIMEOUT_MS,
        this.#rooms.fetch(sessionId, '/command', { method: 'POST', body: JSON.stringify(request) }),
      );
      body = await response.json();
    } catch (cause) {
      throw new RoomUnavailableError('no answer', { cause });
    }
    if (response.ok) {
      const parsed = reply.safeParse(body);
      if (parsed.success) return parsed.data;
      throw new RoomUnavailableError('unexpected answer', { cause: parsed.error });
    }
    const refusal = refusalSchema.safeParse(body);
    if (isRefusal(response.status) && refusal.success) {
      throw new RoomRefusedError(response.status, refusal.data.error, refusal.data.message);
    }
    throw new RoomUnavailableError(`HTTP status ${response.status}`);
  }
}

function isRefusal(status: number): status is RefusalStatus {
  return status in REFUSALS;
}
