/** Asks a session's room about knocks. */
import { z } from 'zod';
import {
  type KnockRequest,
  type KnockState,
  knockedSchema,
  knockStateSchema,
} from '../room/connections/knock-request.ts';
import type { RoomStubs } from './platform.ts';
import { replyOf } from './room-client.ts';

/** Beyond what a request may wait for by itself. */
const TIMEOUT_MS = 15_000;

type New = Omit<Extract<KnockRequest, { kind: 'knock' }>, 'kind'>;

export class KnockClient {
  readonly #rooms: RoomStubs;

  constructor(rooms: RoomStubs) {
    this.#rooms = rooms;
  }

  /** @throws {RoomRefusedError} and {RoomUnavailableError} */
  knock(sessionId: string, knock: New): Promise<z.infer<typeof knockedSchema>> {
    return this.#send(sessionId, { kind: 'knock', ...knock }, knockedSchema);
  }

  /** @throws {RoomRefusedError} and {RoomUnavailableError} */
  state(sessionId: string, knockId: string, waitMs: number): Promise<KnockState> {
    const request = { kind: 'await', knock_id: knockId, wait_ms: waitMs } as const;
    return this.#send(sessionId, request, knockStateSchema, waitMs);
  }

  /** @throws {RoomUnavailableError} */
  async withdraw(sessionId: string, knockId: string): Promise<void> {
    await this.#send(sessionId, { kind: 'withdraw', knock_id: knockId }, z.object({}));
  }

  #send<T extends z.ZodType>(
    sessionId: string,
    request: KnockRequest,
    reply: T,
    waitMs = 0,
  ): Promise<z.infer<T>> {
    const init = { method: 'POST', body: JSON.stringify(request) };
    return replyOf(TIMEOUT_MS + waitMs, this.#rooms.fetch(sessionId, '/knock', init), reply);
  }
}
