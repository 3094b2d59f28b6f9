/** Sends commands to a session's room. A command is one request, which may be repeated. */
import { z } from 'zod';
import { withTimeout } from '../domain/with-timeout.ts';
import { type ErrorCode, errorCodeSchema } from '../protocol/messages.ts';
import {
  aiSubjectReplySchema,
  commandReplySchema,
  type RoomCommand,
  setCodeReplySchema,
} from '../room/handlers/room-command.ts';
import type { RoomStubs } from './platform.ts';

/** A room may have to open its session and to wait for a commit. */
const TIMEOUT_MS = 15_000;

/** Statuses with which a room refuses a command; any other error status is a failure. */
const REFUSALS = { 400: 400, 404: 404, 409: 409, 410: 410, 413: 413, 429: 429 } as const;
type RefusalStatus = keyof typeof REFUSALS;

const refusalSchema = z.object({ error: errorCodeSchema, message: z.string() });

/**
 * The room is out of reach or failing. It may have handled the command or not; Postgres has the change in any
 * case, so sending the command again is safe.
 */
export class RoomUnavailableError extends Error {
  override readonly name = 'RoomUnavailableError';
}

/** The room refuses the command, and says why. */
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
type Told = Exclude<RoomCommand, { kind: 'set_code' | 'ai_subject' }>;

export class RoomClient {
  readonly #rooms: RoomStubs;

  constructor(rooms: RoomStubs) {
    this.#rooms = rooms;
  }

  /**
   * Sends a command to a session's room, which tells its clients.
   * @returns the number of connections that it concerned.
   * @throws {RoomUnavailableError}
   */
  async sendCommand(sessionId: string, command: Told): Promise<number> {
    try {
      return (await this.#send(sessionId, command, commandReplySchema)).delivered;
    } catch (error) {
      // A session that is gone or has ended has no connections.
      if (error instanceof RoomRefusedError && (error.status === 404 || error.status === 410)) return 0;
      throw error;
    }
  }

  /**
   * Makes code the session's next revision, for all its clients. Resolves once the code is committed.
   * @throws {RoomRefusedError}
   * @throws {RoomUnavailableError}
   */
  setCode(
    sessionId: string,
    edit: Omit<SetCode, 'kind'>,
  ): Promise<{ rev: number; durable: 'buffer' | 'postgres' }> {
    return this.#send(sessionId, { kind: 'set_code', ...edit }, setCodeReplySchema);
  }

  /**
   * The strudel whose author says whether the AI may be given the session's code; null: it is of none.
   * @throws {RoomUnavailableError}
   */
  async aiSubject(sessionId: string): Promise<{ strudelId: string; wasForbidden: boolean } | null> {
    const command: RoomCommand = { kind: 'ai_subject' };
    const { strudelId, wasForbidden } = await this.#send(sessionId, command, aiSubjectReplySchema);
    return strudelId === null ? null : { strudelId, wasForbidden };
  }

  #send<T extends z.ZodType>(sessionId: string, command: RoomCommand, reply: T): Promise<z.infer<T>> {
    const init = { method: 'POST', body: JSON.stringify(command) };
    return replyOf(TIMEOUT_MS, this.#rooms.fetch(sessionId, '/command', init), reply);
  }
}

/**
 * A room's reply to a request.
 * @throws {RoomRefusedError}
 * @throws {RoomUnavailableError}
 */
export async function replyOf<T extends z.ZodType>(
  timeoutMs: number,
  answer: Promise<Response>,
  reply: T,
): Promise<z.infer<T>> {
  let response: Response;
  let body: unknown;
  try {
    response = await withTimeout(timeoutMs, answer);
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

function isRefusal(status: number): status is RefusalStatus {
  return status in REFUSALS;
}
