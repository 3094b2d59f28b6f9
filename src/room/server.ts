/**
 * The room of one session. It reads in the order of its life: request, connect, message, close, alarm.
 *
 * Rooms hibernate: an instance's memory is gone between two messages. What has to outlive it is in the
 * connections' state, in the room's storage, or in the buffer. A new instance opens the session when the
 * first event needs it, and not before: a ping in a silent session must not cost a Redis command. Events
 * arrive while the first is still loading.
 */
import { SessionNotFoundError } from '../domain/errors.ts';
import { withTimeout } from '../domain/with-timeout.ts';
import { CLOSE } from './connections/close-codes.ts';
import { hasJoined } from './connections/connection.ts';
import { admissionGrantSchema, newcomerSchema, RESERVATION_HEADER } from './connections/grant.ts';
import { refuse } from './connections/refusal.ts';
import { describe, guarded } from './guarded.ts';
import { handleCommand } from './handlers/handle-command.ts';
import { handleKnock } from './handlers/handle-knock.ts';
import type { Frame } from './handlers/incoming-frames.ts';
import type { Connection, RoomEvents, RoomHost } from './host.ts';
import { makeParts, type RoomDependencies, type RoomParts } from './room-parts.ts';

/** How long clients wait for the flush that ends a term. */
const LAST_FLUSH_MS = 3_000;

export class Room implements RoomEvents {
  readonly #host: RoomHost;
  readonly #flushAlarmMs: number;
  readonly #alarmGate: RoomDependencies['alarmGate'];
  readonly #parts: RoomParts;
  readonly #joining = new WeakMap<Connection, Promise<void>>();
  #isLoaded = false;

  constructor(host: RoomHost, deps: RoomDependencies) {
    this.#host = host;
    this.#flushAlarmMs = deps.config.FLUSH_ALARM_MS;
    this.#alarmGate = deps.alarmGate;
    this.#parts = makeParts(host, deps, {
      onSuperseded: () => this.#handleSuperseded(),
      onTermFull: () => void this.#handleTermFull(),
    });
  }

  /** Every event waits for this before it uses the parts. */
  async #load(): Promise<void> {
    await this.#parts.load();
    this.#isLoaded = true;
  }

  // ---- request --------------------------------------------------------------------------------------------

  /** A request of the Worker: only its own code reaches a room. */
  onRequest(request: Request): Promise<Response> {
    return guarded(this.#host.id, async () => {
      await this.#load();
      switch (new URL(request.url).pathname) {
        case '/reserve':
          return this.#parts.admission.reserve(admissionGrantSchema.parse(await request.json()));
        case '/capacity':
          return (
            this.#parts.admission.capacity(newcomerSchema.parse(await request.json())) ?? Response.json({})
          );
        case '/command':
          return handleCommand(await request.text(), this.#parts);
        case '/knock':
          return handleKnock(await request.json(), this.#parts);
        default:
          return refuse(404, 'not_found', 'a room has no such request');
      }
    });
  }

  // ---- connect --------------------------------------------------------------------------------------------

  async onConnect(connection: Connection, { headers }: Pick<Request, 'headers'>): Promise<void> {
    const joined = this.#join(connection, headers.get(RESERVATION_HEADER) ?? '').catch((error: unknown) =>
      this.#parts.departures.closeFailed(connection, error),
    );
    // A client may send before it has joined; its messages wait for this.
    this.#joining.set(connection, joined);
    await joined;
  }

  async #join(connection: Connection, reservationId: string): Promise<void> {
    try {
      await this.#load();
      await this.#parts.joining.join(connection, reservationId);
      await this.#parts.liveness.watch();
    } catch (error) {
      this.#parts.connectionLimits.release(reservationId);
      throw error;
    }
  }

  // ---- message --------------------------------------------------------------------------------------------

  async onMessage(connection: Connection, frame: Frame): Promise<void> {
    const { liveness, slowConsumers, departures, incomingFrames } = this.#parts;
    // Read before anything is waited for: messages that wait for the room to load weren't sent all at once.
    const nowMs = Date.now();
    try {
      if (!hasJoined(connection)) await this.#joining.get(connection);
      if (!this.#isLoaded) await this.#load();
      if (!hasJoined(connection)) return;
      liveness.seen(connection, nowMs);
      slowConsumers.seen(connection);
      await incomingFrames.receive(frame, connection, nowMs);
      departures.closeSlow();
    } catch (error) {
      departures.closeFailed(connection, error);
    }
  }

  // ---- close ----------------------------------------------------------------------------------------------

  async onClose(connection: Connection): Promise<void> {
    const { session, departures, log } = this.#parts;
    departures.dropWorkOf(connection);
    try {
      await this.#load();
      departures.leave(connection);
      // A new instance opens the session for this only if something of it may still be dirty.
      if (await session.mayBeDirty()) await (await session.open()).flush();
    } catch (error) {
      log('close_failed', describe(error));
    }
  }

  /** Another instance has taken the session over: this one forgets it, and clients reconnect to the other. */
  #handleSuperseded(): void {
    this.#parts.log('superseded', 'another instance has taken the session over');
    this.#moveClients();
  }

  /**
   * The session's numbers are nearly used up: it is flushed, and opened in a new term when a client
   * connects.
   */
  async #handleTermFull(): Promise<void> {
    const { session, log } = this.#parts;
    log('term_full', 'the session is opened anew');
    if (session.live) await withTimeout(LAST_FLUSH_MS, session.live.flush()).catch(() => {});
    this.#moveClients();
  }

  #moveClients(): void {
    const { session, outbox } = this.#parts;
    session.giveUp();
    outbox.broadcast('server_shutdown', { reason: 'moved' });
    for (const connection of this.#host.connections()) connection.close(CLOSE.moved, 'moved');
  }

  // ---- alarm ----------------------------------------------------------------------------------------------

  async onAlarm(): Promise<void> {
    const { session, liveness, alarm, log } = this.#parts;
    const nowMs = Date.now();
    const isForSession = alarm.fired(nowMs);
    try {
      await this.#load();
      liveness.check(nowMs);
      // First, as a flush may take long.
      await Promise.all([liveness.watch(), alarm.resume()]);
      // A silent session isn't opened: each alarm would cost a Redis command.
      if (isForSession === 'unknown' ? await session.mayNeedAlarm() : isForSession) {
        await this.#alarmGate.pass(async () => (await session.open({ byAlarm: true })).onAlarm());
      }
    } catch (error) {
      if (error instanceof SessionNotFoundError) return;
      log('alarm_failed', describe(error));
      // What was dirty still is: the next alarm tries again.
      await alarm.wakeForSession(Date.now() + this.#flushAlarmMs);
    }
  }
}
